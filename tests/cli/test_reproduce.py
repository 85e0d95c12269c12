"""The command: a table for people, a list for scripts, and an exit code for both."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from archsim.api import reproduce as api
from archsim.api.papers import fusemax

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paper with two numbers, one of them out of what is stated if `wrong`."""
    cases = fusemax.cases()[:2]
    monkeypatch.setattr(fusemax, "cases", lambda: cases)
    monkeypatch.setattr(api, "PAPERS", {"fusemax": api.PAPERS["fusemax"]})


@pytest.mark.usefixtures("short")
def test_all_within_is_zero(cli: Cli) -> None:
    done = cli("reproduce", "fusemax")
    assert done.code == 0
    assert "2 numbers, all within what is stated" in done.out
    assert "predicted" in done.out
    rows = json.loads(cli("reproduce", "--json").out)
    assert [row["metric"] for row in rows] == ["latency", "cycles"]
    assert {row["paper"] for row in rows} == {"fusemax"}


@pytest.mark.usefixtures("short")
def test_one_outside_is_one_and_named_with_its_source(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tuple(replace(case, reported=2 * case.reported) for case in fusemax.cases())
    monkeypatch.setattr(fusemax, "cases", lambda: wrong)
    done = cli("reproduce")
    assert done.code == 1
    assert "2 outside of what is stated" in done.out
    assert f"outside: {wrong[0].case}, latency" in done.out
    assert wrong[0].source in done.out
    assert cli("reproduce", "--json").code == 1


def test_an_unknown_paper_is_bad_input(cli: Cli) -> None:
    done = cli("reproduce", "fusemx")
    assert done.code == 2
    assert "did you mean 'fusemax'" in done.err
