"""The waist.

A small structured program of tasks and loops on named units, with tiles, addresses, order and dependences.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from archsim.core.gap import gap
from archsim.ir.affine import Affine, affine

if TYPE_CHECKING:
    from archsim.ir.component import Design
    from archsim.ir.execute.result import Execution
    from archsim.ir.graph import Graph


@dataclass(frozen=True, slots=True)
class Range:
    """Half-open index range ``[start, stop)``; the ends may move with loop variables."""

    start: Affine
    stop: Affine

    @staticmethod
    def of(start: Affine | int, stop: Affine | int) -> Range:
        """A range from ints or affine expressions."""
        return Range(affine(start), affine(stop))

    def __str__(self) -> str:
        return f"{self.start}:{self.stop}"


@dataclass(frozen=True, slots=True)
class After:
    """Wait for the `distance`-th latest earlier instance of `task` in program order (0: the latest).

    A task in the same iteration that stands earlier is distance 0; the previous iteration's instance of a later task
    too. Where no such instance exists yet, there is nothing to wait for.
    """

    task: str
    distance: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One kernel on one unit for one tile of one op."""

    name: str
    op: str
    kernel: str
    unit: str
    args: ReadOnly[str, Affine]
    """Kernel arguments: what the unit needs to know (sizes, first row). Affine in the loops around the task."""
    tile: ReadOnly[str, Range] = field(default_factory=dict)
    """The part of the op's iteration space this task computes; empty for a helper (partial sums, a copy) that only
    serves the op.
    """
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    """Tensors, buffers and queues by name, as `reads`; see `archsim.ir.queue`."""
    after: tuple[After, ...] = ()
    why: str = ""
    """Why it is here and cut like this, for `archsim map --explain`."""

    def __hash__(self) -> int:
        return hash((self.name, self.op, self.kernel, self.unit))


@dataclass(frozen=True, slots=True)
class Loop:
    """`body` executed `count` times in program order; `var` runs from 0 and may appear in args and tiles.

    Iterations are not separated by a barrier: units take their tasks in program order and dependences do the rest,
    so double buffering and software pipelining are written with `After(distance=...)`.
    """

    var: str
    count: int
    body: tuple[Task | Loop, ...]


Node = Task | Loop


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a tensor lives.

    `size` bytes from `start` in `memory`, one copy every `strides[var]` bytes per loop iteration.

    `live` names the first and the last op that need it; empty means always. Where one tensor's last op is another's
    first, that op works in place.
    """

    tensor: str
    memory: str
    start: int
    size: int
    strides: ReadOnly[str, int] = field(default_factory=dict)
    live: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Who made the mapping, and how good it is by its own measure. `bound` <= `objective`; the gap is relative."""

    mapper: str
    metric: str
    objective: float
    bound: float
    options: ReadOnly[str, object] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """(objective - bound) / bound; infinite above a bound of 0."""
        return gap(self.objective, self.bound)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping: the program, the address map, and who made it. A value: save it, diff it, write it by hand."""

    graph: str
    design: str
    body: tuple[Node, ...]
    placements: tuple[Placement, ...]
    capacities: ReadOnly[str, int]
    """Bytes of each memory that placements refer to (per bank for banked memories), or that plans were made for."""
    choice: Choice
    notes: tuple[str, ...] = ()

    def walk(self) -> Iterator[tuple[Task, tuple[Loop, ...]]]:
        """Every task with the loops around it, outermost first, in program order."""
        yield from walk(self.body, ())

    def check(self, graph: Graph, design: Design) -> None:
        """Raise unless this program computes the graph on the design; see `archsim.ir.check`."""
        from archsim.ir.check import check

        check(self, graph, design)

    def execute(
        self, graph: Graph, design: Design, seed: int = 0, *, order: Literal["program", "any"] = "program"
    ) -> Execution:
        """Run this program on numpy arrays and compare it with the plain graph; see `archsim.ir.execute`."""
        from archsim.ir.execute import execute

        return execute(self, graph, design, seed=seed, order=order)

    def to_json(self) -> dict[str, Any]:
        """A JSON document; `Mapping.from_json` reads it back to an equal mapping."""
        from archsim.ir.mappingfile import to_json

        return to_json(self)

    @staticmethod
    def from_json(data: ReadOnly[str, Any]) -> Mapping:
        """A mapping from its JSON document; `BadInput` names what is missing or malformed."""
        from archsim.ir.mappingfile import from_json

        return from_json(data)

    def explain(self) -> str:
        """The program and the address map as text for people."""
        from archsim.ir.mapping_text import mapping_lines

        return "\n".join(mapping_lines(self, explain=True))

    def tasks(self) -> dict[str, tuple[Task, tuple[Loop, ...]]]:
        """Task name -> (task, loops around it)."""
        return {task.name: (task, loops) for task, loops in self.walk()}


def walk(body: tuple[Node, ...], loops: tuple[Loop, ...]) -> Iterator[tuple[Task, tuple[Loop, ...]]]:
    """Tasks of a program body with the loops around each, outermost first."""
    for node in body:
        if isinstance(node, Task):
            yield node, loops
        else:
            yield from walk(node.body, (*loops, node))


def instances(body: tuple[Node, ...]) -> int:
    """How many task instances the body executes."""
    return sum(1 if isinstance(node, Task) else node.count * instances(node.body) for node in body)
