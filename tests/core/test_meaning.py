"""Docstrings of fields are found where the class was written, whenever they are asked for."""

from __future__ import annotations

import linecache
import subprocess
import sys

import pytest
from pydantic import Field, create_model

from archsim.core.meaning import documented_fields
from archsim.core.spec import Spec


class Plain(Spec):
    one: int = 1
    """The first.

    And more of it.
    """
    two: int = 2
    named: int = Field(3, description="By its field.")
    """By its docstring."""


class Child(Plain):
    two: int = 4
    """Said by the child."""
    three: int = 3
    """Own."""

    class Inner(Spec):
        one: int = 1
        """Inside."""


def meanings(cls: type[Spec]) -> dict[str, str | None]:
    return {name: info.description for name, info in documented_fields(cls).items()}


def test_docstrings_are_meanings_and_a_description_goes_first() -> None:
    first = "The first.\n\nAnd more of it."
    assert meanings(Plain) == {"one": first, "two": None, "named": "By its field."}
    assert meanings(Child) == {"one": first, "two": "Said by the child.", "named": "By its field.", "three": "Own."}
    assert meanings(Child.Inner) == {"one": "Inside."}


def made(text: str) -> type[Spec]:
    class Local(Spec):
        one: int = 1
        """Above."""

    above = Local

    class Local(Spec):  # type: ignore[no-redef]
        one: int = 1
        """Below."""

    return above if text == "Above." else Local


@pytest.mark.parametrize("text", ["Above.", "Below."])
def test_of_two_classes_with_one_name_each_has_its_own(text: str) -> None:
    assert meanings(made(text)) == {"one": text}


def test_cells_of_a_notebook_are_read_too() -> None:
    """IPython runs cells as files that are only in linecache."""
    for number, text in enumerate(("First cell.", "Second cell.")):
        source = f'from archsim.core.spec import Spec\nclass Mine(Spec):\n    a: int = 1\n    """{text}"""\n'
        name = f"<ipython-input-{number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        space = {"__name__": "__main__"}
        exec(compile(source, name, "exec"), space)
        assert meanings(space["Mine"]) == {"a": text}  # type: ignore[arg-type]
        del linecache.cache[name]


def test_a_class_without_source_has_no_meanings() -> None:
    assert meanings(create_model("Made", __base__=Plain, new=(int, 1)))["new"] is None


def test_starting_parses_no_class() -> None:
    """The time that this saves is a fifth of a short command."""
    code = "import archsim.api, archsim.models.spatial.spec; from archsim.core.meaning import _classes"
    code += "; print(_classes.cache_info().misses)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
