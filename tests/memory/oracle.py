"""The protocol judged by another reader of its table: every pair of commands, every rule, and what banks can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archsim.memory.gddr6_pim import COMMANDS, RULES
from archsim.memory.protocol import Rule, Scope
from archsim.models.pim_dram.spec import PimMemory
from tests.memory.recorder import Issued

ALL_BANKS = {command.name for command in COMMANDS if command.scope is Scope.CHANNEL}


def names(memory: PimMemory) -> dict[str, int]:
    """Timing names of the table in ps, straight from the fields of the same name."""
    t = memory.timing
    given = {field: getattr(t, field) for field in type(t).model_fields}
    found = {"t" + field.upper()[1:]: int(value) for field, value in given.items() if value is not None}
    found["tBURST"] = -(-int(memory.burst) * 8 * 10**12 // (memory.pins * int(memory.pin_rate)))
    found["tMAC"] = max(found["tCCD"], -(-(10**12) // int(memory.clock)))
    return found


@dataclass
class Judge:
    """Reads a command stream in order and says which rules bind each command, and when."""

    timing: Mapping[str, int]
    seen: dict[tuple[int, int | None], list[int]] = field(default_factory=lambda: defaultdict(list))
    """(rule, bank or None) -> times of all preceding commands so far."""

    def gap(self, rule: Rule) -> int:
        """The rule in ps, by Python's own arithmetic."""
        return int(eval(rule.gap, {"__builtins__": {}, "max": max}, dict(self.timing)))

    def bounds(self, command: Issued) -> dict[str, int]:
        """Rule in words -> earliest time it allows for this command."""
        out = {}
        for index, rule in enumerate(RULES):
            before = self.seen[index, self._place(rule, command)]
            if command.name in rule.following and len(before) >= rule.window:
                words = f"{'/'.join(rule.preceding)} -> {'/'.join(rule.following)}: {rule.gap} ({rule.why})"
                out[words] = max(sorted(before)[-rule.window], before[-rule.window]) + self.gap(rule)
        return out

    def add(self, command: Issued, at: int) -> None:
        """Go on to the next command."""
        for index, rule in enumerate(RULES):
            if command.name in rule.preceding:
                self.seen[index, self._place(rule, command)].append(at)

    def _place(self, rule: Rule, command: Issued) -> int | None:
        return command.bank if rule.scope is Scope.BANK else None


def check_legal(commands: Sequence[Issued], memory: PimMemory) -> None:
    """No command comes before any rule allows it, refreshes and their length included."""
    judge = Judge(names(memory))
    for command in commands:
        broken = {rule: at for rule, at in judge.bounds(command).items() if command.real < at}
        assert not broken, f"{command} breaks {broken}"
        judge.add(command, command.real)


def check_prompt(commands: Sequence[Issued], memory: PimMemory) -> None:
    """Every command comes as early as it can in this order: a tick earlier breaks a rule or precedes its kernel."""
    judge = Judge(names(memory))
    for command in commands:
        if command.name == "REFAB":  # when it comes is not a matter of gaps
            continue
        bounds = {"its kernel starts": command.start, **judge.bounds(command)}
        assert command.at == max(bounds.values()), f"{command} is bound by {max(bounds, key=lambda r: bounds[r])}"
        judge.add(command, command.at)


def check_sense(commands: Sequence[Issued], banks: int) -> None:
    """Rows open before they are used and close before others open; results are read after something was computed."""
    rows: set[int] = set()
    computed = False
    every = set(range(banks))
    for command in commands:
        assert (command.bank is None) == (command.name in ALL_BANKS)
        target = every if command.bank is None else {command.bank}
        assert target <= every
        match command.name:
            case "ACT" | "ACTAB" | "REFAB":
                assert not rows & target, f"{command}: a row is open"
            case "PRE" | "PREAB" | "RD" | "WR" | "MACAB":
                assert target <= rows, f"{command}: no row is open"
            case "RDMAC":
                assert computed, f"{command}: nothing was computed"
        if command.name in ("ACT", "ACTAB"):
            rows |= target
        elif command.name in ("PRE", "PREAB"):
            rows -= target
        computed |= command.name == "MACAB"
