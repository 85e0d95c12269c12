"""Registries refuse a clash, forgive a repeat, and suggest."""

import pytest

from archsim.core.errors import NameTaken, UnknownName
from archsim.core.registry import Registry


def test_keeps_names_sorted_whatever_the_order() -> None:
    shapes = Registry[int]("shape")
    shapes.add("opt", 1)
    shapes.add("gpt", 2)
    assert shapes.names() == ("gpt", "opt")
    assert shapes.items() == (("gpt", 2), ("opt", 1))
    assert "opt" in shapes
    assert "llama" not in shapes
    assert len(shapes) == 2
    assert shapes.get("gpt") == 2


def test_a_clash_names_both_sides() -> None:
    mappers = Registry[type]("mapper")
    mappers.add("greedy", int)
    with pytest.raises(NameTaken) as caught:
        mappers.add("greedy", str, where="my_mapper.py:3")
    assert str(caught.value).startswith("my_mapper.py:3  mapper 'greedy' is taken by builtins.int")
    assert mappers.get("greedy") is int


def test_adding_the_same_again_is_fine() -> None:
    mappers = Registry[type]("mapper")
    mappers.add("greedy", int)
    mappers.add("greedy", int)
    assert mappers.names() == ("greedy",)


def test_replace_is_for_definitions_run_again() -> None:
    mappers = Registry[type]("mapper")
    mappers.add("greedy", int)
    mappers.replace("greedy", str)
    assert mappers.get("greedy") is str


def test_a_miss_suggests() -> None:
    mappers = Registry[int]("mapper")
    mappers.add("greedy", 1)
    with pytest.raises(UnknownName, match="unknown mapper 'gredy', did you mean 'greedy'"):
        mappers.get("gredy")
