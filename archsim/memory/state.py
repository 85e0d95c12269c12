"""One DRAM channel, slowly and plainly: `probe` asks whether a command is legal, `issue` does it.

Kept as simple as the tables allow, since the compiled controller is checked against it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
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
    _seen: dict[tuple[str, Place], deque[int]] = field(default_factory=dict)
    _bounds: dict[str, list[Bound]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bound in bind(self.protocol, self.timing, self.shape):
            self._bounds.setdefault(bound.following, []).append(bound)

    def command(self, name: str) -> Command:
        """The command of this name."""
        return next(c for c in self.protocol.commands if c.name == name)

    def probe(self, name: str, bank: int, cycle: int, row: int = -1) -> Refusal | None:
        """None if the command may be issued in this cycle, else the rule that forbids it longest.

        Parameters
        ----------
        name
            The command.
        bank
            Bank of the channel, counted over ranks and groups; for a command of a rank, any bank of it.
        cycle
            The clock cycle; commands are asked for in the order of time.
        row
            For ACT the row to open, for a column command the row it wants to find open.
        """
        command = self.command(name)
        for one in self._banks(command, bank):
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
        for one in self._banks(command, bank):
            if command.leaves is BankState.OPEN:
                self.open_rows[one] = row
            elif command.leaves is BankState.CLOSED:
                del self.open_rows[one]
        for place in {place for one in self._banks(command, bank) for place in self._places(one)}:
            self._seen.setdefault((name, place), deque(maxlen=LONGEST_WINDOW)).append(cycle)

    def _wrong_state(self, command: Command, bank: int, row: int) -> str | None:
        found = BankState.OPEN if bank in self.open_rows else BankState.CLOSED
        if command.needs is not None and found is not command.needs:
            return f"{command.name} needs bank {bank} {command.needs}, and it is {found}"
        if command.column and self.open_rows[bank] != row:
            return f"{command.name} needs row {row} of bank {bank} open, and row {self.open_rows[bank]} is"
        return None

    def _early(self, bound: Bound, bank: int, cycle: int) -> Refusal | None:
        times = [self._nth(bound, place) for place in self._around(bound, bank)]
        earliest = max((time + bound.gap for time in times if time is not None), default=cycle)
        return Refusal(str(bound), earliest, bound) if earliest > cycle else None

    def _nth(self, bound: Bound, place: Place) -> int | None:
        seen = self._seen.get((bound.preceding, place), ())
        return seen[-bound.window] if len(seen) >= bound.window else None

    def _around(self, bound: Bound, bank: int) -> Iterator[Place]:
        """The places whose history a bound looks at."""
        rank = bank // self.shape.per_rank
        if bound.scope is Scope.OTHER_RANKS:
            yield from ((Scope.RANK, other) for other in range(self.shape.ranks) if other != rank)
            return
        banks = self._banks(self.command(bound.following), bank)
        yield from {place for one in banks for place in self._places(one) if place[0] is bound.scope}

    def _banks(self, command: Command, bank: int) -> range:
        if command.scope is Scope.RANK:
            first = bank // self.shape.per_rank * self.shape.per_rank
            return range(first, first + self.shape.per_rank)
        return range(bank, bank + 1)

    def _places(self, bank: int) -> Iterator[Place]:
        yield Scope.BANK, bank
        yield Scope.BANK_GROUP, bank // self.shape.banks
        yield Scope.RANK, bank // self.shape.per_rank
        yield Scope.CHANNEL, 0
