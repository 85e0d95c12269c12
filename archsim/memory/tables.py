"""A standard's rules as the arrays that the compiled controller interprets.

A rule keeps two commands apart in a scope, and each of the two acts on a bank, group, rank or channel, or on the same
bank of every group. Whom the first one delays is the least unit that contains the scope and both commands' own places,
so one number per rule changes, however many banks a command acts on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from archsim.core.errors import Broken
from archsim.memory import layout as y
from archsim.memory.bounds import Bound, Shape, bind
from archsim.memory.protocol import Protocol, Scope

ORDER = (Scope.BANK, Scope.BANK_GROUP, Scope.SAME_BANK, Scope.HALF, Scope.RANK, Scope.CHANNEL)
"""Scopes by their level in the layout."""


def tables(
    protocol: Protocol, timing: Mapping[str, int], shape: Shape, used: Collection[str]
) -> tuple[dict[int, int], dict[int, Any]]:
    """Single places and blocks of a channel's memory that hold the rules between commands that are `used`.

    Rules of the channel that say no more than one command at a time on each command bus are left out: the controller
    keeps them by the way it works.
    """
    bounds = [b for b in bind(protocol, timing, shape) if b.preceding in used and b.following in used]
    names, scopes = y.names(protocol), {command.name: command.scope for command in protocol.commands}
    columns, occupancy = _buses(bounds, used)
    rows: dict[str, list[tuple[int, int, int]]] = {name: [] for name in names}
    dense = np.full((y.MOST_COMMANDS, y.USUAL_GAPS), -y.NEVER)
    for b in bounds:
        where = _where(b.scope, scopes[b.preceding], scopes[b.following], shape)
        if b.window > 1 or where < 0 or _implied(b, columns, occupancy):
            continue
        after = names.index(b.following)
        usual = y.USUAL.get(where, range(0))
        if after < len(usual):
            place = names.index(b.preceding), usual[after]
            dense[place] = max(dense[place], b.gap)
        else:
            rows[b.preceding].append((where, after, b.gap))
    firsts = np.cumsum([0, *(len(rows[name]) for name in names)])
    flat = [row for name in names for row in rows[name]]
    _fits(f"{protocol.name}: commands", len(names), y.MOST_COMMANDS - 1)
    _fits(f"{protocol.name}: rules", len(flat), y.MOST_RULES)
    windows, following = _windows(bounds, names, scopes, shape)
    # Windows do not count PRE, yet it goes through them: which of ACT and PRE comes next is not foreseen.
    counted = {name for i, name in enumerate(names) if name == "PRE" or any(window[0] >> i & 1 for window in windows)}
    blocks = {
        y.DENSE: dense,
        y.RULE_AT: firsts,
        y.RULES: flat,
        y.OCCUPANCY: [occupancy.get(name, 1) for name in names],
        y.COLUMN_BUS: [int(name in columns) for name in names],
        y.COUNTED_IN: [len(windows) if name in counted else 0 for name in names],
        y.CHANNEL_WIDE: [int(scopes.get(name) is Scope.CHANNEL) for name in names],
        y.WINDOWS: windows,
        y.FOLLOWING: following,
    }
    constants = {y.TWO_BUSES: int(bool(columns)), y.WINDOW_COUNT: len(windows)}
    return constants, {place: np.ascontiguousarray(rows, dtype=np.int64) for place, rows in blocks.items()}


def _fits(what: str, count: int, most: int) -> None:
    if count > most:
        raise Broken(f"{what}: {count}, the controller has room for {most}")


def _buses(bounds: Iterable[Bound], used: Collection[str]) -> tuple[set[str], dict[str, int]]:
    """Commands of the column bus, none if there is one bus for all; and the cycles each command takes on its bus."""
    gaps: dict[tuple[str, str], int] = {}
    for b in bounds:
        if b.scope is Scope.CHANNEL and b.window == 1:
            pair = b.preceding, b.following
            gaps[pair] = max(gaps.get(pair, 0), b.gap)
    reads = [name for name in ("RD", "RDA") if name in used]
    if any(("ACT", name) in gaps for name in reads):
        mates = {name: [gaps.get((name, other), 1) for other in used] for name in used}
        return set(), {name: max(1, min(mates[name])) for name in used}
    return {name for name in used if any((name, read) in gaps for read in reads)}, {}


def _implied(bound: Bound, columns: Collection[str], occupancy: Mapping[str, int]) -> bool:
    """Whether the command buses keep a rule of the channel anyway."""
    if bound.scope is not Scope.CHANNEL:
        return False
    apart = bool(columns) and (bound.preceding in columns) != (bound.following in columns)
    return not apart and bound.gap <= occupancy.get(bound.preceding, 1)


def _join(shape: Shape, *scopes: Scope) -> Scope:
    """The least scope whose units contain all units of these that touch."""
    found, grown = {0}, set[int]()
    while found != grown:
        grown, found = found, {other for scope in scopes for bank in found for other in _banks(scope, bank, shape)}
    units = {scope: _banks(scope, 0, shape) for scope in ORDER}
    return min((scope for scope in ORDER if found <= set(units[scope])), key=lambda scope: len(units[scope]))


def _banks(scope: Scope, bank: int, shape: Shape) -> range:
    """The banks of a unit."""
    rank = bank - bank % shape.per_rank
    if scope in (Scope.SAME_BANK, Scope.HALF):
        step = shape.banks if scope is Scope.SAME_BANK else min(2, shape.per_rank)
        return range(rank + bank % step, rank + shape.per_rank, step)
    size = {Scope.BANK: 1, Scope.BANK_GROUP: shape.banks, Scope.RANK: shape.per_rank}.get(scope, shape.total)
    return range(bank - bank % size, bank - bank % size + size)


def _where(scope: Scope, preceding: Scope, following: Scope, shape: Shape) -> int:
    """Where a rule delays the command that follows; -1 if nowhere."""
    if scope is Scope.OTHER_RANKS:
        if preceding is Scope.CHANNEL or shape.ranks == 1:
            return -1
        return y.AT_CHANNEL if following is Scope.CHANNEL else y.OTHER_RANKS
    return _place(_join(shape, scope, preceding, following), following)


def _place(unit: Scope, following: Scope) -> int:
    """Where to note that a command has to wait in a unit that contains its own place.

    A command of one bank, group or rank looks no higher than its rank, and that of a bank not at sets across groups.
    """
    if unit is Scope.CHANNEL and following is not Scope.CHANNEL:
        return y.EVERY_RANK
    if following is Scope.BANK and unit in (Scope.SAME_BANK, Scope.HALF):
        return y.EVERY_SAME if unit is Scope.SAME_BANK else y.EVERY_HALF
    return ORDER.index(unit)


def _windows(
    bounds: Iterable[Bound], names: tuple[str, ...], scopes: Mapping[str, Scope], shape: Shape
) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Windows, and what each delays: one for each set of commands that are counted together."""
    found: dict[tuple[Scope, frozenset[str], int, int], list[str]] = {}
    known = {b.preceding for b in bounds}
    for b in bounds:
        if b.window > 1:
            together = frozenset(b.rule.preceding) & known
            after = found.setdefault((b.scope, together, b.window, b.gap), [])
            after += [b.following] if b.following not in after else []
    windows: list[list[int]] = []
    following: list[tuple[int, int]] = []
    for (scope, together, count, gap), after in found.items():
        if scope not in (Scope.RANK, Scope.CHANNEL) or count > y.WIDEST:
            what = f"a window of {count} commands in the same {scope}"
            raise Broken(what, right=f"windows of ranks or of the channel, of {y.WIDEST} commands at most")
        bits = sum(1 << names.index(name) for name in together)
        first = len(following)
        following += [(_place(_join(shape, scope, scopes[name]), scopes[name]), names.index(name)) for name in after]
        rings = y.RINGS + len(windows) * y.MOST_RANKS * y.RING
        plain = scope is Scope.RANK and following[first:] == [(y.AT_RANK, following[first][1])]
        plain = plain and all(scopes[name] is not Scope.CHANNEL for name in together)
        only = following[first][1] if plain else -1
        windows.append([bits, count, gap, first, len(following), rings, int(scope is Scope.RANK), only])
    _fits("activation windows", len(windows), y.MOST_WINDOWS)
    return windows, following
