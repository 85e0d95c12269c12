"""Panels in a row, each in stages: a stage of a panel comes after the stage before it of the next panel.

So the arrays and the DRAM, which take their tasks in program order, work on several panels at a time, across all loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archsim.ir.mapping import After, Loop, Node
from archsim.mappers.spatial.tiles import Spot, Tile
from archsim.units.spatial.problem import Problem

NOWHERE = Spot(Problem(1, 1, 1, 1, 1, 1))
"""A place without an attention around it; its offset along q may stand for any dim of an op."""


@dataclass(frozen=True, slots=True)
class Panel:
    """What is worked on as a whole."""

    tile: Tile


@dataclass(frozen=True, slots=True)
class Times:
    """Panels `count` times, `step` further along a dim each time."""

    dim: str
    var: str
    step: int
    count: int
    inner: Panels


Panels = Panel | Times | tuple["Panels", ...]


@dataclass(frozen=True, slots=True)
class Due:
    """A panel whose next stage is due."""

    labels: tuple[str, ...]
    """Those of its latest stage: the newest task of these is the one that is meant."""
    spot: Spot
    tile: Tile

    def after(self, task: str, label: str) -> tuple[After, ...]:
        """Waits for a task of its latest stage, at the stage `label`: there, that of the next panel is newer."""
        return tuple(After(f"{task}-{one}", int(one == label)) for one in self.labels)


First = Callable[[str, Spot, Tile], Sequence[Node]]
"""(label, place, tile) -> tasks of the first stage."""
Later = Callable[[str, Due], Sequence[Node]]
"""(label, panel) -> tasks of a later stage."""
Dues = tuple[Due, ...]
"""Panels under way, the newest first: the n-th is due for the n-th later stage."""


@dataclass(frozen=True)
class Chain:
    """Lays out panels."""

    first: First
    later: tuple[Later, ...]

    def nodes(self, panels: Panels, spot: Spot) -> tuple[Node, ...]:
        """The program of all panels; what is under way at last has labels of its own, the very last ``end``."""
        body, dues = self._walk(panels, spot, (), "p")
        out = list(body)
        for left in range(len(self.later), 0, -1):
            label = "end" if left == 1 else f"end{left}"
            new: list[Due] = []
            for stage, due in enumerate(dues, len(self.later) - left):
                out += self.later[stage](label, due)
                new.append(Due((label,), due.spot, due.tile))
            dues = tuple(new[: left - 1])
        return tuple(out)

    def _walk(self, panels: Panels, spot: Spot, dues: Dues, path: str) -> tuple[tuple[Node, ...], Dues]:
        if isinstance(panels, Panel):
            nodes = list(self.first(path, spot, panels.tile))
            for stage, due in zip(self.later, dues, strict=False):
                nodes += stage(path, due)
            moved = (Due((path,), due.spot, due.tile) for due in dues)
            return tuple(nodes), (Due((path,), spot, panels.tile), *moved)[: len(self.later)]
        if isinstance(panels, tuple):
            out: list[Node] = []
            for index, part in enumerate(panels):
                more, dues = self._walk(part, spot, dues, f"{path}{index}" if len(panels) > 1 else path)
                out += more
            return tuple(out), dues
        return self._loop(panels, spot, dues, path)

    def _loop(self, panels: Times, spot: Spot, dues: Dues, path: str) -> tuple[tuple[Node, ...], Dues]:
        """The first iterations apart, until all that is under way is of the loop; then the others."""
        peeled = _peeled(panels, len(self.later))
        nodes: tuple[Node, ...] = ()
        for index in range(peeled):
            more, dues = self._walk(
                panels.inner, spot.shifted(panels.dim, panels.step * index), dues, _path(panels, path, index)
            )
            nodes += more
        if peeled == panels.count:
            return nodes, dues
        path, inner = path + "r", spot.moved(panels.dim, panels.var, panels.step)
        last = last_label(panels.inner, len(self.later), path)
        entering = []
        for back, due in enumerate(dues):
            place, tile = _nth_last(Times(panels.dim, panels.var, panels.step, peeled, panels.inner), inner, back)
            entering.append(Due((*due.labels, last), place, tile))
        body, leaving = self._walk(panels.inner, inner.shifted(panels.dim, panels.step * peeled), tuple(entering), path)
        end = panels.count - peeled - 1
        after = tuple(Due(due.labels, due.spot.at_end(panels.var, end), due.tile) for due in leaving)
        return (*nodes, Loop(panels.var, panels.count - peeled, body)), after


def last_label(panels: Panels, stages: int, path: str = "p") -> str:
    """Label of the panel that is last in program order, wherever loops end; `stages` after the first one."""
    if isinstance(panels, Panel):
        return path
    if isinstance(panels, tuple):
        return last_label(panels[-1], stages, f"{path}{len(panels) - 1}" if len(panels) > 1 else path)
    peeled = _peeled(panels, stages)
    return last_label(panels.inner, stages, _path(panels, path, peeled - 1) if peeled == panels.count else path + "r")


def _path(panels: Times, path: str, index: int) -> str:
    """Label of a loop's iteration that stands apart."""
    return path if panels.count == 1 else path + "fghijk"[index]


def _peeled(panels: Times, stages: int) -> int:
    """Iterations until the panels under way are all of the loop itself."""
    return min(panels.count, -(-stages // _count(panels.inner)))


def _count(panels: Panels) -> int:
    if isinstance(panels, Panel):
        return 1
    if isinstance(panels, tuple):
        return sum(_count(part) for part in panels)
    return panels.count * _count(panels.inner)


def _nth_last(panels: Panels, spot: Spot, back: int) -> tuple[Spot, Tile]:
    """Place and tile of the panel `back` before the last one."""
    if isinstance(panels, Panel):
        return spot, panels.tile
    if isinstance(panels, tuple):
        for part in reversed(panels):
            if back < _count(part):
                return _nth_last(part, spot, back)
            back -= _count(part)
    assert isinstance(panels, Times), "fewer panels than are under way"
    rounds, rest = divmod(back, _count(panels.inner))
    return _nth_last(panels.inner, spot.shifted(panels.dim, panels.step * (panels.count - 1 - rounds)), rest)
