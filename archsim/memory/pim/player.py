"""Plays a program on one PIM channel, slowly and plainly: the reference that the compiled lane is checked against.

At each step the command that can be issued first goes, the older request where several can. A due refresh goes before
everything else.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from archsim.core.errors import BadInput, Broken
from archsim.memory.device import PARTIAL_REFRESH, Dram
from archsim.memory.pim.lane import STARVED
from archsim.memory.pim.program import Do, Fence, Program, check
from archsim.memory.protocol import BankState, Command, Protocol, Scope, evaluate
from archsim.memory.state import DeviceState

FOREVER = 1 << 60

Choice = tuple[int, int, int, int, int]
"""(cycle, age of the request in the window or -1 for a refresh, place of the command in the protocol, bank, row)."""


@dataclass
class Waiting:
    """A request in the window."""

    do: Do
    row: int
    begun: bool = False
    """Whether a command for it was issued since the last refresh."""


@dataclass(frozen=True)
class Played:
    """What a program did on its channel."""

    cycles: int
    """Until the last command is complete."""
    commands: Counter[str]
    log: list[tuple[int, str, int, int]] = field(repr=False)
    """Issued commands: (cycle, command, bank, row)."""
    leapt: int = 0
    """Commands that were not issued one by one, since the state of the channel recurred."""


def opener(command: Command) -> str:
    """The command that opens the rows that this one needs."""
    return command.opened_by or "ACT"


def closer(command: Command) -> str:
    """The command that closes rows in the way of this one."""
    return command.closed_by or "PRE"


def closers(protocol: Protocol, refresh: Command) -> dict[int, str]:
    """By row buffer, the command that closes rows before a refresh."""
    found = {refresh.row_buffer: closer(refresh)}
    for command in protocol.commands:
        if command.leaves is BankState.CLOSED and not command.column and command.row_buffer not in found:
            found[command.row_buffer] = command.name
    return found


def check_refresh(refreshes: int, device: Dram) -> None:
    """Raise if so many refreshes are due, or went by without any work between them, that the program never ends.

    Raises
    ------
    BadInput
        Says how long an interval is.
    """
    if refreshes >= STARVED:
        interval = device.cycles["tREFI"]
        what = f"refreshes leave no time for work: one is due every {interval} cycles (tREFI), and rows close and open"
        raise BadInput(what, right="a longer trefi, a shorter trfc, or policy.refresh: off")


@dataclass(frozen=True, slots=True)
class Refreshing:
    """When which refresh is due: every `every` cycles the next of `units`, `at_once` of them together."""

    command: str
    every: int
    units: tuple[int, ...]
    """A bank of each rank, or of the channel, that is refreshed as a whole."""
    at_once: int

    @staticmethod
    def of(device: Dram) -> Refreshing:
        """What the device's policy says; a protocol with REFAB refreshes the whole channel with one command.

        Raises
        ------
        BadInput
            The policy refreshes single banks.
        """
        kind, shape, interval = device.policy.refresh, device.shape, device.cycles["tREFI"]
        if kind in PARTIAL_REFRESH:
            what = f"policy.refresh: {kind}, and programs are played beside refreshes of whole ranks"
            raise BadInput(what, right="staggered, simultaneous or off", try_="--set policy.refresh=staggered")
        ranks = tuple(rank * shape.per_rank for rank in range(shape.ranks))
        if kind == "off":
            return Refreshing("REF", FOREVER, ranks, 1)
        if any(command.name == "REFAB" for command in device.protocol.commands):
            return Refreshing("REFAB", interval, (0,), 1)
        if kind == "simultaneous":
            return Refreshing("REF", interval, ranks, shape.ranks)
        return Refreshing("REF", max(1, interval // shape.ranks), ranks, 1)


class Player:
    """One channel that plays one program."""

    def __init__(self, device: Dram, program: Program) -> None:
        self.device, self.program = device, program
        self.state = DeviceState(device.protocol, device.cycles, device.shape)
        commands = {command.name: command for command in device.protocol.commands}
        check(program.body, device)
        self.commands = commands
        self.numbers = {name: number for number, name in enumerate(commands)}
        self.lasts = {name: evaluate(c.done, device.cycles) if c.done else 1 for name, c in commands.items()}
        self.refreshing = Refreshing.of(device)
        self.next_refresh = self.refreshing.every
        self.due = self.refreshed = self.done = self.now = self.opened = self.idle = self.gate = 0
        self.held: dict[str, int] = {}
        self.queue: deque[Waiting | Fence] = deque()
        self.source = program.flat()
        self.log: list[tuple[int, str, int, int]] = []

    def run(self) -> Played:
        """Play it to the end."""
        self._fill()
        while self.queue:
            self._step()
            self._fill()
            check_refresh(max(self.due, self.idle), self.device)
        counts = Counter(name for _, name, _, _ in self.log)
        return Played(self.done, counts, self.log)

    def _fill(self) -> None:
        """Fill the window; drop fences that hold nothing back any more."""
        while True:
            while len(self.queue) < self.device.policy.pim_window and (item := next(self.source, None)) is not None:
                self.queue.append(item if isinstance(item, Fence) else Waiting(*item))
            if not self.queue or not isinstance(self.queue[0], Fence):
                return
            fence = self.queue.popleft()
            assert isinstance(fence, Fence)
            if fence.done:
                self.gate = max(self.gate, self.now, max(self.done, self.opened + fence.start) + fence.extra)
                self.opened = self.gate if fence.restarts else self.opened

    def _step(self) -> None:
        choices = list(self._refresh()) if self.due else []
        waits = any(choice[2] != self.numbers[self.refreshing.command] for choice in choices)
        if not self.due or (waits and self.device.policy.refresh_yields):
            choices += self._requests()
        best = min(choices, default=None)
        if self.next_refresh <= (best[0] if best else FOREVER):
            self.now = max(self.now, self.next_refresh)
            self.next_refresh += self.refreshing.every
            self.due += self.refreshing.at_once
            return
        if best is None:
            raise Broken("no command can ever be issued", right="a program whose commands find their rows")
        cycle, age, number, bank, row = best
        name = self.device.protocol.commands[number].name
        self.now = cycle
        self.state.issue(name, bank, cycle, row)
        self.log.append((cycle, name, bank, row))
        self.done = max(self.done, cycle + self.lasts[name])
        if age < 0:
            if name == self.refreshing.command:
                self.due -= 1
                self.refreshed += 1
                head = self.queue[0] if self.queue else Fence()
                asked = self.opened + (head.start if isinstance(head, Fence) else head.do.start)
                self.idle += bool(self.queue) and max(self.gate, asked) <= cycle
                for other in self.queue:
                    if isinstance(other, Waiting):
                        other.begun = False
            return
        item = self.queue[age]
        assert isinstance(item, Waiting)
        item.begun = True
        if name == item.do.command and bank == self.state.banks(self.commands[name], item.do.place)[0]:
            if item.do.hold:
                self.held[name] = cycle + item.do.hold
            del self.queue[age]
            self.idle = 0

    def _requests(self) -> Iterator[Choice]:
        """What each request of the window could do next, up to the first fence; beyond it only what rows need."""
        seen: set[tuple[Do, int, bool]] = set()
        older: list[tuple[int, range]] = []
        past = False
        for age, item in enumerate(self.queue):
            if isinstance(item, Fence):
                past = True
                if not item.rows:
                    return
                continue
            key = (item.do, item.row, item.begun)
            if key not in seen:
                seen.add(key)
                yield from self._next(age, item, older, past)
            command = self.commands[item.do.command]
            if command.needs is not None:
                older.append((command.row_buffer, self.state.banks(command, item.do.place)))

    def _next(self, age: int, item: Waiting, older: list[tuple[int, range]], past: bool) -> Iterator[Choice]:
        """The command itself where its rows are as it needs them, else those that bring them there.

        Rows that an older request of the window works on are left alone, and what would reach too far towards the next
        refresh is not begun.
        """
        do, row, command = item.do, item.row, self.commands[item.do.command]
        start = max(self.opened + do.start, self.gate)
        banks, rows = self.state.banks(command, do.place), self.state.rows(command)
        wrong = [b for b in banks if b in rows and (command.needs is BankState.CLOSED or row not in (-1, rows[b]))]
        shut = [b for b in banks if b not in rows] if command.needs is BankState.OPEN else []
        found: list[Choice] = []
        busy = any(buffer == command.row_buffer and _meet(banks, other) for buffer, other in older)
        if command.needs is None or not (wrong or shut):
            # What closes rows of its own accord lets those finish that came before and work on them.
            if not past and not (busy and command.needs is None and command.leaves is BankState.CLOSED):
                found.append(self._when(age, do.command, do.place, row, max(start, self.held.get(do.command, 0))))
        elif not busy:
            tool, shutter = self.commands[opener(command)], self.commands[closer(command)]
            groups = dict.fromkeys(self.state.banks(tool, bank) for bank in shut)
            wrong += [bank for group in groups for bank in group if bank in rows]
            # What closes more banks than one opener opens would close some of those again: it goes first.
            if not wrong or len(self.state.banks(shutter, do.place)) <= len(self.state.banks(tool, do.place)):
                ready = [group for group in groups if not any(bank in rows for bank in group)]
                found += [self._when(age, tool.name, group[0], max(row, 0), start) for group in ready]
            found += [self._when(age, shutter.name, bank, rows[bank], start) for bank in dict.fromkeys(wrong)]
        reserve = 0 if item.begun else do.reserve
        yield from (choice for choice in found if choice[0] + reserve <= self.next_refresh)

    def _refresh(self) -> Iterator[Choice]:
        """The due refresh, or what closes rows in its way."""
        refresh = self.commands[self.refreshing.command]
        unit = self.refreshing.units[self.refreshed % len(self.refreshing.units)]
        banks = self.state.banks(refresh, unit)
        open_rows = False
        for buffer, name in closers(self.device.protocol, refresh).items():
            rows = self.state.second_rows if buffer else self.state.open_rows
            for bank in banks:
                if bank in rows:
                    open_rows = True
                    yield self._when(-1, name, bank, rows[bank])
        if not open_rows:
            yield self._when(-1, refresh.name, unit, -1)

    def _when(self, age: int, name: str, bank: int, row: int, start: int = 0) -> Choice:
        """When a command can go at the earliest; in the wrong mode, the command that switches goes in its place."""
        command, start = self.commands[name], max(start, self.now)
        if command.scope is not Scope.BANK:
            bank = self.state.banks(command, bank)[0]
            row = -1 if command.leaves is BankState.CLOSED and command.needs is None else row
        mode, self.state.mode = self.state.mode, max(command.mode, 0) if command.mode >= 0 else self.state.mode
        refusal = self.state.probe(name, bank, start, row)
        wanted, self.state.mode = self.state.mode, mode
        if refusal is not None and refusal.earliest < 0:
            raise Broken(f"{name} to bank {bank}: {refusal.reason}")
        earliest = start if refusal is None else refusal.earliest
        if wanted == mode:
            return earliest, age, self.numbers[name], bank, row
        switch = next((command.name for command in self.commands.values() if command.switches), "")
        if not switch:  # an older command of the window changes the mode
            return FOREVER, age, self.numbers[name], bank, row
        return self._when(age, switch, 0, -1, earliest)


def _meet(one: range, other: range) -> bool:
    if one.step == other.step == 1:
        return one.start < other.stop and other.start < one.stop
    return not set(one).isdisjoint(other)


def play(device: Dram, program: Program) -> Played:
    """Play a program on one channel of a device.

    Parameters
    ----------
    device
        The memory; its policy says how requests are chosen and when refreshes are due.
    program
        What to do.

    Raises
    ------
    BadInput
        The program names what the device does not have.
    """
    return Player(device, program).run()
