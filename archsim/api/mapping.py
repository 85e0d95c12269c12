"""Map without running."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.api.cases import prepare
from archsim.api.lowering import lower
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping
from archsim.ir.workload import Workload

if TYPE_CHECKING:
    from archsim.ir.execute import Execution

SEEDS = (0, 1, 2)
"""Orders other than the program's in which a mapping is executed to verify it."""


@dataclass(frozen=True)
class Mapped:
    """A mapping with what it maps."""

    graph: Graph
    design: Design
    mapping: Mapping


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
    return mapped(design, workload, **options).mapping


def mapped(design: str | Path | Design, workload: str | Path | Workload, **options: Any) -> Mapped:
    """What `map_` makes, with the graph and the design."""
    case = prepare(design, workload, **options)
    graph, mapping = lower(case)
    return Mapped(graph, case.design, mapping)


def verified(made: Mapped) -> list[Execution]:
    """A small mapping executed on arrays in program order, and in some others that it allows.

    Stops after the first that does not compute the graph.

    Raises
    ------
    BadInput
        Too large to be executed; says by how much and what to shrink.
    """
    out = [made.mapping.execute(made.graph, made.design)]
    for seed in SEEDS:
        if out[-1].ok:
            out.append(made.mapping.execute(made.graph, made.design, seed, order="any"))
    return out
