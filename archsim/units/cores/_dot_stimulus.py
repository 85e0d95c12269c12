"""Inputs for dot products: every kind of value, sums of one and of many beats, and the corners."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from archsim.units.cores.core import Beat
from archsim.units.cores.formats import Format, Ints, fields

Draw = Callable[[np.random.Generator, Format, int], Ints]


def beats(lanes: int, fmt: Format, rng: np.random.Generator, count: int) -> list[Beat]:
    """About `count` beats: whole sums of one to six beats, one kind of value per sum, kinds in turn."""
    out: list[Beat] = []
    kinds = FLOAT_KINDS if fmt.exponent else INT_KINDS
    turn = int(rng.integers(len(kinds)))
    while len(out) < count:
        draw = kinds[turn % len(kinds)]
        length = 1 if turn % 3 == 0 else int(rng.integers(2, 7))
        pairs = [_pair(draw, rng, fmt, lanes) for _ in range(length)]
        a, b = (np.array(operand) for operand in zip(*pairs, strict=True))
        out += dot(a, b)
        turn += 1
    return out


def dot(a: Ints, b: Ints) -> list[Beat]:
    """The beats of one sum; operands are (beats, lanes)."""
    end = len(a) - 1
    return [
        {"a": _value(x), "b": _value(y), "first": int(index == 0), "last": int(index == end)}
        for index, (x, y) in enumerate(zip(a, b, strict=True))
    ]


def finite(lanes: int, fmt: Format, rng: np.random.Generator, length: int) -> tuple[Ints, Ints]:
    """Operands of one sum that neither overflows nor underflows, some of them made to lose as much as they can."""
    shape = (length, lanes)
    if rng.random() < 0.1:  # one large product; the others lose as many bits as can be lost
        a = _encoded(fmt, np.zeros(shape, np.int64), 0 * rng.integers(1, 2, shape), 1)
        small = int(rng.integers(1, fmt.bias // 2 if fmt.bias < 64 else 24))
        b = _encoded(fmt, np.full(shape, -small), np.full(shape, (1 << fmt.fraction) - 1), 0)
        b[:, 0] = _encoded(fmt, np.zeros(length, np.int64), np.zeros(length, np.int64), 0)
        return a, b
    spread = int(rng.integers(0, min(fmt.bias // 4, 12) + 1))
    drawn = []
    for _ in range(2):
        exponent = rng.integers(-spread, spread + 1, shape)
        drawn.append(_encoded(fmt, exponent, rng.integers(0, 1 << fmt.fraction, shape), rng.integers(0, 2, shape)))
    return drawn[0], drawn[1]


def bins(lanes: int, fmt: Format) -> Mapping[str, Callable[[Beat], bool]]:
    """What a run must have met."""
    shapes: dict[str, Callable[[Beat], bool]] = {
        "sum of one beat": lambda beat: bool(beat["first"] and beat["last"]),
        "first of several": lambda beat: bool(beat["first"] and not beat["last"]),
        "in the middle": lambda beat: not beat["first"] and not beat["last"],
        "last of several": lambda beat: bool(beat["last"] and not beat["first"]),
        "all operands zero": lambda beat: not np.any((_raw(beat, "a") | _raw(beat, "b")) & ~(1 << (fmt.bits - 1))),
    }
    if not fmt.exponent:
        return shapes | {
            "most negative squared": lambda beat: bool(np.any((_raw(beat, "a") == 128) & (_raw(beat, "b") == 128))),
            "signs differ": lambda beat: bool(np.any((_raw(beat, "a") ^ _raw(beat, "b")) & 128)),
        }

    def tiny(beat: Beat) -> bool:
        raw = _raw(beat, "a") & ~(1 << (fmt.bits - 1))
        return bool(np.any((raw > 0) & (raw < 1 << fmt.fraction)))

    shapes |= {
        "infinity": lambda beat: bool(fields(_raw(beat, "a"), fmt).infinite.any()),
        "NaN": lambda beat: bool(fields(_raw(beat, "a"), fmt).nan.any()),
        "subnormal": tiny,
    }
    if lanes == 1:
        return shapes
    return shapes | {
        "exponents far apart": lambda beat: _range(beat, fmt) > 20,
        "exponents close": lambda beat: _range(beat, fmt) < 4,
        "cancels": lambda beat: _cancels(beat, fmt),
    }


def _ordinary(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    spread = min(3, fmt.bias // 2)
    return _float(rng, fmt, lanes, spread)


def _wide(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return _float(rng, fmt, lanes, min(fmt.bias - 1, 40))


def _any(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return rng.integers(0, 1 << fmt.bits, lanes)


def _specials(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    top = fmt.top << fmt.fraction
    sign = 1 << (fmt.bits - 1)
    corner = [0, sign, top, top | sign, top | 1, top | sign | 1, 1, sign | 1, top - 1, (1 << fmt.fraction) - 1]
    drawn = _ordinary(rng, fmt, lanes)
    some = rng.random(lanes) < 1.5 / lanes
    return np.where(some, rng.choice(corner, lanes), drawn)


def _largest(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return ((fmt.top << fmt.fraction) - 1) | (rng.integers(0, 2, lanes) << (fmt.bits - 1))


def _smallest(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    exponent = rng.integers(1, max(2, fmt.bias - 55), lanes)
    return (exponent << fmt.fraction) | rng.integers(0, 1 << fmt.fraction, lanes)


def _zeros(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return rng.integers(0, 2, lanes) << (fmt.bits - 1)


def _bytes(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return rng.integers(0, 256, lanes)


def _corners(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return rng.choice([0x80, 0x7F, 0xFF, 0, 1], lanes)


def _lowest(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return np.full(lanes, 0x80)


def _nothing(rng: np.random.Generator, fmt: Format, lanes: int) -> Ints:
    return np.zeros(lanes, dtype=np.int64)


def _pair(draw: Draw, rng: np.random.Generator, fmt: Format, lanes: int) -> tuple[Ints, Ints]:
    a, b = draw(rng, fmt, lanes), draw(rng, fmt, lanes)
    if draw is _ordinary and fmt.exponent and lanes > 1 and rng.random() < 0.4:  # pairs of lanes cancel
        half = lanes // 2
        a[half:], b[half:] = a[:half] ^ (1 << (fmt.bits - 1)), b[:half]
        if rng.random() < 0.5:
            b[-1] ^= 1
    return a, b


FLOAT_KINDS: tuple[Draw, ...] = (_ordinary, _wide, _specials, _ordinary, _any, _largest, _smallest, _zeros, _wide)
INT_KINDS: tuple[Draw, ...] = (_bytes, _corners, _lowest, _bytes, _nothing)


def _float(rng: np.random.Generator, fmt: Format, lanes: int, spread: int) -> Ints:
    exponent = rng.integers(-spread, spread + 1, lanes)
    return _encoded(fmt, exponent, rng.integers(0, 1 << fmt.fraction, lanes), rng.integers(0, 2, lanes))


def _encoded(fmt: Format, exponent: Ints, fraction: Ints, sign: Ints | int) -> Ints:
    raw: Ints = ((exponent + fmt.bias) << fmt.fraction) | fraction | (np.asarray(sign) << (fmt.bits - 1))
    return raw


def _value(row: Ints) -> int | tuple[int, ...]:
    return tuple(row.tolist()) if len(row) > 1 else int(row[0])


def _raw(beat: Beat, name: str) -> Ints:
    return np.atleast_1d(np.array(beat[name], dtype=np.int64))


def _exponents(beat: Beat, fmt: Format) -> Ints:
    x, y = fields(_raw(beat, "a"), fmt), fields(_raw(beat, "b"), fmt)
    nonzero: Ints = (x.exponent + y.exponent)[(x.significand != 0) & (y.significand != 0)]
    return nonzero


def _range(beat: Beat, fmt: Format) -> int:
    found = _exponents(beat, fmt)
    return int(np.ptp(found)) if len(found) else 10


def _cancels(beat: Beat, fmt: Format) -> bool:
    a = _raw(beat, "a")
    half = len(a) // 2
    return half > 0 and bool(np.all(a[half:] == a[:half] ^ (1 << (fmt.bits - 1))) and np.any(a[:half] != 0))
