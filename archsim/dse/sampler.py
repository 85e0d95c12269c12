"""Which points to look at next. A grid looks at all of them; a search would learn from the rows so far."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Protocol

from archsim.dse.store import Row
from archsim.dse.study import Settings, Study


class Sampler(Protocol):
    """Chooses points. Deterministic in the study and the rows it is shown, so that a resumed study asks the same."""

    def ask(self, study: Study, rows: Sequence[Row]) -> Sequence[Settings]:
        """The next points to evaluate together, given every finished row so far; none when the study is over."""
        ...


class Grid:
    """Every combination, the first axis of the file slowest."""

    def ask(self, study: Study, rows: Sequence[Row]) -> Sequence[Settings]:
        """All points at once, and then none."""
        if rows:
            return ()
        axes = study.axes
        return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
