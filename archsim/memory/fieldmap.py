"""Addresses as bit fields with any names, two letters each, written from the most significant one down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsim.core.errors import BadInput, did_you_mean, nearest


@dataclass(frozen=True, slots=True)
class FieldMap:
    """A bijection between addresses and the values of fields; the bits below `low` lie within one place.

    Raises
    ------
    BadInput
        The text is no bijection: a field is unknown, missing or given twice.
    """

    text: str
    """Such as ``roba``: row on top, bank at the bottom."""
    meanings: Mapping[str, str]
    """Every field, and what it counts."""
    widths: Mapping[str, int]
    """Bits of each field."""
    low: int
    """Bits of the byte within one place."""

    def __post_init__(self) -> None:
        split(self.text, self.meanings)

    @property
    def positions(self) -> dict[str, int]:
        """Lowest bit of each field in a byte address."""
        found: dict[str, int] = {}
        at = self.low
        for name in reversed(split(self.text, self.meanings)):
            found[name] = at
            at += self.widths[name]
        return found

    def part(self, name: str, address: Any) -> Any:
        """The value of one field; of an address, or of each in an array."""
        return (address >> self.positions[name]) & ((1 << self.widths[name]) - 1)

    def decode(self, address: int) -> dict[str, int]:
        """The value of each field."""
        return {name: self.part(name, address) for name in self.meanings}

    def encode(self, place: Mapping[str, int]) -> int:
        """The first byte of a place."""
        return sum(place[name] << at for name, at in self.positions.items())


def split(text: str, meanings: Mapping[str, str], example: str = "") -> tuple[str, ...]:
    """The fields of a map, most significant first; `example` is one that errors show.

    Raises
    ------
    BadInput
        As for `FieldMap`.
    """
    names = tuple(text[i : i + 2] for i in range(0, len(text), 2))
    example = example or "".join(meanings)
    right = f"every one of {', '.join(meanings)} once, most significant first, e.g. {example!r}"
    for name in names:
        if name not in meanings:
            raise BadInput(f"{text!r}: unknown field {name!r}{did_you_mean(nearest(name, meanings))}", right=right)
        if names.count(name) > 1:
            raise BadInput(f"{text!r} is not a bijection: {name} ({meanings[name]}) is given twice", right=right)
    for name, meaning in meanings.items():
        if name not in names:
            raise BadInput(f"{text!r} is not a bijection: {name} ({meaning}) is missing", right=right)
    return names


def bits(name: str, size: int) -> int:
    """The width of a field with `size` values.

    Raises
    ------
    BadInput
        `size` is not a power of two.
    """
    if size < 1 or size & (size - 1):
        raise BadInput(f"{name}: {size} is not a power of two", right="an address map gives each field whole bits")
    return size.bit_length() - 1
