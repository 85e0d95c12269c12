"""Circuits of binary32 arithmetic without subnormals: twins of `archsim.units.cores.softfloat`, bit for bit.

`Fp32Mul` and `Fp32Add` take a number of pipeline stages; 0 is combinational. They have no handshake: all registers move
with every clock, and a unit that has to wait wraps them in `EnableInserter`. The functions are combinational and add
their logic to the module that they are given.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from archsim.core.errors import BadInput
from archsim.units.cores.softfloat import INF, NAN, NAN16

MUL_CUTS = ((), ("round",), ("product", "round"), ("product", "normal", "round"))
"""By number of stages: the steps of a product behind which there is a register."""
ADD_CUTS = ((), ("round",), ("sum", "round"), ("align", "sum", "round"), ("align", "sum", "normal", "round"))
"""The same for a sum."""


class _Staged(wiring.Component):
    """An operation on `a` and `b` in steps, with registers behind some of them.

    Parameters
    ----------
    stages
        Registers between inputs and `o`: cycles of latency. Every cycle takes a new pair.
    """

    cuts: tuple[tuple[str, ...], ...]

    def __new__(cls, stages: int = 1) -> Any:
        """Check the number of stages before there is a component that Amaranth would miss in the design."""
        if not 0 <= stages < len(cls.cuts):
            raise BadInput(f"{cls.__name__} of {stages} stages", right=f"between 0 and {len(cls.cuts) - 1} stages")
        return super().__new__(cls, stages)

    def __init__(self, stages: int = 1) -> None:
        self.stages = stages
        super().__init__({"a": In(32), "b": In(32), "o": Out(32)})

    def _step(self, m: Any, name: str, **values: Any) -> list[Any]:
        """Give the results of a step a name, and a register where this step is cut."""
        held = []
        for field, value in values.items():
            signal = Signal(value.shape(), name=f"{name}_{field}", reset_less=True)
            m.d["sync" if name in self.cuts[self.stages] else "comb"] += signal.eq(value)
            held.append(signal)
        return held


class Fp32Mul(_Staged):
    """A rounded product in 0 to 3 stages."""

    cuts = MUL_CUTS

    def elaborate(self, platform: object) -> Any:
        """Multiply, normalise by one place, round."""
        m = Module()
        a, b = unpack(self.a), unpack(self.b)
        nan = a["nan"] | b["nan"] | (a["inf"] & b["zero"]) | (a["zero"] & b["inf"])
        special = Cat(nan, a["inf"] | b["inf"], a["zero"] | b["zero"])
        product, exponent, sign, special = self._step(
            m,
            "product",
            bits=a["man"] * b["man"],
            exp=(a["exp"] + b["exp"])[:9],
            sign=a["sign"] ^ b["sign"],
            special=special,
        )
        high = product[47]
        man, low, exponent, sign, special = self._step(
            m,
            "normal",
            man=Mux(high, product[24:48], product[23:47]),
            low=Cat(Mux(high, product[:23].any(), product[:22].any()), Mux(high, product[23], product[22])),
            exp=(exponent + high).as_unsigned(),
            sign=sign,
            special=special,
        )
        # Just below the smallest normal, half of the last subnormal place counts as the rounding bit.
        last = (exponent == 127) & man.all()
        up = (low[1] & (low[0] | man[0])) | last
        rounded = Signal(33)
        m.d.comb += rounded.eq(Cat(man[:23], exponent) + up)
        biased = rounded[23:]
        word = Signal(31)
        m.d.comb += word.eq(Cat(rounded[:23], (biased - 127)[:8]))
        with m.If((biased <= 127) | special[2]):
            m.d.comb += word.eq(0)
        with m.Elif((biased >= 127 + 255) | special[1]):
            m.d.comb += word.eq(INF)
        (out,) = self._step(m, "round", word=Mux(special[0], Const(NAN, 32), Cat(word, sign)))
        m.d.comb += self.o.eq(out)
        return m


class Fp32Add(_Staged):
    """A rounded sum in 0 to 4 stages."""

    cuts = ADD_CUTS

    def elaborate(self, platform: object) -> Any:
        """Align the smaller operand, add, normalise, round."""
        m = Module()
        swap = Signal()
        m.d.comb += swap.eq(self.b[:31] > self.a[:31])
        big, small = unpack(Mux(swap, self.b, self.a)), unpack(Mux(swap, self.a, self.b))
        differ = big["sign"] ^ small["sign"]
        # NaN first: an infinity beside its opposite is one too.
        special = Cat(big["nan"] | (big["inf"] & small["inf"] & differ), big["inf"])
        zero_sign = big["sign"] & small["sign"]
        one, other, exponent, sign, differ, zero_sign, special = self._step(
            m,
            "align",
            one=big["man"],
            other=_aligned(m, small["man"], (big["exp"] - small["exp"])[:8]),
            exp=big["exp"],
            sign=big["sign"],
            differ=differ,
            zero=zero_sign,
            special=special,
        )
        wide = Cat(Const(0, 3), one)
        total, exponent, sign, zero_sign, special = self._step(
            m,
            "sum",
            bits=Mux(differ, wide - other, wide + other)[:28],
            exp=exponent,
            sign=sign,
            zero=zero_sign,
            special=special,
        )
        man, places = _normalised(m, total)
        man, exponent, sign, special = self._step(
            m,
            "normal",
            man=man,
            exp=(exponent + 1 - places)[:10].as_signed(),
            sign=Mux(total == 0, zero_sign, sign),
            special=special,
        )
        # The 24 bits of the significand, then rounding bit, and two that only say whether anything is left.
        up = man[3] & (man[:3].any() | man[4])
        rounded = Signal(32)
        m.d.comb += rounded.eq(Cat(man[4:27], exponent[:9]) + up)
        word = Signal(31)
        m.d.comb += word.eq(rounded[:31])
        with m.If((exponent <= 0) | ~man[27]):
            m.d.comb += word.eq(0)
        with m.Elif(rounded[23:] >= 255):
            m.d.comb += word.eq(INF)
        with m.If(special[1]):
            m.d.comb += word.eq(INF)
        (out,) = self._step(m, "round", word=Mux(special[0], Const(NAN, 32), Cat(word, sign)))
        m.d.comb += self.o.eq(out)
        return m


def unpack(word: Any) -> dict[str, Any]:
    """The fields of a binary32 word, and what it is; the significand has its leading one and is 0 for zeros."""
    exponent = word[23:31]
    zero, top = exponent == 0, exponent == 255
    rest = word[:23] != 0
    return {
        "sign": word[31],
        "exp": exponent,
        "man": Mux(zero, Const(0, 24), Cat(word[:23], Const(1, 1))),
        "zero": zero,
        "inf": top & ~rest,
        "nan": top & rest,
    }


def _aligned(m: Any, man: Any, places: Any) -> Any:
    """27 bits: the significand and three lower ones, shifted down; the lowest collects what falls off."""
    value = Cat(Const(0, 3), man)
    for step in range(5):
        shift = 1 << step
        moved = Signal(27, name=f"aligned_{shift}")
        lost = value[:shift].any()
        m.d.comb += moved.eq(Mux(places[step], (value >> shift) | lost, value))
        value = moved
    out = Signal(27, name="aligned")
    m.d.comb += out.eq(Mux(places[5:].any(), man.any(), value))
    return out


def _normalised(m: Any, value: Any, name: str = "normal") -> tuple[Any, Any]:
    """A value with its leading one at the top, and by how many places it went up (meaningless for zero)."""
    bits: list[Any] = []
    for power in reversed(range((len(value) - 1).bit_length())):
        step = 1 << power
        moved = Signal(len(value), name=f"{name}_{step}")
        empty = Signal(name=f"{name}_empty_{step}")
        m.d.comb += [empty.eq(~value[-step:].any()), moved.eq(Mux(empty, value << step, value))]
        bits.insert(0, empty)
        value = moved
    return value, Cat(*bits)


def fp32_max(m: Any, a: Any, b: Any) -> Any:
    """The larger of two words; NaN where either is, +0 above -0, subnormals are zeros."""
    left, right = flushed(m, a, "max_a"), flushed(m, b, "max_b")
    out = Signal(32, name="maximum")
    m.d.comb += out.eq(Mux(ordered_key(left) >= ordered_key(right), left, right))
    with m.If((left == NAN) | (right == NAN)):
        m.d.comb += out.eq(NAN)
    return out


def ordered_key(word: Any) -> Any:
    """An unsigned number that grows with the value of a word that is not NaN."""
    return word ^ Cat(word[31].replicate(31), Const(1, 1))


def flushed(m: Any, word: Any, name: str) -> Any:
    """A word with its subnormals as zeros and its NaNs as the one NaN."""
    out = Signal(32, name=name)
    m.d.comb += out.eq(word)
    with m.If(word[23:31] == 0):
        m.d.comb += out[:31].eq(0)
    with m.If((word[23:31] == 255) & (word[:23] != 0)):
        m.d.comb += out.eq(NAN)
    return out


def bf16_to_fp32(m: Any, half: Any, name: str = "widened") -> Any:
    """A bfloat16 word as binary32, flushed."""
    return flushed(m, Cat(Const(0, 16), half), name)


def fp32_to_bf16(m: Any, word: Any, name: str = "narrowed") -> Any:
    """The nearest bfloat16 word, ties to even."""
    clean = flushed(m, word, f"{name}_from")
    up = clean[15] & (clean[:15].any() | clean[16])
    out = Signal(16, name=name)
    m.d.comb += out.eq(Mux(clean == NAN, Const(NAN16, 16), (clean[16:] + up)[:16]))
    return out


def fp32_to_int(m: Any, word: Any, width: int, name: str = "whole") -> Any:
    """The nearest integer, ties to even, held within `width` (2 to 16) bits of two's complement; NaN is 0."""
    if not 2 <= width <= 16:
        raise BadInput(f"an integer of {width} bits", right="between 2 and 16 bits")
    x = unpack(word)
    sign, top = x["sign"], 1 << (width - 1)
    low = 126 - 1  # exponent of 1/4: from there down everything is remainder
    # The significand counts in units of 2^(exponent - 150), and one bit more is kept for rounding.
    right = Signal(5, name=f"{name}_right")
    m.d.comb += right.eq(Mux(x["exp"] < low, 149 - low, (149 - x["exp"])[:5]))
    kept = Signal(width + 1, name=f"{name}_kept")
    lost = Signal(24, name=f"{name}_lost")
    m.d.comb += [kept.eq(x["man"] >> right), lost.eq(x["man"] & ~(Const(0xFFFFFF, 24) << right)[:24])]
    magnitude = Signal(width + 1, name=f"{name}_magnitude")
    m.d.comb += magnitude.eq(kept[1:] + (kept[0] & (lost.any() | kept[1])))
    out = Signal(width, name=name)
    m.d.comb += out.eq(Mux(sign, -magnitude, magnitude))
    with m.If((x["exp"] >= 127 + width - 1) | (magnitude > (top - 1) + sign)):
        m.d.comb += out.eq(Mux(sign, top, top - 1))
    with m.If(x["nan"]):
        m.d.comb += out.eq(0)
    return out.as_signed()


