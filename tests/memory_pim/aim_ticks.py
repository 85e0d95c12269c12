"""Host and controllers of GDDR6-AiM, one clock cycle after the other: what `aim_host.replay` is checked against.

In each cycle the host sends what it can, then each channel looks at the oldest command of its queue and issues it, or
what it needs first. Nothing is computed ahead. Without refresh.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from archsim.memory.bounds import Bound, bind
from archsim.memory.device import Dram
from archsim.memory.pim.aim_trace import Isr
from archsim.memory.protocol import BankState, Command, Scope, evaluate

ROOM = 33


@dataclass
class Request:
    """A command on its way, or an opcode without one (SYNC, EOC)."""

    isr: Isr
    complete: int = -1


@dataclass
class Channel:
    device: Dram
    queue: deque[Request] = field(default_factory=deque)
    flying: list[Request] = field(default_factory=list)
    answers: list[Request] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    mode: int = 0
    last: dict[tuple[str, Scope, int], int] = field(default_factory=dict)
    log: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.commands = {command.name: command for command in self.device.protocol.commands}
        self.bounds: dict[str, list[Bound]] = {}
        for bound in bind(self.device.protocol, self.device.cycles, self.device.shape):
            self.bounds.setdefault(bound.following, []).append(bound)

    def banks(self, command: Command, bank: int) -> range:
        size = self.size(command.scope)
        return range(bank // size * size, bank // size * size + size)

    def size(self, scope: Scope) -> int:
        return {Scope.BANK: 1, Scope.BANK_GROUP: self.device.banks}.get(scope, self.device.shape.total)

    def needed(self, isr: Isr) -> str:
        """The command itself, or the one that its rows need first."""
        command = self.commands[isr.form.command]
        banks = self.banks(command, isr.bank)
        found = {self.rows.get(bank) for bank in banks}
        if command.needs is None or found == {isr.row}:
            return command.name
        shut = found == {None}
        return (command.opened_by or "ACT") if shut else (command.closed_by or "PRE")

    def ready(self, name: str, bank: int, now: int) -> bool:
        for bound in self.bounds.get(name, ()):
            units = {one // self.size(bound.scope) for one in self.banks(self.commands[name], bank)}
            latest = max(self.last.get((bound.preceding, bound.scope, unit), -(10**9)) for unit in units)
            if bound.window == 1 and now < latest + bound.gap:
                return False
        return True

    def tick(self, now: int) -> list[Isr]:
        """One cycle; the instructions that are answered in it."""
        landed = all(one.complete <= now for one in self.flying)
        answered = [
            one.isr
            for one in self.answers
            if one.complete <= now and (landed if one.isr.form.command else not self.flying)
        ]
        self.answers = [r for r in self.answers if r.isr not in answered]
        self.flying = [r for r in self.flying if r.complete > now]
        if not self.queue:
            return answered
        request = self.queue[0]
        if not request.isr.form.command:
            request.complete = now
            self.answers.append(self.queue.popleft())
            return answered
        name = self.needed(request.isr)
        if self.ready(name, request.isr.bank, now):
            name = "TMOD" if self.commands[name].mode != self.mode else name
            self.issue(name, request, now)
        return answered

    def issue(self, name: str, request: Request, now: int) -> None:
        command = self.commands[name]
        banks = self.banks(command, request.isr.bank)
        self.log.append((now, name))
        self.mode ^= command.switches
        for bank in banks:
            if command.leaves is BankState.OPEN:
                self.rows[bank] = request.isr.row
            elif command.leaves is BankState.CLOSED:
                self.rows.pop(bank, None)
            for scope in Scope:
                self.last[name, scope, bank // self.size(scope)] = now
        if name == request.isr.form.command:
            request.complete = now + (evaluate(command.done, self.device.cycles) if command.done else 1)
            (self.answers if request.isr.form.waits else self.flying).append(self.queue.popleft())


def ticks(isrs: Sequence[Isr], device: Dram, channels: int) -> tuple[int, list[list[tuple[int, str]]]]:
    """Cycles until EOC is answered, and what each channel issued when."""
    lanes = [Channel(device) for _ in range(channels)]
    to_send: list[deque[Request]] = [deque() for _ in lanes]
    coming, now, waiting = deque(isrs), 0, 0
    while True:
        if not any(to_send) and not waiting and coming:
            isr = coming.popleft()
            asked = range(channels) if isr.form.waits and not isr.form.command else isr.channels
            for channel in asked:
                to_send[channel].extend(Request(isr) for _ in range(isr.size))
            waiting = len(asked) if isr.form.waits else 0
        for lane, requests in zip(lanes, to_send, strict=True):
            while requests and len(lane.queue) < ROOM:
                lane.queue.append(requests.popleft())
        for lane in lanes:
            waiting -= len(lane.tick(now))
        now += 1
        if not coming and not waiting:
            return now, [lane.log for lane in lanes]
