"""Kinds register with one line; a clash is refused, a definition run again is not, and data finds its class."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import ValidationError

from archsim.core.errors import BadInput, NameTaken, UnknownName
from archsim.core.registry import Registry
from archsim.core.spec import Spec
from archsim.core.validate import build
from archsim.core.yamlfile import Document
from archsim.ir.component import Component, Design
from archsim.ir.kinded import Kinded


class Shape(Kinded):
    """A family of its own, so that tests do not touch the real registries."""

    registry: ClassVar[Registry[type[Shape]]] = Registry("shape")

    corners: int = 0
    """Corners."""


class Square(Shape, kind="square"):
    """Four."""

    side: int = 1
    """Length."""


class Circle(Shape, kind="circle"):
    """None."""

    radius: int = 1
    """Length."""


class Picture(Spec):
    """Holds any shape, and one that must be a square."""

    anything: Shape = Circle()
    """Any shape."""
    frame: Square = Square()
    """A square."""


def read(data: dict[str, object]) -> Picture:
    return build(Picture, Document(data))


def test_the_kind_in_a_document_picks_the_class() -> None:
    picture = read({"anything": {"kind": "square", "side": 3}, "frame": {"side": 2}})
    assert picture == Picture(anything=Square(side=3), frame=Square(side=2))
    assert picture.model_dump() == {
        "anything": {"kind": "square", "corners": 0, "side": 3},
        "frame": {"kind": "square", "corners": 0, "side": 2},
    }
    assert read(picture.model_dump()) == picture


def test_an_unknown_kind_suggests_and_a_wrong_one_says_so() -> None:
    with pytest.raises(BadInput, match="unknown shape 'squaer', did you mean 'square'"):
        read({"anything": {"kind": "squaer"}})
    with pytest.raises(BadInput, match="'circle' is not a shape that fits here"):
        read({"frame": {"kind": "circle"}})
    with pytest.raises(BadInput, match="radius"):
        read({"anything": {"kind": "square", "radius": 1}})


def test_another_class_may_not_take_a_kind() -> None:
    with pytest.raises(NameTaken, match=r"shape 'square' is .*Square"):

        class Quadrat(Shape, kind="square"):
            """The same in German."""

    assert Shape.registry.get("square") is Square


def test_the_same_class_may_be_defined_again() -> None:
    """A notebook cell run twice."""

    def cell(side: int) -> type[Shape]:
        class Triangle(Shape, kind="triangle"):
            """Three."""

            length: int = side
            """Length."""

        return Triangle

    first, second = cell(1), cell(2)
    assert first is not second
    assert Shape.registry.get("triangle") is second
    assert Shape.registry.get("triangle")().model_dump() == {"kind": "triangle", "corners": 0, "length": 2}


def test_a_class_without_a_kind_stays_out_of_the_registry() -> None:
    class Polygon(Shape):
        """Any number."""

    assert not Polygon.kind
    assert set(Shape.registry.names()) >= {"circle", "square"}
    assert Polygon not in [cls for _, cls in Shape.registry.items()]


def test_kinds_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Square().side = 2  # type: ignore[misc]


def test_families_have_registries_of_their_own() -> None:
    assert "square" not in Design.registry
    assert "square" not in Component.registry
    with pytest.raises(UnknownName, match="unknown shape 'pim_dram'"):
        Shape.registry.get("pim_dram")