def int_to_fp32(m: Any, value: Any, name: str = "floated") -> Any:
    """An integer of at most 24 bits, signed or not, as binary32: exact."""
    width = len(value)
    if width > 24:
        raise BadInput(f"an integer of {width} bits", right="at most 24 bits: wider ones would have to be rounded")
    negative = value[-1] if value.shape().signed else Const(0, 1)
    magnitude = Signal(width, name=f"{name}_magnitude")
    m.d.comb += magnitude.eq(Mux(negative, -value, value))
    man, places = _normalised(m, magnitude, name)
    exponent = Signal(8, name=f"{name}_exp")
    m.d.comb += exponent.eq(127 + width - 1 - places)
    out = Signal(32, name=name)
    with m.If(man[-1]):
        m.d.comb += out.eq(Cat(Const(0, 24 - width), man[:-1], exponent, negative))
    return out


def fp32_scale(m: Any, word: Any, power: Any, name: str = "scaled") -> Any:
    """A word times 2 to a signed power: infinite above the range, zero below."""
    clean = flushed(m, word, f"{name}_from")
    biased = Signal(range(-(1 << len(power)) - 256, (1 << len(power)) + 256), name=f"{name}_exp")
    m.d.comb += biased.eq(clean[23:31] + power)
    out = Signal(32, name=name)
    m.d.comb += out.eq(Cat(clean[:23], biased[:8], clean[31]))
    with m.If((clean[23:31] == 0) | (clean[23:31] == 255)):
        m.d.comb += out.eq(clean)
    with m.Elif(biased <= 0):
        m.d.comb += out[:31].eq(0)
    with m.Elif(biased >= 255):
        m.d.comb += out[:31].eq(INF)
    return out
