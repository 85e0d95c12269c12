"""A DRAM memory as data: standard, organisation, timing, currents, controller policy; checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from archsim.core.errors import BadInput, Broken
from archsim.core.quantities import Bytes, Current, Energy, Power, Time
from archsim.core.registry import Registry
from archsim.ir.kinded import Kinded
from archsim.memory.address import AddressMap, fields
from archsim.memory.bounds import Shape
from archsim.memory.currents import Currents
from archsim.memory.layout import MOST_BANKS, MOST_RANKS, computes
from archsim.memory.policy import Policy
from archsim.memory.protocol import Protocol
from archsim.memory.standards import STANDARDS
from archsim.memory.standards.common import single_cycle
from archsim.memory.timing import SHEET_NAMES, Timing

if TYPE_CHECKING:
    from archsim.memory.measured import Measured
    from archsim.memory.requests import Requests

REFERENCE_TRTP = 5
"""What DRAMsim3 uses where a configuration gives tRTP_L and tRTP_S, which it does not read."""


MOST_CYCLES = 1 << 30
"""A timing in clock cycles at most; a second of the fastest clock."""
PARTIAL_REFRESH: Mapping[str, tuple[str, str]] = {
    "per-bank": ("REFPB", "single banks"),
    "same-bank": ("REFSB", "the same bank of every group"),
}
"""Refresh policy -> the command that a standard must have for it, and what that refreshes."""


class Memory(Kinded):
    """A memory that answers a stream of requests: what all kinds share; registered kinds can be named in YAML.

    A kind overrides every member, `outline` if it likes.
    """

    registry: ClassVar[Registry[type[Memory]]] = Registry("memory kind")

    @property
    def capacity(self) -> int:
        """Bytes that can be addressed."""
        raise self._missing("capacity")

    @property
    def request_bytes(self) -> int:
        """Bytes that one request moves."""
        raise self._missing("request_bytes")

    @property
    def peak(self) -> float:
        """Bytes per second that nothing could beat."""
        raise self._missing("peak")

    @property
    def conflict_stride(self) -> int:
        """Bytes from one request to the next that wants another row of the same bank: the pattern `bankconf`."""
        raise self._missing("conflict_stride")

    @property
    def conflict_span(self) -> int:
        """Bytes after which `bankconf` begins again; more would leave the bank where its rows are not on top."""
        return self.capacity

    @property
    def outline(self) -> str:
        """What it is made of, in a few words for people."""
        return self.kind

    def simulate(self, requests: Requests) -> Measured:
        """Answer requests, from an idle memory until the last one is complete."""
        raise self._missing("simulate")

    def _missing(self, name: str) -> Broken:
        return Broken(f"memory kind {self.kind!r} does not say {name}", right="a kind overrides every member of Memory")


class Dram(Memory, kind="dram"):
    """Channels of ordinary DRAM behind one controller each."""

    standard: str
    """The protocol: ddr4, ddr5, gddr6, hbm2, hbm2e, hbm3, lpddr4 or lpddr5."""
    tck: Time
    """Period of the clock that every timing counts."""
    transfers_per_clock: int = Field(2, ge=1)
    """Bits that each data pin moves per clock."""
    burst: int = Field(ge=1)
    """Transfers of one column command."""
    bus_width: int = Field(ge=1)
    """Data pins of one channel."""
    device_width: int = Field(ge=1)
    """Data pins of one device."""
    channels: int = Field(1, ge=1)
    """Channels, each with its own controller and banks."""
    ranks: int = Field(1, ge=1, le=MOST_RANKS)
    """Ranks of one channel."""
    groups: int = Field(ge=1)
    """Bank groups of one rank; 1 where they are switched off."""
    banks: int = Field(ge=1)
    """Banks of one bank group."""
    rows: int = Field(ge=1)
    """Rows of one bank."""
    page: Bytes
    """Bytes of one row in one device."""
    address_map: str = "rochrababgco"
    """Fields of an address, most significant first: ch ra bg ba ro co."""
    timing: Timing
    """Timings in clock cycles."""
    pim_timing: Mapping[str, int] = {}
    """Timings in clock cycles that only the rules of a PIM standard name, by those names."""
    pim_energy: Mapping[str, Energy] = {}
    """Energy of one PIM command, by its name, where it is published or derived."""
    currents: Currents | None = None
    """Supply currents, where the vendor publishes them."""
    activate_energy: Energy = Energy(0)
    """Energy of one activation with its precharge in all devices of a rank, as published; for want of currents."""
    access_energy: Energy = Energy(0)
    """Energy per bit moved between row buffer and interface, as published; for want of currents."""
    io_energy: Energy = Energy(0)
    """Energy per bit of drivers and termination of the data pins, which IDD currents exclude; 0 counts none."""
    active_power: Power = Power(0)
    """Standby power of one channel while a row is open, as published; for want of currents."""
    idle_power: Power = Power(0)
    """Standby power of one channel with every row closed, as published; for want of currents."""
    policy: Policy = Policy()
    """What the controller does."""
    compat: Literal["none", "dramsim3", "attacc-simulator"] = "none"
    """dramsim3: every command takes one cycle of its bus; tRTP is its default of 5 where it reads none (HBM, GDDR).
    attacc-simulator: values of every second head are read twice, as its traces do."""
    sources: Mapping[str, str] = {}
    """Where the numbers are from, by field."""

    @field_validator("standard")
    @classmethod
    def _known(cls, value: str) -> str:
        STANDARDS.get(value)
        return value

    @field_validator("address_map")
    @classmethod
    def _bijection(cls, value: str) -> str:
        fields(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sizes = ("burst", "bus_width", "device_width", "channels", "ranks", "groups", "banks", "rows", "page")
        for name in sizes:
            size = int(getattr(self, name))
            if size < 1 or size & (size - 1):
                raise BadInput(
                    f"{name}: {size} is not a power of two", right="an address map gives each field whole bits"
                )
        if self.bus_width % self.device_width:
            raise BadInput(f"bus_width: {self.bus_width} pins are no whole number of {self.device_width}-pin devices")
        if self.row_bytes < self.request_bytes:
            what = f"page: a row of {self.row_bytes} B holds no burst of {self.request_bytes} B"
            raise BadInput(what, right="page x devices >= burst x bus_width / 8")
        if self.shape.total > MOST_BANKS:
            raise BadInput(f"banks: {self.shape.total} in one channel, the limit is {MOST_BANKS}")
        commands = {command.name for command in self.protocol.commands}
        for refresh, (needed, what) in PARTIAL_REFRESH.items():
            if self.policy.refresh == refresh and needed not in commands:
                others = [name for name, (other, _) in PARTIAL_REFRESH.items() if other in commands]
                right = ", ".join(["staggered", "simultaneous", *others]) + " or off"
                raise BadInput(f"policy.refresh: {self.standard} has no refresh of {what}", right=right)
        return self

    @model_validator(mode="after")
    def _one_energy_model(self) -> Self:
        for name in ("activate_energy", "access_energy", "active_power", "idle_power"):
            if self.currents is not None and int(getattr(self, name)):
                what = f"{name}: {getattr(self, name)} would not be counted, since there are currents"
                raise BadInput(what, right="either currents or published energies", try_="currents: null")
        if (i := self.currents) is not None:
            t = self.timing.named
            least = (i.idd3n * t["tRAS"] + i.idd2n * (t["tRC"] - t["tRAS"])) // t["tRC"]
            if i.idd0 < least:
                what = f"currents.idd0: {i.idd0} are less than standby over one tRC, {Current(least)}"
                raise BadInput(what, right="idd0 includes the standby of an open and a closed bank")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Numbers that a memory can have, and refreshes that fit into their interval."""
        if int(self.tck) < 1:
            raise BadInput(f"tck: {self.tck} is no clock period", right="1 ps or more")
        longest = max(*self.timing.named.values(), *self.pim_timing.values())
        if longest > MOST_CYCLES:
            raise BadInput(f"timing: {longest} cycles", right=f"at most {MOST_CYCLES}")
        for field, most in (("channels", 1024), ("rows", 1 << 32), ("burst", 1 << 16), ("bus_width", 1 << 16)):
            if getattr(self, field) > most:
                raise BadInput(f"{field}: {getattr(self, field)}", right=f"at most {most}")
        if self.burst % self.transfers_per_clock:
            what = f"burst: {self.burst} transfers are no whole number of clocks at transfers_per_clock = "
            what += f"{self.transfers_per_clock}"
            raise BadInput(what, right="a multiple of transfers_per_clock")
        units = {"per-bank": (self.shape.per_rank, "tRFCPB"), "same-bank": (self.shape.banks, "tRFCSB")}
        count, name = units.get(self.policy.refresh, (0, "tRFC"))
        each, interval = self.cycles[name], self.cycles["tREFI"]
        if count * each >= interval:
            what = f"policy.refresh: {count} refreshes of {each} cycles ({name}) do not fit into"
            raise BadInput(f"{what} tREFI = {interval} cycles", right="a longer trefi, or refresh of whole ranks")
        return self

    @model_validator(mode="after")
    def _all_used(self) -> Self:
        """Every setting has to do something on this standard."""
        if self.compat == "attacc-simulator" and self.standard != "hbm3-attacc":
            raise BadInput(f"compat: {self.compat} is of hbm3-attacc, not of {self.standard}", right="none")
        used = self.protocol.timings | {"tREFI", "tRFC", "tRC", "tRCDWR", "tCWL"}
        for field, name in SHEET_NAMES.items():
            if Timing.model_fields[field].default == 0 and getattr(self.timing, field) and name not in used:
                raise BadInput(f"timing.{field}: no rule of {self.standard} uses {name}", right="leave it out")
        if self.policy.row == "closed" and self.policy.hit_cap != Policy.model_fields["hit_cap"].default:
            what = f"policy.hit_cap: {self.policy.hit_cap}, and policy.row: closed closes every row at once"
            raise BadInput(what, right="leave it out, or policy.row: open")
        if self.policy.row != "capped" and self.policy.row_cap != Policy.model_fields["row_cap"].default:
            what = f"policy.row_cap: {self.policy.row_cap}, and policy.row: {self.policy.row}"
            raise BadInput(what, right="leave it out, or policy.row: capped")
        drain, buffer = self.policy.drain_above, self.policy.write_buffer
        if drain > buffer and drain != Policy.model_fields["drain_above"].default:
            what = f"policy.drain_above: {drain} writes, and policy.write_buffer: {buffer} of them fill the buffer"
            raise BadInput(what, right=f"at most {buffer}; a full buffer is drained anyway")
        known = {*type(self).model_fields, "organisation"}
        for place in self.sources:
            if (head := place.partition(".")[0]) not in known:
                raise BadInput(f"sources.{place}: there is no field {head!r}", right="fields of the device")
        if not computes(self.protocol):
            for field in ("pim", "pim_window", "refresh_yields"):
                if getattr(self.policy, field) != Policy.model_fields[field].default:
                    raise BadInput(f"policy.{field}: {self.standard} has no PIM commands", right="leave it out")
        return self

    @model_validator(mode="after")
    def _pim_names(self) -> Self:
        commands = sorted(command.name for command in self.protocol.commands)
        own = sorted(self.protocol.timings - {*self.timing.named, "tBURST"})
        if missing := sorted(set(own) - set(self.pim_timing)):
            raise BadInput(f"pim_timing: the rules of {self.standard} need {', '.join(missing)}")
        for name, value in self.pim_timing.items():
            if name not in own:
                raise BadInput(f"pim_timing.{name}: no rule of {self.standard} needs it", right=f"only {own}")
            if value < 0:
                raise BadInput(f"pim_timing.{name}: {value}", right="cycles, 0 or more")
        for name in self.pim_energy:
            if name not in commands:
                raise BadInput(f"pim_energy.{name}: {self.standard} has no such command", right=f"one of {commands}")
        return self

    @property
    def protocol(self) -> Protocol:
        """The rules of the standard."""
        found = STANDARDS.get(self.standard)
        return single_cycle(found) if self.compat == "dramsim3" else found

    @property
    def shape(self) -> Shape:
        """The banks of one channel."""
        return Shape(self.ranks, self.groups, self.banks)

    @property
    def devices(self) -> int:
        """Devices side by side in one rank."""
        return self.bus_width // self.device_width

    @property
    def request_bytes(self) -> int:
        """Bytes of one column command."""
        return self.burst * self.bus_width // 8

    @property
    def row_bytes(self) -> int:
        """Bytes of one row over all devices of a rank."""
        return int(self.page) * self.devices

    @property
    def capacity(self) -> int:
        """Bytes of all channels."""
        return self.channels * self.shape.total * self.rows * self.row_bytes

    @property
    def burst_cycles(self) -> int:
        """Clock cycles of one burst on the data bus."""
        return self.burst // self.transfers_per_clock

    @property
    def peak(self) -> float:
        """Bytes per second of all channels when every data pin moves a bit at every transfer."""
        return self.channels * self.request_bytes * 1e12 / (self.burst_cycles * int(self.tck))

    @property
    def attainable(self) -> float:
        """Bytes per second that consecutive addresses can reach: what column gaps and refresh leave of `peak`.

        A refresh of whole ranks stops the stream. One of single banks does not: the others fill the data bus.
        """
        t = self.cycles
        column = max(t["tBURST"], t["tCCD_S"], t["tCCD_L"] / self.groups if self.groups > 1 else 0)
        stopped = t["tRFC"] / t["tREFI"] if self.policy.refresh in ("staggered", "simultaneous") else 0.0
        return self.channels * self.request_bytes * 1e12 / (column * int(self.tck)) * (1 - stopped)

    @property
    def conflict_stride(self) -> int:
        """See `Memory`."""
        return self.request_bytes << self.addresses.positions["ro"]

    @property
    def conflict_span(self) -> int:
        """See `Memory`."""
        return self.conflict_stride * self.rows

    def simulate(self, requests: Requests) -> Measured:
        """Answer requests by the DRAM controller, from an idle memory until the last one is complete."""
        from archsim.memory.measured import controlled

        return controlled(self, requests)

    @property
    def cycles(self) -> dict[str, int]:
        """Timings by their data sheet names, in clock cycles; the numbers behind the rules.

        DDR5 refreshes single banks in its fine granularity mode only, which halves tREFI (JESD79-5).
        """
        found = {**self.timing.named, **self.pim_timing, "tBURST": self.burst_cycles}
        if self.policy.refresh == "same-bank":
            found["tREFI"] //= 2
        return {**found, "tRTP": self._reference_trtp(found["tRTP"])} if self.compat == "dramsim3" else found

    def _reference_trtp(self, own: int) -> int:
        return REFERENCE_TRTP if self.standard.startswith(("hbm", "gddr")) else own

    @property
    def addresses(self) -> AddressMap:
        """How byte addresses lie in the memory."""
        sizes = (self.channels, self.ranks, self.groups, self.banks, self.rows, self.row_bytes // self.request_bytes)
        widths = {
            name: size.bit_length() - 1 for name, size in zip(("ch", "ra", "bg", "ba", "ro", "co"), sizes, strict=True)
        }
        return AddressMap(self.address_map, widths, self.request_bytes.bit_length() - 1)
