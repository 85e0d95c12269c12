"""A program as the instances of its tasks, and which of them must be done before which.

Units take their tasks in program order. So all that an instance can rely on is a number per unit: how many of that
unit's instances are done when it starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from archsim.ir.mapping import Node, Task


@dataclass(frozen=True, slots=True)
class Instance:
    """One execution of a task."""

    task: Task
    env: Mapping[str, int]
    unit: int
    """Number of its unit."""
    turn: int
    """How many instances the unit takes before it."""
    waits: tuple[int, ...]
    """Positions, in program order, of the instances that it waits for by name."""
    known: tuple[int, ...]
    """Per unit, how many of its instances are done when this one starts, however long anything takes."""

    def follows(self, other: Instance) -> bool:
        """Whether `other` is done when this one starts, however long anything takes."""
        return self.known[other.unit] > other.turn

    @property
    def at(self) -> str:
        """Its loop variables, for messages; empty outside loops."""
        return f" at {', '.join(f'{var}={value}' for var, value in self.env.items())}" if self.env else ""


def in_order(
    body: tuple[Node, ...], counts: Mapping[str, int], env: dict[str, int]
) -> Iterator[tuple[Task, dict[str, int]]]:
    """Tasks with their loop variables in program order; loops that `counts` names run at most as often as it says.

    `env` has the variables of the loops around the body.
    """
    for node in body:
        if isinstance(node, Task):
            yield node, env
        else:
            for i in range(min(node.count, counts.get(node.var, node.count))):
                yield from in_order(node.body, counts, {**env, node.var: i})


def unrolled(
    body: tuple[Node, ...], counts: Mapping[str, int] | None = None, *, most: int | None = None
) -> list[Instance]:
    """Instances in program order, the first `most` or all; loops that `counts` names are cut to so many iterations."""
    units: dict[str, int] = {}
    for task, _ in in_order(body, dict.fromkeys(_vars(body), 1), {}):
        units.setdefault(task.unit, len(units))
    done = [[0] * len(units) for _ in units]  # what is known once the unit's latest instance is done
    turns = [0] * len(units)
    made: dict[str, list[int]] = {}
    out: list[Instance] = []
    after: list[tuple[int, ...]] = []
    for task, env in islice(in_order(body, counts or {}, {}), most):
        unit = units[task.unit]
        waits = []
        known = done[unit]
        for wait in task.after:
            earlier = made.get(wait.task, ())
            if wait.distance < len(earlier):
                at = earlier[-1 - wait.distance]
                waits.append(at)
                known = [max(pair) for pair in zip(known, after[at], strict=True)]
        out.append(Instance(task, env, unit, turns[unit], tuple(waits), tuple(known)))
        turns[unit] += 1
        known = [*known]
        known[unit] = turns[unit]
        done[unit] = known
        after.append(tuple(known))
        made.setdefault(task.name, []).append(len(out) - 1)
    return out


def _vars(body: tuple[Node, ...]) -> set[str]:
    found = set[str]()
    for node in body:
        if not isinstance(node, Task):
            found |= {node.var} | _vars(node.body)
    return found


def shortened(body: tuple[Node, ...], count: int) -> dict[str, int]:
    """Every loop variable cut to `count` iterations."""
    return dict.fromkeys(_vars(body), count)


def size(body: tuple[Node, ...], count: int) -> int:
    """Instances of a program whose loops are cut to `count` iterations."""
    return sum(1 if isinstance(node, Task) else min(node.count, count) * size(node.body, count) for node in body)
