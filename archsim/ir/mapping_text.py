"""A mapping in words."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.ir.mapping import Loop, Mapping, Node, Task, instances


def mapping_lines(mapping: Mapping, *, explain: bool = False) -> Iterator[str]:
    """A mapping as text: who made it and how good it is, the program, the address map; with `explain` why each task."""
    choice = mapping.choice
    yield f"{mapping.graph} on {mapping.design}, {choice.mapper} mapper"
    yield f"{choice.metric}: {choice.objective:,.6g}, bound {choice.bound:,.6g}, gap {100 * choice.gap:.2g} %"
    yield f"{len(mapping.tasks())} tasks, {instances(mapping.body):,} instances"
    yield from (f"note: {note}" for note in mapping.notes)
    yield ""
    for node in mapping.body:
        yield from _lines(node, "", explain=explain)
    if mapping.placements:
        yield ""
        yield from _memory_lines(mapping)


def _lines(node: Node, pad: str, *, explain: bool) -> Iterator[str]:
    if isinstance(node, Loop):
        yield f"{pad}for {node.var} in {node.count}:"
        for inner in node.body:
            yield from _lines(inner, pad + "  ", explain=explain)
        return
    yield pad + _task(node)
    if explain:
        args = " ".join(f"{name}={value}" for name, value in node.args.items())
        yield f"{pad}    with {args}"
        if node.after:
            waits = (a.task + (f" ({a.distance} back)" if a.distance else "") for a in node.after)
            yield f"{pad}    after {', '.join(waits)}"
        if node.why:
            yield f"{pad}    because {node.why}"


def _task(task: Task) -> str:
    what = task.name if task.name == task.op else f"{task.name} of {task.op}"
    tile = " ".join(f"{name}={span}" for name, span in task.tile.items())
    return f"{what}: {task.kernel} on {task.unit}" + (f"  [{tile}]" if tile else "")


def _memory_lines(mapping: Mapping) -> Iterator[str]:
    yield "memory:"
    for memory, capacity in sorted(mapping.capacities.items()):
        places = [place for place in mapping.placements if place.memory == memory]
        yield f"  {memory}, {capacity:,} B"
        for place in sorted(places, key=lambda p: (p.start, p.tensor)):
            copies = ", ".join(f"every {step:,} B per {var}" for var, step in place.strides.items())
            yield f"    {place.start:>12,}  {place.size:>12,} B  {place.tensor}" + (f"  ({copies})" if copies else "")
