"""A word about compiling: when a compiler is at work, once, and never otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from archsim.cli.patience import COMPILER, COMPILING, compiling
from archsim.cli.talk import Talk

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

LOOK = 0.001
"""Seconds between two looks, so that a test has not to wait for them."""


def work_until(enough: Callable[[], bool]) -> bool:
    """Do something until it is enough, or for so long that it never will be."""
    for _ in range(1000):
        if enough():
            return True
        time.sleep(0.01)
    return False


def within(module: str) -> Callable[[Callable[[], bool]], bool]:
    """`work_until` as a function of another module."""
    names: dict[str, Any] = {**globals(), "__name__": module}
    return FunctionType(work_until.__code__, names)


def test_it_is_said_once_while_a_compiler_works(capsys: pytest.CaptureFixture[str]) -> None:
    said = ""

    def heard() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return bool(said)

    with compiling(Talk(), every=LOOK):
        assert within(COMPILER)(heard)
        looks = iter(range(5))
        within(COMPILER)(lambda: next(looks, None) is None)
    assert said + capsys.readouterr().err == f"{COMPILING}\n"


@pytest.mark.parametrize(("module", "quiet"), [("numba.core.caching", False), (__name__, False), (COMPILER, True)])
def test_other_work_and_quiet_need_no_word(module: str, capsys: pytest.CaptureFixture[str], *, quiet: bool) -> None:
    looks = iter(range(5))
    with compiling(Talk(quiet), every=LOOK):
        within(module)(lambda: next(looks, None) is None)
    assert capsys.readouterr().err == ""


def test_an_error_comes_through() -> None:
    with pytest.raises(KeyError), compiling(Talk(), every=LOOK):
        raise KeyError


def test_the_compiler_that_memories_use_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    import numba

    compiled: Any = numba.njit(lambda x: x * x + 1)
    with compiling(Talk(), every=LOOK):
        assert compiled(3) == 10
    assert capsys.readouterr().err == f"{COMPILING}\n"
    with compiling(Talk(), every=LOOK):
        assert compiled(4) == 17
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("wrong", [["hbm2-8gb-x129"], ["hbm2-8gb-x128", "--pattern", "randm"]])
def test_wrong_inputs_are_found_before(cli: Cli, monkeypatch: pytest.MonkeyPatch, wrong: list[str]) -> None:
    def never(talk: Talk) -> None:
        raise AssertionError("inputs come first")

    monkeypatch.setattr("archsim.cli.dram.compiling", never)
    assert cli("dram", *wrong).code == 2
