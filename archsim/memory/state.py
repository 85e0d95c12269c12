"""One DRAM channel, slowly and plainly: `probe` asks whether a command is legal, `issue` does it.

Kept as simple as the tables allow, since the compiled controller is checked against it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from archsim.core.errors import BadInput
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
    _seen: dict[tuple[str, Place], deque[int]] = field(default_factory=dict)
    _bounds: dict[str, list[Bound]] = field(default_factory=dict)
    _commands: dict[str, Command] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bound in bind(self.protocol, self.timing, self.shape):
            self._bounds.setdefault(bound.following, []).append(bound)

        self._commands = {command.name: command for command in self.protocol.commands}

    def command(self, name: str) -> Command:
        """The command of this name."""
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
            The row to open, or the row that the command wants to find open; -1 for any.
        """
        command = self.command(name)
        for one in self.banks(command, bank):
            if (wrong := self._wrong_state(command, one, row)) is not None:
                return Refusal(wrong, -1)
        late = [refusal for bound in self._bounds.get(name, ()) if (refusal := self._early(bound, bank, cycle))]
        return max(late, key=lambda refusal: refusal.earliest, default=None)

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
        if command.needs is BankState.OPEN and row >= 0 and rows[bank] != row:
            return f"{command.name} needs row {row} of bank {bank} open, and row {rows[bank]} is"
        return None

    def _early(self, bound: Bound, bank: int, cycle: int) -> Refusal | None:
        earliest = max((time + bound.gap for time in self._times(bound, bank)), default=cycle)
        return Refusal(str(bound), earliest, bound) if earliest > cycle else None

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
        banks, size = self.banks(self.command(bound.following), bank), self._size(bound.scope)
        yield from ((bound.scope, unit) for unit in _units(banks, size))

    def banks(self, command: Command, bank: int) -> range:
        """The banks that a command acts on, if `bank` is one of them."""
        if command.scope is Scope.SAME_BANK:
            first = bank // self.shape.per_rank * self.shape.per_rank
            return range(first + bank % self.shape.banks, first + self.shape.per_rank, self.shape.banks)
        size = self._size(command.scope)
        first = bank // size * size
        return range(first, first + size)

    def _size(self, scope: Scope) -> int:
        """Banks of one bank, bank group, rank or channel."""
        shape = self.shape
        return {Scope.BANK: 1, Scope.BANK_GROUP: shape.banks, Scope.RANK: shape.per_rank}.get(scope, shape.total)

    def _places(self, banks: range) -> Iterator[Place]:
        """Every bank, group, rank and channel that these banks lie in."""
        for scope in (Scope.BANK, Scope.BANK_GROUP, Scope.RANK, Scope.CHANNEL):
            size = self._size(scope)
            yield from ((scope, unit) for unit in _units(banks, size))


def _units(banks: range, size: int) -> Iterable[int]:
    """The units of `size` banks that these banks lie in, each once."""
    whole = range(banks[0] // size, banks[-1] // size + 1)
    return whole if banks.step <= size else (bank // size for bank in banks)
