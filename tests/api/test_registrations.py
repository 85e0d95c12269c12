"""Registering and undoing it: names of one test, or of one `with`, are not there in the next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archsim
from archsim.api.catalog import list_names
from archsim.core.errors import UnknownName
from archsim.core.registry import Registry
from archsim.ir.component import Component, Design
from archsim.memory.standards import STANDARDS

ADDED = st.dictionaries(st.sampled_from("abcdef"), st.integers())


@given(before=ADDED, inside=ADDED, fails=st.booleans())
def test_what_is_registered_inside_is_undone_however_it_ends(
    before: dict[str, int], inside: dict[str, int], *, fails: bool
) -> None:
    numbers = Registry[int]("number")
    for name, value in before.items():
        numbers.add(name, value)
    try:
        with numbers.undone():
            for name, value in inside.items():
                numbers.replace(name, value)
            assert dict(numbers.items()) == before | inside
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert dict(numbers.items()) == before


@given(kept=ADDED, gone=ADDED)
def test_what_a_package_registers_itself_can_be_kept(kept: dict[str, int], gone: dict[str, int]) -> None:
    numbers = Registry[int]("number")
    with numbers.undone(keep="mine"):
        for name, value in gone.items():
            numbers.replace(name, value, where="mine_too.module")
        for name, value in kept.items():
            numbers.replace(name, value, where="mine.module")
    assert dict(numbers.items()) == kept


@pytest.mark.parametrize("turn", [1, 2])
def test_no_test_sees_the_names_of_another(work: Path, turn: int) -> None:
    """Both turns register the same; the second would see what the first left."""
    assert "left_behind" not in Component.registry, turn
    assert "my_npu_pim" not in Design.registry, turn
    assert "left-behind" not in STANDARDS, turn

    class LeftBehind(Component, kind="left_behind"):
        """A component that nobody takes away."""

    STANDARDS.add("left-behind", STANDARDS.get("hbm2"))
    archsim.load_design("my_design.py:MyDesign")
    assert archsim.load_design("my_npu_pim").kind == "my_npu_pim"
    assert "left_behind" in list_names("components")["components"]


@pytest.mark.parametrize("turn", [1, 2])
def test_what_archsim_brings_stays(turn: int) -> None:
    """Its modules are imported once: what the first turn may have registered has to be there in the second."""
    command = [sys.executable, "-m", "archsim.cli", "list", "--json"]
    fresh = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    here = list_names()
    for group, names in fresh.items():
        assert names.keys() <= here[group].keys(), (turn, group)
    with pytest.raises(UnknownName):
        STANDARDS.get("left-behind")
