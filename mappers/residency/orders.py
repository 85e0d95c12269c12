"""Orders by simple rules, each a candidate: the one of the lowest peak is often not the one that moves least."""

from __future__ import annotations

from collections.abc import Callable

from archsim.mappers.residency.problem import Problem

Key = Callable[[int], tuple[int, ...]]


def candidates(problem: Problem) -> dict[str, tuple[int, ...]]:
    """Legal orders by the name of their rule; several rules may give the same."""
    return {"program": problem.program, **{name: rule(problem) for name, rule in RULES.items()}}


def min_memory_delta(problem: Problem) -> tuple[int, ...]:
    """Next the op that lets the units on chip grow least: what it writes and first reads, less what it reads last."""
    return _grown(problem)


def critical_path(problem: Problem) -> tuple[int, ...]:
    """Next the op with the longest chain of ops behind it."""
    place = {op: step for step, op in enumerate(problem.program)}
    height = [1] * len(problem.ops)
    for op in reversed(problem.program):
        height[op] += max((height[other] for other in problem.behind[op]), default=0)
    return _listed(problem, lambda op: (-height[op], place[op]))


def most_recently_enabled(problem: Problem) -> tuple[int, ...]:
    """Next the op that was made possible last: depth first."""
    missing = [len(before) for before in problem.before]
    place = {op: step for step, op in enumerate(problem.program)}
    stack = sorted((op for op, count in enumerate(missing) if not count), key=lambda op: -place[op])
    order = []
    while stack:
        op = stack.pop()
        order.append(op)
        enabled = []
        for other in problem.behind[op]:
            missing[other] -= 1
            if not missing[other]:
                enabled.append(other)
        stack += sorted(enabled, key=lambda other: -place[other])
    return tuple(order)


def on_demand(problem: Problem) -> tuple[int, ...]:
    """Backwards from what ends the program: an op runs when its first reader is next, inputs in the order it reads."""
    order: list[int] = []
    done: set[int] = set()
    for last in sorted(problem.program, key=lambda op: len(problem.behind[op]) > 0):
        stack = [last]
        while stack:
            op = stack[-1]
            waiting = next((other for other in problem.before[op] if other not in done), None)
            if waiting is not None:
                stack.append(waiting)
                continue
            stack.pop()
            if op not in done:
                done.add(op)
                order.append(op)
    return tuple(order)


def smallest_behind(problem: Problem) -> tuple[int, ...]:
    """Next the op that completes an op closest to being possible, then the one that grows least."""
    return _grown(problem, finish=True)


RULES: dict[str, Callable[[Problem], tuple[int, ...]]] = {
    "min-memory-delta": min_memory_delta,
    "critical-path": critical_path,
    "most-recently-enabled": most_recently_enabled,
    "finish-first": smallest_behind,
    "on-demand": on_demand,
}
"""Rule by name; `program` is the order as given."""


def _listed(problem: Problem, key: Key) -> tuple[int, ...]:
    """The ready op with the least key, again and again."""
    missing = [len(before) for before in problem.before]
    ready = [op for op, count in enumerate(missing) if not count]
    order = []
    while ready:
        op = min(ready, key=key)
        ready.remove(op)
        order.append(op)
        _release(problem, op, missing, ready)
    return tuple(order)


def _grown(problem: Problem, *, finish: bool = False) -> tuple[int, ...]:
    """By growth of what is on chip; with `finish`, ops first whose readers wait for the fewest other ops."""
    missing = [len(before) for before in problem.before]
    unread = [len(ops) for ops in problem.readers]
    loaded = [writer >= 0 for writer in problem.writer]
    place = {op: step for step, op in enumerate(problem.program)}
    ready = [op for op, count in enumerate(missing) if not count]
    order: list[int] = []

    def growth(op: int) -> int:
        made = sum(problem.size[a] for a in problem.writes[op] if unread[a])
        first = sum(problem.size[a] for a in problem.reads[op] if not loaded[a] and unread[a] > 1)
        return made + first - sum(problem.size[a] for a in problem.reads[op] if unread[a] == 1 and loaded[a])

    def key(op: int) -> tuple[int, ...]:
        waits = min((missing[other] for other in problem.behind[op]), default=0)
        return (waits, growth(op), place[op]) if finish else (growth(op), place[op])

    while ready:
        op = min(ready, key=key)
        ready.remove(op)
        order.append(op)
        for tensor in problem.reads[op]:
            unread[tensor] -= 1
            loaded[tensor] = True
        _release(problem, op, missing, ready)
    return tuple(order)


def _release(problem: Problem, op: int, missing: list[int], ready: list[int]) -> None:
    for other in problem.behind[op]:
        missing[other] -= 1
        if not missing[other]:
            ready.append(other)
