"""Which channel, rank, bank, row and column a byte address is: bit fields, named from the most significant down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.memory.fieldmap import split

FIELDS: Mapping[str, str] = {
    "ch": "channel",
    "ra": "rank",
    "bg": "bank group",
    "ba": "bank in its group",
    "ro": "row",
    "co": "column, in bursts",
}
"""The two letters of each field, in the order of a location."""

ORDER = tuple(FIELDS)


@dataclass(frozen=True, slots=True)
class AddressMap:
    """A bijection between byte addresses and locations; the bytes within one request lie below all fields."""

    text: str
    """Such as ``rorabgbachco``: row on top, column at the bottom."""
    widths: Mapping[str, int]
    """Bits of each field."""
    request_bits: int
    """Bits of the byte within one request."""

    @property
    def positions(self) -> dict[str, int]:
        """Lowest bit of each field, counted from above the byte within the request."""
        found: dict[str, int] = {}
        at = 0
        for name in reversed(fields(self.text)):
            found[name] = at
            at += self.widths[name]
        return found

    def decode(self, address: int) -> tuple[int, ...]:
        """Channel, rank, bank group, bank, row and column of a byte address."""
        line, at = address >> self.request_bits, self.positions
        return tuple((line >> at[name]) & ((1 << self.widths[name]) - 1) for name in ORDER)

    def encode(self, location: tuple[int, ...]) -> int:
        """The first byte of a location."""
        at = self.positions
        line = sum(value << at[name] for name, value in zip(ORDER, location, strict=True))
        return line << self.request_bits


def fields(text: str) -> tuple[str, ...]:
    """The fields of an address map, most significant first.

    Raises
    ------
    BadInput
        The text is no bijection: a field is unknown, missing or given twice.
    """
    return split(text, FIELDS, example="rorabgbachco")
