"""One DRAM channel, slowly and plainly: `probe` asks whether a command is legal, `issue` does it.

Kept as simple as the tables allow, since the compiled controller is checked against it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from archsim.core.errors import BadInput, UnknownName
from archsim.memory.bounds import Bound, Shape, bind
from archsim.memory.protocol import BankState, Command, Protocol, Scope

LONGEST_WINDOW = 32

Place = tuple[Scope, int]
"""A scope and the number of the bank, group or rank in the channel."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command is illegal now: the rule it breaks, and the first cycle that rule allows it; -1 if none does."""

    reason: str
    earliest: int
    bound: Bound | None = None


@dataclass
class DeviceState:
    """Banks of one channel and when each command was last issued, per bank, bank group and rank."""

    protocol: Protocol
    timing: Mapping[str, int]
    shape: Shape
    open_rows: dict[int, int] = field(default_factory=dict)
    """Bank -> its open row; banks that are closed are missing."""
    second_rows: dict[int, int] = field(default_factory=dict)
    """The same for the second row buffers of banks that have two."""
    mode: int = 0
    """Mode of the channel, where the standard has modes."""
    _seen: dict[tuple[str, Place], deque[int]] = field(default_factory=dict)
    _bounds: dict[str, list[Bound]] = field(default_factory=dict)
    _commands: dict[str, Command] = field(default_factory=dict)
    _sizes: dict[Scope, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bound in bind(self.protocol, self.timing, self.shape):
            self._bounds.setdefault(bound.following, []).append(bound)

        one, group, rank, whole = 1, self.shape.banks, self.shape.per_rank, self.shape.total
        self._sizes = {Scope.BANK: one, Scope.BANK_GROUP: group, Scope.RANK: rank, Scope.CHANNEL: whole}
        self._commands = {command.name: command for command in self.protocol.commands}

    def command(self, name: str) -> Command:
        """The command of this name.

        Raises
        ------
        UnknownName
            There is none.
        """
        if name not in self._commands:
            raise UnknownName("command", name, self._commands)
        return self._commands[name]

    def rows(self, command: Command) -> dict[int, int]:
        """Open rows by bank, of the row buffers that a command looks at."""
        return self.second_rows if command.row_buffer else self.open_rows

    def probe(self, name: str, bank: int, cycle: int, row: int = -1) -> Refusal | None:
        """None if the command may be issued in this cycle, else the rule that forbids it longest.

        Parameters
        ----------
        name
            The command.
        bank
            Bank of the channel, counted over ranks and groups; for a command of a wider scope, any bank of it.
        cycle
            The clock cycle; commands are asked for in the order of time.
        row
            The row to open, or the row that the command wants to find open; -1 for any. How many there are is the
            device's matter, not the protocol's.

        Raises
        ------
        BadInput
            No such command or bank.
        """
        command = self.command(name)
        if not 0 <= bank < self.shape.total:
            raise BadInput(f"{name}: bank {bank}", right=f"a bank from 0 to {self.shape.total - 1}")
        if command.mode not in (-1, self.mode):
            return Refusal(f"{name} needs mode {command.mode} of the channel, and it is {self.mode}", -1)
        for one in self.banks(command, bank):
            if (wrong := self._wrong_state(command, one, row)) is not None:
                return Refusal(wrong, -1)
        earliest, latest = cycle, None
        for bound in self._bounds.get(name, ()):
            for time in self._times(bound, bank):
                if time + bound.gap > earliest:
                    earliest, latest = time + bound.gap, bound
        return None if latest is None else Refusal(str(latest), earliest, latest)

    def issue(self, name: str, bank: int, cycle: int, row: int = -1) -> None:
        """Issue a command.

        Raises
        ------
        BadInput
            The command is illegal now; names the rule.
        """
        if (refusal := self.probe(name, bank, cycle, row)) is not None:
            when = f"legal from cycle {refusal.earliest}" if refusal.earliest >= 0 else ""
            raise BadInput(f"{name} to bank {bank} at cycle {cycle} breaks {refusal.reason}", right=when)
        command = self.command(name)
        rows = self.rows(command)
        self.mode = command.enters if command.enters >= 0 else self.mode ^ command.switches
        for one in self.banks(command, bank):
            if command.leaves is BankState.OPEN:
                rows[one] = row
            elif command.leaves is BankState.CLOSED:
                rows.pop(one, None)  # a command that closes many banks finds some of them closed
        for place in self._places(self.banks(command, bank)):
            self._seen.setdefault((name, place), deque(maxlen=LONGEST_WINDOW)).append(cycle)

    def _wrong_state(self, command: Command, bank: int, row: int) -> str | None:
        rows = self.rows(command)
        found = BankState.OPEN if bank in rows else BankState.CLOSED
        if command.needs is not None and found is not command.needs:
            return f"{command.name} needs bank {bank} {command.needs}, and it is {found}"
        if command.name.startswith("REF") and bank in self.second_rows:
            return f"{command.name} needs bank {bank} closed, and its second row buffer is open"
        if command.needs is BankState.OPEN and row >= 0 and rows[bank] != row:
            return f"{command.name} needs row {row} of bank {bank} open, and row {rows[bank]} is"
        return None

    def _times(self, bound: Bound, bank: int) -> Iterator[int]:
        """When the command that a bound looks back at was issued, in each place where it counts."""
        for place in self._around(bound, bank):
            seen = self._seen.get((bound.preceding, place), ())
            if len(seen) >= bound.window:
                yield seen[-bound.window]

    def _around(self, bound: Bound, bank: int) -> Iterator[Place]:
        """The places whose history a bound looks at."""
        if bound.scope is Scope.OTHER_RANKS:
            own = bank // self.shape.per_rank
            yield from ((Scope.RANK, other) for other in range(self.shape.ranks) if other != own)
            return
        banks, size = self.banks(self.command(bound.following), bank), self._sizes[bound.scope]
        yield from ((bound.scope, unit) for unit in _units(banks, size))

    def banks(self, command: Command, bank: int) -> range:
        """The banks that a command acts on, if `bank` is one of them."""
        stride = {Scope.SAME_BANK: self.shape.banks, Scope.HALF: 2}.get(command.scope, 0)
        if stride:
            first = bank // self.shape.per_rank * self.shape.per_rank
            return range(first + bank % stride, first + self.shape.per_rank, stride)
        size = self._sizes[command.scope]
        first = bank // size * size
        return range(first, first + size)

    def _places(self, banks: range) -> Iterator[Place]:
        """Every bank, group, rank and channel that these banks lie in."""
        for scope in (Scope.BANK, Scope.BANK_GROUP, Scope.RANK, Scope.CHANNEL):
            size = self._sizes[scope]
            yield from ((scope, unit) for unit in _units(banks, size))


def _units(banks: range, size: int) -> Iterable[int]:
    """The units of `size` banks that these banks lie in, each once."""
    whole = range(banks[0] // size, banks[-1] // size + 1)
    return whole if banks.step <= size else (bank // size for bank in banks)
