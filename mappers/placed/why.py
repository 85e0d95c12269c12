"""Why ops are where they are, in words."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.ir.mapping import Node, walk
from archsim.mappers.placed.solve import Scheduled
from archsim.mappers.placed.work import Work

MANY = 3
"""Ops that are named at most."""


def reasons(work: Work, units: Mapping[str, str], body: tuple[Node, ...]) -> dict[str, str]:
    """Op -> what it takes where, and why it is not where it is fastest."""
    order = [task.op for task, _ in walk(body, ()) if task.tile]
    found = {}
    for name in order:
        prices = work.prices[name]
        listed = ", ".join(f"{unit} {ps / 1e6:.6g} us" for unit, ps in sorted(prices.items(), key=lambda kv: kv[::-1]))
        here = units[name]
        if len(prices) == 1:
            found[name] = f"only unit that executes it: {listed}"
        elif prices[here] == min(prices.values()):
            found[name] = f"where it is fastest: {listed}"
        else:
            found[name] = f"{_instead(work, units, name)}: {listed}"
    return found


def _instead(work: Work, units: Mapping[str, str], name: str) -> str:
    """What makes a slower unit the better one: others in the same run that have the fastest, or a copy less."""
    prices = work.prices[name]
    fastest = min(prices, key=lambda unit: (prices[unit], unit))
    beside = [other for other in _independent(work, name) if units[other] == fastest]
    if beside:
        return f"beside {', '.join(beside[:MANY])}{' and more' * (len(beside) > MANY)} on {fastest}"
    return f"saves copies to or from {fastest}" if work.link is not None else f"leaves {fastest} to others"


def _independent(work: Work, name: str) -> list[str]:
    """Ops of the same run that neither wait for it nor are waited for."""
    ops = [op.name for op in work.runs[work.home[name]].ops]
    above: dict[str, set[str]] = {}
    for op in ops:
        makers = {flow.maker for flow in work.flows if flow.user == op} & above.keys()
        above[op] = makers.union(*(above[maker] for maker in makers))
    return [other for other in ops if other != name and other not in above[name] and name not in above[other]]


def notes(
    work: Work, units: Mapping[str, str], timed: Mapping[str, int], best: str, scheduled: tuple[Scheduled, ...]
) -> tuple[str, ...]:
    """How many ops each unit has, what was tried, and who found it."""
    counts = {unit: sum(1 for other in units.values() if other == unit) for unit in work.units}
    said = [f"ops per unit: {', '.join(f'{unit} {count}' for unit, count in counts.items())}"]
    tried = ", ".join(f"{name} {time / 1e6:.6g} us" for name, time in timed.items())
    said.append(f"{best}; tried: {tried}")
    hard = [one for one in scheduled if len(one.run.ops) > 1]
    if hard:
        ways = {f"{one.run.ops[0].name} to {one.run.ops[-1].name}: {one.found.method}" for one in hard}
        said.append(f"schedules: {'; '.join(sorted(ways))}")
    return tuple(said)
