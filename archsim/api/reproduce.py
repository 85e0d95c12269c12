"""Reported and simulated side by side, for every paper whose numbers are here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from types import ModuleType

from archsim.api.papers.case import Row
from archsim.core.errors import UnknownName

PAPERS: Mapping[str, str] = {
    "dramsim3": "archsim.api.papers.dramsim3",
    "fusemax": "archsim.api.papers.fusemax",
    "pim-gpt": "archsim.api.papers.pim_gpt",
}
"""Name -> the module that has its cases."""


def papers() -> dict[str, str]:
    """Name -> title of every paper or simulator that is compared with."""
    return {name: _module(name).TITLE for name in PAPERS}


def reproduce(paper: str | None = None, *, watch: Callable[[str, int, int], None] | None = None) -> list[Row]:
    """Every case of a paper, or of all of them, simulated.

    Parameters
    ----------
    paper
        A name of `PAPERS`; None takes all.
    watch
        Told after each case: paper, cases done, cases of the paper.

    Returns
    -------
    list[Row]
        In the order of the papers' tables.

    Raises
    ------
    UnknownName
        No such paper.
    """
    if paper is not None and paper not in PAPERS:
        raise UnknownName("paper", paper, PAPERS)
    return [row for name in PAPERS if paper in (None, name) for row in _rows(name, watch)]


def _rows(name: str, watch: Callable[[str, int, int], None] | None) -> Iterator[Row]:
    cases = _module(name).cases()
    for done, case in enumerate(cases, 1):
        yield Row(name, case, float(case.simulate()))
        if watch is not None:
            watch(name, done, len(cases))


def _module(name: str) -> ModuleType:
    return import_module(PAPERS[name])
