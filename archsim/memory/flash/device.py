"""A NAND flash memory as data: channels of dies of planes of blocks of pages, timing, currents, controller policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, field_validator, model_validator

from archsim.core.errors import BadInput
from archsim.core.quantities import BitRate, Bytes, Time
from archsim.core.spec import Spec
from archsim.memory.device import Memory
from archsim.memory.fieldmap import FieldMap, bits, split
from archsim.memory.flash.timing import FlashCurrents, FlashTiming
from archsim.memory.measured import Measured
from archsim.memory.requests import Requests

FIELDS: Mapping[str, str] = {
    "bl": "block of the plane",
    "pa": "page of the block",
    "di": "die of the channel",
    "ch": "channel",
    "pl": "plane of the die",
}
"""The fields of an address, above the byte in the page."""


class FlashPolicy(Spec):
    """What the controller of the channels does."""

    multi_plane: bool = True
    """Requests that follow each other to the same page number of different planes share one array operation."""
    cache: bool = True
    """The array works on the next page while the one before is on the bus."""
    erase: bool = True
    """A write to the first page of a block that holds data erases the block first; without, it is refused."""
    queue: int = Field(32, ge=1, le=1 << 16)
    """Pages, or parts of them, that wait for one die; the first one that finds no room stops those behind it."""


class Flash(Memory, kind="flash"):
    """Dies of NAND flash that share the buses of their channels."""

    channels: int = Field(1, ge=1)
    """Channels, each with a bus of its own."""
    dies: int = Field(1, ge=1)
    """Dies of one channel (LUNs), over all packages."""
    planes: int = Field(1, ge=1)
    """Planes of one die, each with a page register and a cache register."""
    blocks: int = Field(ge=1)
    """Blocks of one plane."""
    pages: int = Field(ge=1)
    """Pages of one block."""
    page: Bytes
    """Bytes of one page, spare area not counted."""
    spare: Bytes = Bytes(0)
    """Bytes of the spare area that go over the bus with each page, for error correction."""
    request: Bytes = Bytes(0)
    """Bytes of one request: part of a page, or several; 0 for one page."""
    bus_width: int = Field(8, ge=1)
    """Data pins of one channel."""
    pin_rate: BitRate
    """Rate of one data pin: 1200 Mb/s is what ONFI calls 1200 MT/s."""
    tck: Time = Time("1 ns")
    """The unit that results count time in; timings need not be multiples of it."""
    address_map: str = "blpadichpl"
    """Fields of an address, most significant first: bl pa di ch pl."""
    timing: FlashTiming
    """How long the array takes, and the gaps on the bus."""
    currents: FlashCurrents = FlashCurrents()
    """Supply currents of one die."""
    policy: FlashPolicy = FlashPolicy()
    """What the controller does."""
    sources: Mapping[str, str] = {}
    """Where the numbers are from, by field."""

    @field_validator("address_map")
    @classmethod
    def _bijection(cls, value: str) -> str:
        split(value, FIELDS)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("channels", "dies", "planes", "blocks", "pages", "page", "request"):
            bits(name, int(getattr(self, name)) or (1 if name == "request" else 0))
        if int(self.pin_rate) < 1 or int(self.tck) < 1:
            what = f"pin_rate: {self.pin_rate} and tck: {self.tck}"
            raise BadInput(what, right="a bus that moves data, and a unit of time that is not zero")
        if self.request_bytes > self.capacity:
            what = f"request: {self.request_bytes} B are more than the memory's {self.capacity} B"
            raise BadInput(what, right="a request fits into the memory")
        if self.policy.multi_plane and self.policy.queue < self.planes:
            what = f"policy.queue: {self.policy.queue} entries hold no operation of {self.planes} planes"
            raise BadInput(what, right="at least one entry per plane, or policy.multi_plane: false")
        return self

    @property
    def addresses(self) -> FieldMap:
        """How byte addresses lie in the pages."""
        sizes = {"bl": self.blocks, "pa": self.pages, "di": self.dies, "ch": self.channels, "pl": self.planes}
        return FieldMap(self.address_map, FIELDS, {n: bits(n, s) for n, s in sizes.items()}, bits("page", self.page))

    @property
    def capacity(self) -> int:
        """Bytes of all pages, spare areas not counted."""
        return self.channels * self.dies * self.planes * self.blocks * self.pages * int(self.page)

    @property
    def request_bytes(self) -> int:
        """Bytes of one request."""
        return int(self.request) or int(self.page)

    @property
    def bus_rate(self) -> float:
        """Bytes per second on the bus of one channel."""
        return int(self.pin_rate) * self.bus_width / 8

    @property
    def peak(self) -> float:
        """Bytes per second with the buses of all channels full of data, spare areas among it."""
        return self.channels * self.bus_rate * int(self.page) / (int(self.page) + int(self.spare))

    @property
    def array_peak(self) -> float:
        """Bytes per second with all planes reading without a pause."""
        planes = self.channels * self.dies * self.planes
        return planes * int(self.page) * 1e12 / int(self.timing.tr)

    @property
    def conflict_stride(self) -> int:
        """Bytes from a page to the next one of the same block."""
        return 1 << self.addresses.positions["pa"]

    @property
    def outline(self) -> str:
        """The numbers of everything, from channels to pages."""
        above = " of ".join(_counted(getattr(self, name), name.rstrip("s")) for name in ("channels", "dies", "planes"))
        return f"{above}, {_counted(self.blocks, 'block')} of {_counted(self.pages, 'page')} of {self.page}"

    def transfer(self, size: int) -> int:
        """Picoseconds that `size` bytes of a page take on the bus, with their share of the spare area."""
        moved = size + -(-int(self.spare) * size // int(self.page))
        return -(-moved * 8 * 10**12 // (self.bus_width * int(self.pin_rate)))

    def simulate(self, requests: Requests) -> Measured:
        """Answer requests, page by page, as its controller does."""
        from archsim.memory.flash.run import simulate

        return simulate(self, requests)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
