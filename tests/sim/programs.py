"""Random programs on the made-up units: nested loops, growing sizes, moving addresses, waits that reach far back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from archsim.ir.affine import Affine
from archsim.ir.block import Block, Calendar
from archsim.ir.mapping import After, Loop, Node, Task, instances, walk
from tests.sim.synthetic import Plain, Rows, Tired

Unit = Plain | Tired | Rows


@dataclass(frozen=True)
class Case:
    """A program and its units, which keep nothing between runs."""

    body: tuple[Node, ...]
    units: tuple[Unit, ...]

    def blocks(self) -> Mapping[str, Block]:
        return {unit.name: unit for unit in self.units}


@st.composite
def plains(draw: st.DrawFn, name: str) -> Plain:
    return Plain(name, draw(st.integers(0, 5)), draw(st.sampled_from([0, 0, 3, -2, 25])))


@st.composite
def memories(draw: st.DrawFn) -> Rows:
    calendar = None
    if draw(st.booleans()):
        duration = draw(st.sampled_from([1, 2, 5, 30]))
        calendar = Calendar(duration + draw(st.sampled_from([1, 2, 7, 40, 300])), duration)
    apart, late = draw(st.sampled_from([0, 4, 9])), draw(st.sampled_from([0, 2, -1]))
    return Rows("rows", draw(st.integers(1, 3)), draw(st.integers(0, 4)), apart, late, calendar)


@st.composite
def machines(draw: st.DrawFn) -> tuple[Unit, ...]:
    """Two to four units, one of which may refresh."""
    units: list[Unit] = [draw(memories()), draw(plains("plain"))]
    if draw(st.integers(0, 3)) == 0:
        units.append(Tired("tired", draw(st.integers(1, 3)), draw(st.sampled_from([0, 3, 7]))))
    if draw(st.booleans()):
        units.append(draw(plains("other")))
    return tuple(units)


@dataclass
class Sketch:
    """What holds for the whole program while it is drawn."""

    units: tuple[str, ...]
    grows: int
    """One of so many (task, loop) pairs varies in size; 0: none."""
    longest: int
    tasks: list[str] = field(default_factory=list)
    loops: int = 0


@st.composite
def bodies(draw: st.DrawFn, sketch: Sketch, around: tuple[str, ...], depth: int) -> tuple[Node, ...]:
    """A body of tasks and, down to `depth`, loops; waits come later, once all tasks are known."""
    out: list[Node] = []
    for _ in range(draw(st.integers(1, 3))):
        if not depth or (around and draw(st.integers(0, 2))):
            out.append(draw(tasks(sketch, around)))
            continue
        var = f"v{sketch.loops}"
        sketch.loops += 1
        count = draw(st.integers(0, 5) if around else st.one_of(st.integers(1, 6), st.integers(7, sketch.longest)))
        out.append(Loop(var, count, draw(bodies(sketch, (*around, var), depth - 1))))
    return tuple(out)


@st.composite
def tasks(draw: st.DrawFn, sketch: Sketch, around: tuple[str, ...]) -> Task:
    name = f"t{len(sketch.tasks)}"
    sketch.tasks.append(name)
    unit = draw(st.sampled_from(sketch.units))
    n, row = Affine(draw(st.integers(1, 4))), Affine(draw(st.integers(0, 6)))
    for var in around:
        if sketch.grows and draw(st.integers(1, sketch.grows)) == 1:
            n = n + Affine.var(var, draw(st.integers(1, 2)))
        row = row + Affine.var(var, draw(st.sampled_from([1, 1, 0, 3])))
    kernel = draw(st.sampled_from(["rows", "rows", "spot"])) if unit == "rows" else "work"
    return Task(name, draw(st.sampled_from("ab")), kernel, unit, {"n": n, "row": row} if kernel == "rows" else {"n": n})


@st.composite
def waits(draw: st.DrawFn, names: list[str]) -> dict[str, tuple[After, ...]]:
    """What each task waits for: in a chain the task before it, and any, some several instances back."""
    out = {}
    chained = draw(st.sampled_from([0, 9, 10, 10]))
    for index, name in enumerate(names):
        back = st.builds(After, st.sampled_from(names), st.sampled_from([0, 0, 0, 1, 2, 3]))
        extra = draw(st.lists(back, max_size=2))
        if draw(st.integers(1, 10)) <= chained:
            extra = [After(names[index - 1]), *extra[:1]]
        out[name] = tuple(extra)
    return out


def with_waits(body: tuple[Node, ...], after: Mapping[str, tuple[After, ...]]) -> tuple[Node, ...]:
    """The same program in which every task has its waits."""
    out: list[Node] = []
    for node in body:
        if isinstance(node, Loop):
            out.append(Loop(node.var, node.count, with_waits(node.body, after)))
        else:
            out.append(Task(node.name, node.op, node.kernel, node.unit, node.args, after=after[node.name]))
    return tuple(out)


@st.composite
def programs(draw: st.DrawFn, longest: int = 60, most: int = 1500) -> Case:
    """A program whose outermost loops run up to `longest` times, with at most `most` task instances."""
    units = draw(machines())
    sketch = Sketch(tuple(unit.name for unit in units), draw(st.sampled_from([0, 0, 3, 6])), longest)
    body = draw(bodies(sketch, (), 3).filter(lambda nodes: instances(nodes) <= most))
    return Case(with_waits(body, draw(waits([task.name for task, _ in walk(body, ())]))), units)


@st.composite
def pipelines(draw: st.DrawFn) -> Case:
    """One long loop of stages; each waits for the stage before it and for room in the buffer behind it."""
    units: list[Unit] = [
        Plain(f"u{i}", draw(st.integers(0, 4)), draw(st.sampled_from([0, 5, 25, 40]))) for i in range(2)
    ]
    units.append(draw(memories()))
    stages = [units[i] for i in draw(st.lists(st.integers(0, 2), min_size=2, max_size=4))]
    grows = draw(st.sampled_from([0, 0, 1]))
    out = []
    for i, unit in enumerate(stages):
        after = [After(f"s{i - 1}", draw(st.sampled_from([0, 0, 1])))] if i else []
        if draw(st.booleans()):
            after.append(After(f"s{min(i + 1, len(stages) - 1)}", draw(st.integers(0, 3))))
        n = Affine(draw(st.integers(1, 3)), (("i", 1),) if grows and draw(st.booleans()) else ())
        moving = Affine.var("i", draw(st.integers(0, 2)), draw(st.integers(0, 2)))
        args = {"n": n, "row": moving} if unit.name == "rows" else {"n": n}
        kernel = "rows" if unit.name == "rows" else "work"
        out.append(Task(f"s{i}", f"op{i}", kernel, unit.name, args, after=tuple(after)))
    return Case((Loop("i", draw(st.integers(20, 150)), tuple(out)),), tuple(units))


@st.composite
def chains(draw: st.DrawFn) -> Case:
    """A refreshing memory and one plain unit; a task waits for every other one, and so for the one before it."""
    memory = draw(memories().filter(lambda rows: rows.calendar is not None))
    units: tuple[Unit, ...] = (memory, Plain("plain", draw(st.integers(0, 5))))
    sketch = Sketch(("rows", "plain"), draw(st.sampled_from([0, 3])), 80)
    body = draw(bodies(sketch, (), 3).filter(lambda nodes: 1 < instances(nodes) <= 1000))
    names = [task.name for task, _ in walk(body, ())]
    after = {name: tuple(After(other) for other in names if other != name) for name in names}
    return Case(with_waits(body, after), units)
