"""What units of a program leave for each other, and must know of each other's tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.ir.affine import Affine
from archsim.ir.mapping import Node
from archsim.mappers.spatial.results import Shape

Left = tuple[Affine, Affine, int, tuple[str, ...]]
Late = tuple[Left, ...]
"""(columns, tiles, rows of the array, einsums) of every cell of which something is left for the next unit."""


@dataclass(frozen=True, slots=True)
class State:
    """What a unit finds before it."""

    late: Late
    block: Shape | None
    """The results of the block before, if there is one and its keys have all passed."""


NOTHING = State((), None)


@dataclass(frozen=True, slots=True)
class Tail:
    """A task that completes a result of the unit before."""

    task: str
    cell: int
    source: str
    """The einsum of that cell that it adds."""
    again: bool
    """Whether this unit has already been at the cell of that number: the one before is the last but one."""


@dataclass
class Emitted:
    """What other units must know of the tasks of a unit."""

    keys: list[str] = field(default_factory=list)
    """Task that loads the keys of each row."""
    values: list[str] = field(default_factory=list)
    scores_last: list[str] = field(default_factory=list)
    """Reads the keys of a row last."""
    values_last: list[str] = field(default_factory=list)
    per: list[int] = field(default_factory=list)
    """How often these two run for a row."""
    count: int = 1
    groups: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)
    """First task of a group, those that the next group waits for, whether the group is in a loop."""
    cells: list[Mapping[str, str]] = field(default_factory=list)
    """Names of a single group's tasks."""
    tails: list[Tail] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    """Tasks that write running sums and results of its own cells."""
    queries: str = ""
    """Loads the queries, where the unit is the first one of a block."""
    stores: list[str] = field(default_factory=list)
    """Stores of the block before."""
    first: bool = False
    """Whether these come before its own results: the divisions were in the unit before."""


@dataclass(frozen=True, slots=True)
class Made:
    """Tasks, and what others must know of them."""

    nodes: tuple[Node, ...]
    emitted: Emitted
