"""Which biases and gains a PIM machine fetches together, and which of them come a round ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.ir.graph import Graph, Item, Op, Repeat, Role
from archsim.ir.queue import Queue


@dataclass(frozen=True)
class Fetch:
    """One read of all biases and gains of a run of ops: those between two loops, or between a loop's ends.

    In layers, those of the first user may come a layer ahead, into a place of their own for two. The others stay
    until the last op that uses them.
    """

    begins: Op
    """The first op of the run, before which it is done."""
    uses: tuple[tuple[Op, tuple[str, ...]], ...]
    """Ops of the run that use some, with their tensors."""
    place: str
    """Name of the placement in the scratchpad."""
    ahead: bool
    """Whether those of the first user come a round ahead."""

    @property
    def first(self) -> Op:
        """The first user."""
        return self.uses[0][0]

    @property
    def task(self) -> str:
        """Name of the task."""
        return f"{self.first.name}.vectors"

    @property
    def names(self) -> tuple[str, ...]:
        """All tensors, in the order of their first use."""
        return tuple(dict.fromkeys(name for _, names in self.uses for name in names))

    @property
    def early(self) -> tuple[str, ...]:
        """Those that come a round ahead."""
        return self.uses[0][1] if self.ahead else ()

    @property
    def late(self) -> tuple[str, ...]:
        """The others."""
        return tuple(name for name in self.names if name not in self.early)

    @property
    def place_ahead(self) -> str:
        """Name of the placement of those that come a round ahead."""
        return f"{self.place}.ahead"

    @property
    def writes(self) -> tuple[str, ...]:
        """What the task writes, as tasks name it: a placement, and a queue that holds an entry at first."""
        return self._named(self.names)

    def reads(self, op: Op) -> tuple[str, ...]:
        """The same, of what a user reads."""
        return self._named(next((names for user, names in self.uses if user.name == op.name), ()))

    def _named(self, names: Sequence[str]) -> tuple[str, ...]:
        early = any(name in self.early for name in names)
        late = any(name not in self.early for name in names)
        return (self.place,) * late + (str(Queue(self.place_ahead, 1)),) * early


def fetches(graph: Graph, *, ahead: bool) -> tuple[Fetch, ...]:
    """All fetches of a graph, in order; `ahead` where those of layers may come a layer ahead."""
    return tuple(found for run in _runs(graph.items) if (found := _fetch(graph, run, ahead)))


def _fetch(graph: Graph, run: Sequence[Op], ahead: bool) -> Fetch | None:
    uses = tuple((op, names) for op in run if (names := vectors_of(graph, op)))
    if not uses:
        return None
    stacked = any(graph.tensors[name].stacked for _, names in uses for name in names)
    phase = run[0].name.partition(".")[0]
    return Fetch(run[0], uses, f"{phase}.vectors" if stacked else f"{phase}.vectors_f", ahead and stacked)


def vectors_of(graph: Graph, op: Op) -> tuple[str, ...]:
    """The biases and gains that an op uses."""
    return tuple(name for name in (*op.inputs, op.bias) if name in graph.tensors and is_vector(graph, name))


def is_vector(graph: Graph, name: str) -> bool:
    """Whether a tensor is a bias or gain."""
    tensor = graph.tensors[name]
    return tensor.role == Role.WEIGHT and len(tensor.dims) == 1


def _runs(items: Sequence[Item]) -> list[list[Op]]:
    """Ops that follow one another in the same phase without a loop between."""
    out: list[list[Op]] = [[]]
    for item in items:
        if isinstance(item, Repeat):
            out += [*_runs(item.body), []]
            continue
        if out[-1] and out[-1][-1].name.partition(".")[0] != item.name.partition(".")[0] and "." in item.name:
            out.append([])
        out[-1].append(item)
    return [run for run in out if run]
