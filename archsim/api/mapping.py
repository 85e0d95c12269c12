"""Map without running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archsim.api.cases import prepare
from archsim.api.running import lower
from archsim.ir.component import Design
from archsim.ir.mapping import Mapping
from archsim.ir.workload import Workload


def map_(design: str | Path | Design, workload: str | Path | Workload, **options: Any) -> Mapping:
    """The checked mapping of a workload onto a design: what `archsim.run` would simulate.

    Parameters
    ----------
    design, workload, options
        As in `archsim.run`.

    Raises
    ------
    BadInput
        Something named here does not exist or is not right.
    DoesNotFit, Infeasible
        There is no mapping, and why.
    """
    return lower(prepare(design, workload, **options))[1]
