"""Two's complement for golden functions: between the raw bits of a beat and the numbers they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.units.cores.core import Beat


def signed(raw: int, bits: int) -> int:
    """The number that the lowest `bits` of `raw` stand for.

    >>> signed(0xFF, 8), signed(0x7F, 8)
    (-1, 127)
    """
    raw &= (1 << bits) - 1
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def wrapped(number: int, bits: int) -> int:
    """The bits of a number; one that needs more of them wraps around, as an adder without saturation does.

    >>> wrapped(-1, 8), wrapped(257, 8)
    (255, 1)
    """
    return number & ((1 << bits) - 1)


def number(beat: Beat, field: str) -> int:
    """A field that is one element."""
    value = beat[field]
    assert isinstance(value, int)
    return value


def elements(beat: Beat, field: str) -> Sequence[int]:
    """A field's elements; a field of one element has one."""
    value = beat[field]
    return value if isinstance(value, tuple) else (value,)


def signeds(beat: Beat, field: str, bits: int) -> tuple[int, ...]:
    """A field's elements as the numbers they stand for."""
    return tuple(signed(raw, bits) for raw in elements(beat, field))
