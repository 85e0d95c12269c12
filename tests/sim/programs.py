"""Random programs on the made-up units: nested loops, growing sizes, moving addresses, waits that reach back several iterations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from archsim.ir.affine import Affine
from archsim.ir.block import Block, Calendar
from archsim.ir.mapping import After, Loop, Node, Task
from tests.sim.synthetic import Plain, Rows, Tired


@dataclass(frozen=True)
class Case:
    """A program and what makes its units (a fresh set for every run, as a machine runs once)."""

    body: tuple[Node, ...]
    units: tuple[Plain | Tired | Rows, ...]

    def blocks(self) -> Mapping[str, Block]:
        return {unit.name: unit for unit in self.units}


@st.composite
def plains(draw: st.DrawFn, name: str) -> Plain:
    return Plain(name, draw(st.integers(0, 5)), draw(st.sampled_from([0, 0, 3, -2])))


@st.composite
def memories(draw: st.DrawFn, refresh: bool) -> Rows:
    calendar = None
    if refresh:
        duration = draw(st.sampled_from([1, 2, 5, 30]))
        calendar = Calendar(duration + draw(st.sampled_from([1, 2, 7, 40, 300])), duration)
    apart = draw(st.sampled_from([0, 4, 9]))
    return Rows("rows", draw(st.integers(1, 3)), draw(st.integers(0, 4)), apart, draw(st.sampled_from([0, 2, -1])), calendar)


@st.composite
def machines(draw: st.DrawFn) -> tuple[Plain | Tired | Rows, ...]:
    """Two to four units, one of which may refresh."""
    units: list[Plain | Tired | Rows] = [draw(memories(draw(st.booleans())))]
    units.append(draw(plains("plain")))
    if draw(st.booleans()):
        units.append(Tired("tired", draw(st.integers(1, 3)), draw(st.sampled_from([0, 3, 7]))))
    if draw(st.booleans()):
        units.append(draw(plains("other")))
    return tuple(units)


@dataclass
class Sketch:
    """Names handed out while a program is drawn."""

    units: tuple[str, ...]
    tasks: list[str]
    loops: int = 0


@st.composite
def bodies(draw: st.DrawFn, sketch: Sketch, loops: tuple[str, ...], depth: int, counts: st.SearchStrategy[int]) -> tuple[Node, ...]:
    """A body of tasks and, down to `depth`, loops; waits come later, once all tasks are known."""
    out: list[Node] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.booleans()):
            var = f"v{sketch.loops}"
            sketch.loops += 1
            out.append(Loop(var, draw(counts), draw(bodies(sketch, (*loops, var), depth - 1, st.integers(1, 4)))))
            continue
        name = f"t{len(sketch.tasks)}"
        sketch.tasks.append(name)
        unit = draw(st.sampled_from(sketch.units))
        n, row = Affine(draw(st.integers(1, 4))), Affine(draw(st.integers(0, 6)))
        for var in loops:
            if draw(st.integers(0, 4)) == 0:
                n = n + Affine.var(var, draw(st.integers(1, 2)))
            row = row + Affine.var(var, draw(st.sampled_from([0, 1, 1, 3])))
        kernel = draw(st.sampled_from(["rows", "rows", "spot"])) if unit == "rows" else "work"
        args = {"n": n, "row": row} if kernel == "rows" else {"n": n}
        out.append(Task(name, draw(st.sampled_from(["a", "b"])), kernel, unit, args))
    return tuple(out)


def with_waits(body: tuple[Node, ...], waits: Mapping[str, tuple[After, ...]]) -> tuple[Node, ...]:
    """The same program in which every task has its waits."""
    out: list[Node] = []
    for node in body:
        if isinstance(node, Loop):
            out.append(Loop(node.var, node.count, with_waits(node.body, waits)))
        else:
            out.append(Task(node.name, node.op, node.kernel, node.unit, node.args, after=waits[node.name]))
    return tuple(out)


@st.composite
def programs(draw: st.DrawFn, longest: int = 60) -> Case:
    """A program whose outermost loops run up to `longest` times."""
    units = draw(machines())
    sketch = Sketch(tuple(unit.name for unit in units), [])
    counts = st.one_of(st.integers(1, 6), st.integers(7, longest))
    body = draw(bodies(sketch, (), 3, counts))
    waits = {}
    for name in sketch.tasks:
        known = st.builds(After, st.sampled_from(sketch.tasks), st.sampled_from([0, 0, 0, 1, 2, 3]))
        waits[name] = tuple(draw(st.lists(known, max_size=2)))
    return Case(with_waits(body, waits), units)
