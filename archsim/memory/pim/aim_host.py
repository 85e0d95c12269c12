"""A host that sends one stream of instructions to all channels of GDDR6-AiM, slowly and plainly.

It sends one instruction in a cycle, to all its channels at once, each of which queues 33 commands. It sends the next
one when every channel has taken all commands of this one, and, where it waits for an answer, when all have answered
(arkhadem/aim_simulator, aim_DRAM_system.cpp and AiM_dram_controller.cpp at 0f28a07b).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from archsim.core.errors import BadInput
from archsim.memory.device import Dram
from archsim.memory.pim.aim import ANSWER, BARRIER_ANSWER, do, partly_open
from archsim.memory.pim.aim_trace import Isr
from archsim.memory.pim.player import Played, Player, Waiting
from archsim.memory.pim.program import Do, Program

QUEUE = 33
"""Commands that a channel's controller holds: one more than its limit of 32, which it compares by <= (ReqBuffer in
src/base/request.h at 0f28a07b) [stated]."""


@dataclass(frozen=True)
class Replayed:
    """What a trace did."""

    cycles: int
    """Until the host has the answer to EOC."""
    channels: Mapping[int, Played]
    """By channel; those that are asked the same share theirs."""


class _Channel(Player):
    """A channel that is given one command after the other."""

    def __init__(self, device: Dram) -> None:
        super().__init__(device, Program(()))
        self.issued: deque[int] = deque(maxlen=QUEUE)

    def take(self, isr: Isr, request: Do) -> int:
        """Play a command to its issue; the cycle in which the controller has room to take it from the host."""
        room = self.issued[0] + 1 if len(self.issued) == QUEUE else 0
        if partly_open(isr, self.state.open_rows, self.device):
            self.queue.append(Waiting(Do("PREA", start=request.start), -1))
        self.queue.append(Waiting(request, isr.row))
        while self.queue:
            self._step()
        self.issued.append(self.now)
        return max(room, request.start)


def replay(isrs: Sequence[Isr], device: Dram) -> Replayed:
    """Play a trace on all channels.

    Parameters
    ----------
    isrs
        The instructions; the last one is EOC.
    device
        The memory.

    Raises
    ------
    BadInput
        An instruction names what the device does not have.
    """
    by_channel = _grouped(isrs, device)
    cycle = 0
    for isr in isrs:
        if isr.opcode in ("SYNC", "EOC"):
            cycle = max([cycle, *(one.done for one in by_channel.values())]) + BARRIER_ANSWER
            continue
        asked = {id(by_channel[channel]): by_channel[channel] for channel in isr.channels}.values()
        sent = cycle
        if asked:
            request = do(isr, device, cycle)
            sent = max(channel.take(isr, request) for _ in range(isr.size) for channel in asked)
        cycle = max(channel.done for channel in asked) + ANSWER if isr.form.waits else sent + 1
    played = {id(channel): channel.run() for channel in by_channel.values()}
    return Replayed(cycle, {number: played[id(channel)] for number, channel in by_channel.items()})


def _grouped(isrs: Iterable[Isr], device: Dram) -> dict[int, _Channel]:
    """A player for each channel that is asked something; one for all that are asked the same."""
    asked: dict[int, list[int]] = {}
    for number, isr in enumerate(isrs):
        for channel in isr.channels:
            if channel >= device.channels:
                right = f"channels 0 to {device.channels - 1}"
                raise BadInput(f"{isr.opcode}: channel {channel}", where=isr.where, right=right)
            asked.setdefault(channel, []).append(number)
    players: dict[tuple[int, ...], _Channel] = {}
    return {channel: players.setdefault(tuple(own), _Channel(device)) for channel, own in sorted(asked.items())}
