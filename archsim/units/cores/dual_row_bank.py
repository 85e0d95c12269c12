"""The command machine of a DRAM bank with two row buffers (NeuPIMs): a command is taken in the first legal cycle.

::

    command --> legal? ----------------> issued, one cycle later
      ^  ready   | states: ordinary buffer open or closed, second one (PIM) open or closed
      +----------+ timers: one per command, the cycles until a rule lets it go

    cycle     0    1 ...... 14   15    16 ..... 34
    command  ACT   RD ..... RD  G_ACT  PRE .... PRE      tRCDRD 14, tRRD_L 6, tRAS 34 since ACT
    ready     1    0        1     1     0        1

A timing contract, not silicon: the cells of a DRAM are no standard cells. States and gaps are not written down here but
taken from the table of the standard `neupims` (`archsim.memory.standards`), narrowed down to what one bank sees of it:
rules between commands of a bank, its group, its rank and its channel count, those between two ranks do not. Rows have
no numbers; refresh is on request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from archsim.core.errors import BadInput
from archsim.memory.bounds import Shape, bind
from archsim.memory.protocol import BankState, Command, Protocol, Scope
from archsim.memory.standards import NEUPIMS
from archsim.memory.state import DeviceState
from archsim.memory.timing import Timing as DramTiming
from archsim.units.cores._ints import number
from archsim.units.cores.core import Beat, Core, Port
from archsim.units.cores.timing import Ready, Timing

MACRO = "COMPS_READRES"
"""The command that stands for n COMPs and a READRES."""
EVERY = (
    *("ACT", "RD", "WR", "GWRITE", "PRE", "ACT", "RDA", "ACT", "WRA"),
    *("P_HEADER", "G_ACT", "COMP", "READRES", MACRO, "PIM_PRECHARGE", "REF"),
)
"""A legal order in which every command occurs."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """What the rules say about one bank."""

    commands: tuple[Command, ...]
    """In the order of their codes."""
    cycles: Mapping[tuple[str, str], int]
    """From a command to another, at least; 1 where no rule names the pair."""


class DualRowBank(Core, kind="dual_row_bank"):
    """Takes ACT, RD, WR, PRE and the PIM commands of NeuPIMs, each in the first cycle in which no rule forbids it.

    Timings are clock cycles. The defaults are HBM2_8Gb_x128_dualpim.ini of casys-kaist/NeuPIMs f299af3 [stated], as in
    the memory `hbm2-neupims`.
    """

    tcl: int = Field(14, ge=1, le=4096)
    """READ to its first data."""
    tcwl: int = Field(4, ge=1, le=4096)
    """WRITE to its first data."""
    trcdrd: int = Field(14, ge=1, le=4096)
    """ACTIVATE to READ, GWRITE and COMP."""
    trcdwr: int = Field(14, ge=1, le=4096)
    """ACTIVATE to WRITE."""
    trp: int = Field(14, ge=1, le=4096)
    """PRECHARGE to ACTIVATE."""
    tras: int = Field(34, ge=1, le=4096)
    """ACTIVATE to PRECHARGE."""
    trrd_s: int = Field(4, ge=1, le=4096)
    """ACTIVATE to ACTIVATE of another bank group."""
    trrd_l: int = Field(6, ge=1, le=4096)
    """ACTIVATE to ACTIVATE in one bank group; of one buffer of the bank to the other."""
    tfaw: int = Field(30, ge=1, le=4096)
    """Window of four ACTIVATEs; a G_ACT is four."""
    tccd_s: int = Field(1, ge=1, le=4096)
    """Column command to column command of another bank group."""
    tccd_l: int = Field(2, ge=1, le=4096)
    """Column command to column command in one bank group."""
    trtp: int = Field(5, ge=1, le=4096)
    """READ or COMP to PRECHARGE."""
    twr: int = Field(16, ge=1, le=4096)
    """Last data written to PRECHARGE."""
    twtr_s: int = Field(6, ge=1, le=4096)
    """Last data written to READ in another bank group."""
    twtr_l: int = Field(8, ge=1, le=4096)
    """Last data written to READ in one bank group."""
    trtrs: int = Field(2, ge=1, le=4096)
    """From one driver of the data bus to another."""
    trfc: int = Field(260, ge=1, le=4096)
    """Refresh to whatever follows."""
    burst: int = Field(2, ge=1, le=64)
    """Cycles of one burst on the data bus."""
    gwrite: int = Field(96, ge=1, le=4096)
    """Cycles in which a row is copied to the vector buffer."""
    fill: int = Field(6, ge=1, le=255)
    """COMPs that a macro lasts at least: the depth of the adder tree."""

    @model_validator(mode="after")
    def _window_is_slack(self) -> Self:
        least = self.gaps.cycles["ACT", "ACT"]
        if self.tfaw > 4 * least:
            right = f"at most {4 * least}: a bank alone opens rows tRC apart, and four of them take longer"
            raise BadInput(f"tfaw: {self.tfaw}", right=right)
        return self

    @property
    def commands(self) -> tuple[str, ...]:
        """Names by code, the value of the field `command`."""
        return tuple(command.name for command in NEUPIMS.commands)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """A command, and how many COMPs a macro stands for."""
        codes = ", ".join(f"{code} {name}" for code, name in enumerate(self.commands))
        return Port("command", 4, doc=codes), Port("comps", 8, doc=f"COMPs of a {MACRO}")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The command as issued to the bank, and which of its row buffers are open afterwards."""
        return (
            Port("command", 4, doc="as issued to the bank"),
            Port("row_open", 1, fmt="bool", doc="the ordinary row buffer holds a row after it"),
            Port("pim_open", 1, fmt="bool", doc="the second one does"),
        )

    @property
    def latency(self) -> int:
        """The register from which the bank is commanded."""
        return 1

    @property
    def elastic(self) -> bool:
        """A bank cannot refuse what is issued to it."""
        return False

    @property
    def named(self) -> dict[str, int]:
        """Timings by the names that the rules use; tREFI is used by none."""
        sheet = {name: getattr(self, name) for name in DramTiming.model_fields if name in type(self).model_fields}
        timing = DramTiming(**sheet, trefi=self.trfc + 1)
        return {**timing.named, "tBURST": self.burst, "tGWRITE": self.gwrite, "nFILL": self.fill}

    @property
    def gaps(self) -> Gaps:
        """Commands and distances of one bank."""
        return _gaps(tuple(self.named.items()))

    def hold(self, comps: int) -> int:
        """Cycles from a macro of so many COMPs to the next one."""
        return self.column * (max(comps, self.fill) + 1)

    @property
    def column(self) -> int:
        """Cycles from one COMP to the next."""
        return max(self.burst, self.tccd_s)

    def state(self) -> DeviceState:
        """The simulator's own model of the same bank: one bank, every rule that reaches it."""
        return DeviceState(one_bank(NEUPIMS), self.named, Shape(1, 1, 1))

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """Every command, issued.

        Raises
        ------
        BadInput
            A command that no cycle makes legal, such as RD while the row buffer is closed.
        """
        found: list[Beat] = []
        state = self.state()
        for cycle, beat in enumerate(beats):
            name = self.name(beat)
            state.issue(name, 0, 10_000 * cycle)
            after = {"row_open": int(0 in state.open_rows), "pim_open": int(0 in state.second_rows)}
            found.append({"command": beat["command"], **after})
        return found

    def name(self, beat: Beat) -> str:
        """The command of a beat.

        Raises
        ------
        BadInput
            The code means no command.
        """
        code = number(beat, "command")
        if code >= len(self.commands):
            raise BadInput(f"command code {code}", right=f"0 to {len(self.commands) - 1}: {', '.join(self.commands)}")
        return self.commands[code]

    def schedule(self, beats: Sequence[Beat], offered: Sequence[int], ready: Ready) -> Timing:
        """The first legal cycle of each command, as the simulator's model of a channel answers it."""
        state, cycle, held = self.state(), -1, 0
        accepted = []
        for beat, earliest in zip(beats, offered, strict=True):
            name = self.name(beat)
            cycle = max(cycle + 1, earliest, held if name == MACRO else 0)
            if (refusal := state.probe(name, 0, cycle)) is not None:
                cycle = refusal.earliest
            state.issue(name, 0, cycle)
            held = cycle + self.hold(number(beat, "comps")) if name == MACRO else held
            accepted.append(cycle)
        return Timing(tuple(accepted), tuple(cycle + self.latency for cycle in accepted))

    def beat(self, command: str, comps: int = 0) -> Beat:
        """The beat of a command."""
        return {"command": self.commands.index(command), "comps": comps}

    def paced(self, beats: Sequence[Beat]) -> Sequence[int]:
        """Those ahead of a header that follows no GWRITE: it waits for nothing but the command bus."""
        names = [self.name(beat) for beat in beats]
        return [at for at, pair in enumerate(pairwise(names)) if pair[1] == "P_HEADER" and pair[0] != "GWRITE"]

    def example(self) -> list[Beat]:
        """A row of each buffer is opened, read or computed with, and closed."""
        return [self.beat(name) for name in ("ACT", "RD", "G_ACT", "RD", "COMP", "READRES", "PRE", "PIM_PRECHARGE")]

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Every command once, then at random what the row buffers allow; refreshes are rare, since they take long."""
        state = self.state()
        beats = [self.beat(name, 32 if name == MACRO else 0) for name in EVERY]
        for index, beat in enumerate(beats):
            state.issue(self.name(beat), 0, 10_000 * index)
        while len(beats) < count:
            cycle = 10_000 * len(beats)
            names = [name for name in self.commands if state.probe(name, 0, cycle) is None]
            weights = np.array([0.1 if name == "REF" else 1.0 for name in names])
            name = str(rng.choice(names, p=weights / weights.sum()))
            state.issue(name, 0, cycle)
            beats.append(self.beat(name, int(rng.choice([0, 1, 6, 7, 8, 16, 32, 255])) if name == MACRO else 0))
        return beats

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Every command, and a macro that outlasts the adder tree."""
        bins: dict[str, Callable[[Beat], bool]] = {}
        for code, name in enumerate(self.commands):

            def given(beat: Beat, code: int = code) -> bool:
                return beat["command"] == code

            bins[name] = given
        bins["long macro"] = lambda beat: number(beat, "comps") > self.fill
        return bins


def one_bank(protocol: Protocol) -> Protocol:
    """What one bank sees of a protocol: its commands act on it alone, and every rule that reaches it holds there."""
    rules = (replace(rule, scope=Scope.BANK) for rule in protocol.rules if rule.scope is not Scope.OTHER_RANKS)
    commands = (replace(command, scope=Scope.BANK) for command in protocol.commands)
    return replace(protocol, rules=tuple(rules), commands=tuple(commands))


@lru_cache(maxsize=64)
def _gaps(timing: tuple[tuple[str, int], ...]) -> Gaps:
    protocol = one_bank(NEUPIMS)
    names = [command.name for command in protocol.commands]
    cycles = {(before, after): 1 for before in names for after in names}
    for bound in bind(protocol, dict(timing), Shape(1, 1, 1)):
        pair = bound.preceding, bound.following
        if bound.window == 1:
            cycles[pair] = max(cycles[pair], bound.gap)
    return Gaps(protocol.commands, cycles)


def is_open(state: BankState | None) -> bool | None:
    """What a command wants of a row buffer, or does to it: open, closed, or nothing."""
    return None if state is None else state is BankState.OPEN
