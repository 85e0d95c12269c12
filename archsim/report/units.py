"""Numbers for people: engineering prefixes, exact rounding, a fixed number of significant digits.

Units are spelt as the YAML reads them (`us`, not `µs`), so that a printed value can be pasted back; for print they are
set by `typeset`.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from math import isfinite

PREFIXES = {
    -18: "a",
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "u",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
    15: "P",
    18: "E",
}
"""Power of ten -> SI prefix."""

BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

MISSING = "-"
"""Stands for a number that does not exist, such as a ratio to zero."""

_MICRO = re.compile(r"(?<=\d )u(?=[A-Za-z])")
_FACTOR = re.compile(r"(?<=\d)x(?![A-Za-z0-9])")

Number = int | float


def engineering(value: Number, unit: str, *, digits: int = 3, largest: int = 18) -> str:
    """`value` with an SI prefix and `digits` significant digits, rounded half to even on its shortest decimal form.

    `largest` is the largest power of ten that may become a prefix; beyond it thousands are grouped.

    >>> engineering(184.32e-6, "s"), engineering(999.96e-12, "J"), engineering(1.2e12, "MAC/s", digits=2)
    ('184 us', '1.00 nJ', '1.2 TMAC/s')
    """
    if not isfinite(value):
        return MISSING
    exact = Decimal(str(value))
    if not exact:
        return f"0 {unit}"
    power = max(-18, min(largest, exact.adjusted() // 3 * 3))
    shown = _significant(exact.scaleb(-power), digits)
    if abs(shown) >= 1000 and power < largest:
        power += 3
        shown = _significant(exact.scaleb(-power), digits)
    return f"{shown:,f} {PREFIXES[power]}{unit}"


def tick(value: Number, unit: str = "", *, largest: int = 18) -> str:
    """A round value on an axis: every digit it has, up to six.

    >>> tick(0.0025, "s"), tick(500.0), tick(2e12), tick(3.5)
    ('2.5 ms', '500', '2 T', '3.5')
    """
    number, gap, rest = engineering(value, unit, digits=6, largest=largest).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{gap}{rest}".rstrip()


def trimmed(value: Number) -> str:
    """A round value without prefix: every digit it has, up to six.

    >>> trimmed(0.2), trimmed(25_000.0)
    ('0.2', '25,000')
    """
    return f"{Decimal(f'{value:.6g}').normalize():,f}"


def seconds(value: Number, *, digits: int = 4) -> str:
    """A time; never kiloseconds.

    >>> seconds(1.2345e-3), seconds(4321.5)
    ('1.234 ms', '4,322 s')
    """
    return engineering(value, "s", digits=digits, largest=0)


def joules(value: Number, *, digits: int = 3) -> str:
    """An energy.

    >>> joules(3.1e-6)
    '3.10 uJ'
    """
    return engineering(value, "J", digits=digits)


def size(value: Number, *, digits: int = 4) -> str:
    """An amount of bytes with a binary prefix; whole where it is below 1 KiB.

    >>> size(250_609_664), size(512)
    ('239.0 MiB', '512 B')
    """
    if not isfinite(value):
        return MISSING
    shown = Decimal(str(value))
    if abs(shown) < 1024:
        return f"{plain(value, digits=digits)} B"
    step = 0
    while step + 1 < len(BINARY) and abs(_significant(shown, digits)) >= 1024:
        shown, step = shown / 1024, step + 1
    return f"{_significant(shown, digits):,f} {BINARY[step]}"


def rate(value: Number, unit: str, *, digits: int = 3) -> str:
    """An amount per second: bandwidths and throughputs have decimal prefixes.

    >>> rate(819.2e9, "B"), rate(830, "tokens")
    ('819 GB/s', '830 tokens/s')
    """
    return (
        engineering(value, f"{unit}/s", digits=digits)
        if unit != "tokens"
        else f"{plain(value, digits=digits)} tokens/s"
    )


def frequency(hertz: Number) -> str:
    """A clock, with every digit it has.

    >>> frequency(1_000_000_000), frequency(1_512_500_000)
    ('1 GHz', '1.5125 GHz')
    """
    exact = Decimal(str(hertz))
    power = max(0, min(18, exact.adjusted() // 3 * 3)) if exact else 0
    return f"{exact.scaleb(-power).normalize():f} {PREFIXES[power]}Hz"


def plain(value: Number, *, digits: int = 3) -> str:
    """A number without prefix: thousands grouped, at least `digits` significant digits, no digit before the point lost.

    >>> plain(1234567.8), plain(0.012345), plain(7)
    ('1,234,568', '0.0123', '7')
    """
    if not isfinite(value):
        return MISSING
    exact = Decimal(str(value))
    if exact == exact.to_integral_value():
        return f"{exact.to_integral_value():,f}"
    if exact.adjusted() >= digits - 1:
        return f"{exact.quantize(Decimal(1), ROUND_HALF_EVEN):,f}"
    return f"{_significant(exact, digits):,f}"


def percent(fraction: Number, *, digits: int = 1) -> str:
    """A share; what is not zero is never shown as zero.

    >>> percent(0.0912), percent(0.00001), percent(0)
    ('9.1 %', '<0.1 %', '0 %')
    """
    if not isfinite(fraction):
        return MISSING
    exact = Decimal(str(fraction)) * 100
    quantum = Decimal(1).scaleb(-digits)
    if not exact:
        return "0 %"
    shown = exact.quantize(quantum, ROUND_HALF_EVEN)
    return f"{shown:,f} %" if shown else f"{'<' if exact > 0 else '>-'}{quantum:f} %"


def factor(value: Number) -> str:
    """A ratio of two amounts of one kind.

    >>> factor(1.516), factor(41.3333), factor(1234.5)
    ('1.52x', '41.3x', '1,234x')
    """
    return f"{_significant(Decimal(str(value)), 3):,f}x" if isfinite(value) else MISSING


def speedup(value: Number) -> str:
    """A ratio in which being many times slower is as easy to read as being many times faster.

    >>> speedup(112.4), speedup(0.5), speedup(0.00896)
    ('112x', '0.500x', '1/112')
    """
    return f"1/{_significant(Decimal(str(1 / value)), 3):,f}" if 0 < value < 0.1 else factor(value)


FAR = 10
"""From this many times the bound on, a factor says more than a percentage."""


def distance(above: Number) -> str:
    """How far something is from its bound, as a fraction of it.

    >>> distance(0.17), distance(19)
    ('17.0 % above', '20.0x')
    """
    return f"{percent(above)} above" if above + 1 < FAR else factor(above + 1)


def typeset(text: str) -> str:
    """The same text for print: micro and multiplication signs, and a space that does not break between number and unit.

    >>> typeset("184.3 us").split("\N{NARROW NO-BREAK SPACE}")
    ['184.3', 'µs']
    """
    return re.sub(
        r"(?<=\d) (?=\S)", "\u202f", _FACTOR.sub("\N{MULTIPLICATION SIGN}", _MICRO.sub("\N{MICRO SIGN}", text))
    )


def _significant(value: Decimal, digits: int) -> Decimal:
    """Rounded to `digits` significant digits, never coarser than units."""
    if not value:
        return value
    rounded = value.quantize(Decimal(1).scaleb(min(0, value.adjusted() - digits + 1)), ROUND_HALF_EVEN)
    if rounded.adjusted() > value.adjusted():  # 9.996 became 10.00: one digit too many
        rounded = value.quantize(Decimal(1).scaleb(min(0, rounded.adjusted() - digits + 1)), ROUND_HALF_EVEN)
    return rounded
