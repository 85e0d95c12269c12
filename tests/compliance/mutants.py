"""Mappings with one thing wrong, or at least different: what a check has to tell apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from archsim.ir.mapping import After, Loop, Mapping, Node, Placement, Range, Task


@dataclass(frozen=True)
class Mutant:
    """A changed mapping, and the names of which a refusal has to say at least one."""

    mapping: Mapping
    culprits: tuple[str, ...]


Edit = Callable[[Task], tuple[Task, ...]]


def edited(body: tuple[Node, ...], name: str, edit: Edit) -> tuple[Node, ...]:
    """The body with one task replaced; loops that become empty go."""
    out: list[Node] = []
    for node in body:
        if isinstance(node, Loop):
            if inner := edited(node.body, name, edit):
                out.append(Loop(node.var, node.count, inner))
        else:
            out.extend(edit(node) if node.name == name else (node,))
    return tuple(out)


def mutant(mapping: Mapping, task: Task, edit: Edit, *culprits: str) -> Mutant:
    return Mutant(replace(mapping, body=edited(mapping.body, task.name, edit)), (task.name, task.op, *culprits))


def tasks(mapping: Mapping) -> list[Task]:
    return [task for task, _ in mapping.walk()]


def dropped(mapping: Mapping) -> Iterator[Mutant]:
    """Each task left out."""
    for task in tasks(mapping):
        yield mutant(mapping, task, lambda t: (), *task.writes)


def doubled(mapping: Mapping) -> Iterator[Mutant]:
    """Each task done twice, under two names: the tile overlaps itself."""
    for task in tasks(mapping):
        yield mutant(mapping, task, lambda t: (t, replace(t, name=t.name + "'")))


def retiled(mapping: Mapping, start: int, stop: int) -> Iterator[Mutant]:
    """Each end of each tile moved."""
    for task in tasks(mapping):
        for dim, r in task.tile.items():
            moved = {**task.tile, dim: Range(r.start + start, r.stop + stop)}
            yield mutant(mapping, task, lambda t, moved=moved: (replace(t, tile=moved),))  # type: ignore[misc]


def rewaited(mapping: Mapping, change: Callable[[After], tuple[After, ...]]) -> Iterator[Mutant]:
    """Each wait of each task changed."""
    for task in tasks(mapping):
        for i, after in enumerate(task.after):
            waits = (*task.after[:i], *change(after), *task.after[i + 1 :])
            edit: Edit = lambda t, waits=waits: (replace(t, after=waits),)  # type: ignore[misc]  # noqa: E731
            yield mutant(mapping, task, edit, after.task)


def impatient(mapping: Mapping) -> Iterator[Mutant]:
    """Each wait left out."""
    return rewaited(mapping, lambda after: ())


def outdated(mapping: Mapping) -> Iterator[Mutant]:
    """Each wait for one instance earlier."""
    return rewaited(mapping, lambda after: (After(after.task, after.distance + 1),))


def misdirected(mapping: Mapping) -> Iterator[Mutant]:
    """Each wait for every other task."""
    for other in tasks(mapping):
        yield from rewaited(mapping, lambda after, other=other: (After(other.name, after.distance),))  # type: ignore[misc]


def swapped(mapping: Mapping) -> Iterator[Mutant]:
    """Each pair of neighbours in the other order."""

    def bodies(body: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
        for i, node in enumerate(body):
            if i + 1 < len(body):
                yield (*body[:i], body[i + 1], node, *body[i + 2 :])
            if isinstance(node, Loop):
                for inner in bodies(node.body):
                    yield (*body[:i], Loop(node.var, node.count, inner), *body[i + 1 :])

    everyone = tuple(task.name for task in tasks(mapping))
    for body in bodies(mapping.body):
        yield Mutant(replace(mapping, body=body), everyone)


def names_in(node: Node) -> tuple[str, ...]:
    """Tasks of a node."""
    return (node.name,) if isinstance(node, Task) else tuple(n for inner in node.body for n in names_in(inner))


def recounted(mapping: Mapping, more: int) -> Iterator[Mutant]:
    """Each loop an iteration longer or shorter."""

    def bodies(body: tuple[Node, ...]) -> Iterator[tuple[tuple[Node, ...], Loop]]:
        for i, node in enumerate(body):
            if isinstance(node, Loop):
                yield (*body[:i], Loop(node.var, node.count + more, node.body), *body[i + 1 :]), node
                for inner, loop in bodies(node.body):
                    yield (*body[:i], Loop(node.var, node.count, inner), *body[i + 1 :]), loop

    tensors = tuple(p.tensor for p in mapping.placements)  # copies beyond the memory
    for body, loop in bodies(mapping.body):
        yield Mutant(replace(mapping, body=body), (loop.var, *names_in(loop), *tensors))


def moved(mapping: Mapping, change: Callable[[Placement], Placement]) -> Iterator[Mutant]:
    """Each placement changed."""
    for i, place in enumerate(mapping.placements):
        places = (*mapping.placements[:i], change(place), *mapping.placements[i + 1 :])
        names = [p.tensor for p in places]
        yield Mutant(replace(mapping, placements=places), (place.tensor, *(names if place.live else ())))


def roomier(mapping: Mapping) -> Iterator[Mutant]:
    """Each memory claimed to be larger than it is."""
    for memory, size in mapping.capacities.items():
        yield Mutant(replace(mapping, capacities={**mapping.capacities, memory: 2 * size}), (memory,))


KINDS: dict[str, Callable[[Mapping], Iterator[Mutant]]] = {
    "dropped": dropped,
    "doubled": doubled,
    "shifted": lambda mapping: retiled(mapping, 1, 1),
    "widened": lambda mapping: retiled(mapping, 0, 1),
    "narrowed": lambda mapping: retiled(mapping, 0, -1),
    "started late": lambda mapping: retiled(mapping, 1, 0),
    "started early": lambda mapping: retiled(mapping, -1, 0),
    "impatient": impatient,
    "outdated": outdated,
    "misdirected": misdirected,
    "swapped": swapped,
    "longer": lambda mapping: recounted(mapping, 1),
    "shorter": lambda mapping: recounted(mapping, -1),
    "moved up": lambda mapping: moved(mapping, lambda p: replace(p, start=p.start + p.size)),
    "moved down": lambda mapping: moved(mapping, lambda p: replace(p, start=p.start - p.size)),
    "nudged": lambda mapping: moved(mapping, lambda p: replace(p, start=p.start + 2)),
    "grown": lambda mapping: moved(mapping, lambda p: replace(p, size=p.size + 2)),
    "turned around": lambda mapping: moved(mapping, lambda p: replace(p, size=-p.size)),
    "roomier": roomier,
}
