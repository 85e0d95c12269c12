"""DRAM protocols as tables.

Commands, and how long one must wait after another. The scheduler and the docs are derived from them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from archsim.core.errors import Broken, UnknownName


class Scope(StrEnum):
    """Where a constraint acts: between commands of one channel, of one rank of it, and so on down to one bank."""

    CHANNEL = "channel"
    OTHER_RANKS = "other ranks"
    """Between commands of two different ranks of one channel, which share its data bus."""
    RANK = "rank"
    SAME_BANK = "same bank of every group"
    """What a command acts on, not where a rule acts: bank i of every bank group of one rank."""
    HALF = "every second bank"
    """What a command acts on, not where a rule acts: the even or the odd banks of one rank."""
    BANK_GROUP = "bank group"
    BANK = "bank"


class BankState(StrEnum):
    """What a bank's row buffer holds."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the protocol."""

    name: str
    meaning: str
    suspends: bool = False
    """Stops the channel as a whole (refresh): its own gaps never meet those of other commands."""
    scope: Scope = Scope.BANK
    """What the command acts on: one bank, or every bank of a bank group, of a rank or of the channel."""
    column: bool = False
    """Moves a burst over the data bus."""
    needs: BankState | None = None
    """State of each bank it acts on before; None where the table leaves it to the scheduler."""
    leaves: BankState | None = None
    """State after; None where it does not change."""
    row_buffer: int = 0
    """Which row buffer of the banks it looks at: 0 is the ordinary one, 1 the second one of banks that have two."""
    opened_by: str = ""
    """The command that opens the rows it needs, given where it is not ACT."""
    closed_by: str = ""
    """The command that closes rows in its way, given where it is not PRE."""
    mode: int = 0
    """The mode that the channel has to be in, where a standard has modes; -1 for any."""
    switches: bool = False
    """Takes the channel to its other mode, of 0 and 1; issued on demand."""
    enters: int = -1
    """The mode of the channel from this command on, where programs change it themselves; -1 leaves it."""
    done: str = ""
    """When its work is complete, counted from its issue, as an expression of timing names; empty for one cycle."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`following` waits for `gap` after `preceding` (after the `window`-th latest one) in the scope."""

    scope: Scope
    preceding: tuple[str, ...]
    following: tuple[str, ...]
    gap: str
    """Sum, difference, product or max of timing names, e.g. ``tCWL + tBURST + tWR``."""
    window: int = 1
    why: str = ""

    def __str__(self) -> str:
        """``ACT -> RD, same bank: tRCDRD``."""
        place = f"{'' if self.scope is Scope.OTHER_RANKS else 'same '}{self.scope}"
        nth = f", {self.window} before" if self.window > 1 else ""
        return f"{'/'.join(self.preceding)} -> {'/'.join(self.following)}, {place}: {self.gap}{nth}"


@dataclass(frozen=True, slots=True)
class Gaps:
    """The rules with numbers in: ps, indexed [preceding][following]; -1 where there is no constraint."""

    commands: tuple[str, ...]
    channel: tuple[tuple[int, ...], ...]
    bank: tuple[tuple[int, ...], ...]
    window: tuple[int, int]
    """(count, ps) of the activation window; (0, 0) where there is none."""
    horizon: int
    """The longest gap after any command but a suspending one: what is older than this cannot delay a command."""

    def index(self, command: str) -> int:
        """Row of a command in the tables."""
        return self.commands.index(command)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One standard or PIM variant: its commands, its rules, where they come from."""

    name: str
    commands: tuple[Command, ...]
    rules: tuple[Rule, ...]
    source: str

    def variant(
        self, name: str, source: str, commands: tuple[Command, ...] = (), rules: tuple[Rule, ...] = ()
    ) -> Protocol:
        """This protocol with more commands and rules; only the difference is named.

        A command of a name that there is takes its place.
        """
        own = {command.name: command for command in self.commands}
        return Protocol(name, tuple((own | {c.name: c for c in commands}).values()), self.rules + rules, source)

    @property
    def timings(self) -> frozenset[str]:
        """The timing names that its rules and commands use."""
        expressions = [rule.gap for rule in self.rules] + [command.done for command in self.commands]
        return frozenset(name for text in expressions for name in names_in(text))

    def compile(self, timing: Mapping[str, int]) -> Gaps:
        """Put numbers (ps) into the rules. Where several rules bind a pair, the longest gap holds."""
        names = tuple(c.name for c in self.commands)
        size = range(len(names))
        tables = {scope: [[-1 for _ in size] for _ in size] for scope in Scope}
        window = (0, 0)
        for rule in self.rules:
            gap = evaluate(rule.gap, timing)
            if rule.window > 1:
                window = (rule.window, gap)
                continue
            for before in rule.preceding:
                for after in rule.following:
                    row = tables[rule.scope][names.index(before)]
                    row[names.index(after)] = max(row[names.index(after)], gap)
        for dead in (i for i, c in enumerate(self.commands) if c.suspends):
            for table in tables.values():  # kept by the scheduler itself, which moves everything else behind it
                table[dead] = [-1] * len(names)
        longest = max(gap for table in tables.values() for row in table for gap in row)
        frozen = {scope: tuple(tuple(row) for row in table) for scope, table in tables.items()}
        return Gaps(names, frozen[Scope.CHANNEL], frozen[Scope.BANK], window, max(longest, window[1]))


def names_in(expression: str) -> frozenset[str]:
    """The timing names that a gap expression uses.

    >>> sorted(names_in("max(tCCD, tBURST) + 2 * tCK"))
    ['tBURST', 'tCCD', 'tCK']
    """
    nodes = ast.walk(ast.parse(expression, mode="eval")) if expression else ()
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name)) - {"max"}


def evaluate(expression: str, timing: Mapping[str, int]) -> int:
    """The value in ps of a gap expression; knows ``+ - *``, integers, ``max(...)`` and the names in `timing`.

    >>> evaluate("max(tCCD, tBURST) + 2 * tCK", {"tCCD": 1000, "tBURST": 4000, "tCK": 500})
    5000
    """
    return _value(ast.parse(expression, mode="eval").body, timing)


def _value(node: ast.expr, timing: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            if name not in timing:
                raise UnknownName("timing parameter", name, timing)
            return timing[name]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left, timing) + _value(right, timing)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _value(left, timing) - _value(right, timing)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left, timing) * _value(right, timing)
        case ast.Call(func=ast.Name(id="max"), args=args):
            return max(_value(arg, timing) for arg in args)
    raise Broken(f"gap expression has {ast.unparse(node)!r}", right="only + - * max(), integers and timing names")
