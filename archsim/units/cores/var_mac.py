"""A multiply-accumulate of 8-bit activations with weights of 2, 4 or 8 bits, chosen beat by beat.

::

    digits   an 8-bit word of weights: 4 int2, 2 int4 or 1 int8, lowest first, each with an activation of its own

             word  |d3|d2|d1|d0|   digits of 2 bits; the top one of each weight has a sign
                    *  *  *  *
                   a3 a2 a1 a0     activations: 4, 2 or 1 of them are used
                    |  |  |  |
              shift by the digit's place in its weight, add up, over all lanes --> accumulate --> sum

    dsp      one wide multiplier per lane: weights of 3, 2 or 2 output channels share one activation

             0 . w2 . w1 . w0  *  a    weights 11 bits (int2) or 16 bits (int4, int8) apart, added up
             [  p2 | p1 | p0 ]         a product borrows from the one above if it is negative: give it back
                |    |    |            over all lanes --> accumulate --> 3 sums

    cycle    0      1         2              3
             beat   products  sum of lanes   sum, if the beat was the last one

Peak products per cycle and lane: 4, 2, 1 (digits) and 3, 2, 2 (dsp). The packing rule is that k products of a-bit
activations and w-bit weights need (k - 1) (a + w) + w bits of the multiplier's wide port, and one more since negative
weights borrow from those above: at most 25 here, which is what a DSP48E1 has (a DSP48E2 has 27).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from archsim.units.cores._ints import elements, number, signed, wrapped
from archsim.units.cores.core import Beat, Core, Port

WIDTHS = (2, 4, 8, 8)
"""Bits of a weight, by the field `mode`; 3 is as 2."""
DIGITS = 4
"""Digits of 2 bits in a word of weights."""
CHANNELS = (3, 2, 2, 2)
"""Output channels whose weights share an activation in one wide multiplier, by mode."""
SPACING = (11, 16, 16, 16)
"""Bits from one packed weight to the next, by mode: what an activation and a weight need, and rounded up for int4."""
PACKED = 25
"""Bits of the weights of one lane as one number: the wide port of the multiplier."""
ACTIVATION = 8
WORD = 16
"""Bits of the weights of one lane that are packed for a wide multiplier: two int8, as the widest."""


class VarMac(Core, kind="var_mac"):
    """Weights of variable precision times 8-bit activations, summed over lanes and over the beats of a group."""

    packing: Literal["digits", "dsp"] = "digits"
    """Multipliers of 2 x 8 bits that add up to wider ones (digits), or several products per wide multiplier (dsp)."""
    lanes: int = Field(4, ge=1, le=64)
    """Words of weights per beat."""
    sum_bits: int = Field(32, ge=20, le=64)
    """Bits of a sum, two's complement; overflow wraps around."""

    @classmethod
    def shipped(cls) -> tuple[VarMac, ...]:
        """Both ways of packing."""
        return cls(), cls(packing="dsp")

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The mode, the first and the last beat of a sum, words of weights, activations."""
        digits = self.packing == "digits"
        return (
            Port("mode", 2, doc="bits of a weight: 0 for 2, 1 for 4, 2 and 3 for 8"),
            Port("first", 1, fmt="bool", doc="the sum begins with this beat"),
            Port("last", 1, fmt="bool", doc="the sum is given after this beat"),
            Port("w", 2 * DIGITS if digits else WORD, self.lanes, doc="words of weights, the lowest weight at bit 0"),
            Port("a", ACTIVATION, self.lanes * (DIGITS if digits else 1), fmt="int"),
        )

    @property
    def outputs(self) -> tuple[Port, ...]:
        """One sum (digits), or one per output channel (dsp)."""
        return (Port("sum", self.sum_bits, 1 if self.packing == "digits" else max(CHANNELS), fmt="int"),)

    @property
    def latency(self) -> int:
        """Products, sum of lanes, accumulator."""
        return 3

    def macs(self, width: int) -> int:
        """Products per cycle at a width of weights.

        Raises
        ------
        ValueError
            The width is none of 2, 4 and 8.
        """
        mode = WIDTHS.index(width)
        return self.lanes * (DIGITS * 2 // width if self.packing == "digits" else CHANNELS[mode])

    def weights(self, word: int, mode: int) -> tuple[int, ...]:
        """The weights of one lane, the lowest first."""
        width = WIDTHS[mode]
        count = DIGITS * 2 // width if self.packing == "digits" else CHANNELS[mode]
        return tuple(signed(word >> (width * place), width) for place in range(count))

    def word(self, weights: Sequence[int], mode: int) -> int:
        """The word of one lane that holds these weights."""
        width = WIDTHS[mode]
        return sum(wrapped(weight, width) << (width * place) for place, weight in enumerate(weights))

    def products(self, beat: Beat) -> tuple[int, ...]:
        """What one beat adds to each sum, in whole numbers."""
        mode, words = number(beat, "mode"), elements(beat, "w")
        activations = [signed(raw, ACTIVATION) for raw in elements(beat, "a")]
        if self.packing == "digits":
            total = 0
            for lane, word in enumerate(words):
                own = activations[DIGITS * lane :]
                total += sum(w * a for w, a in zip(self.weights(word, mode), own, strict=False))
            return (total,)
        sums = [0] * max(CHANNELS)
        for word, activation in zip(words, activations, strict=True):
            for channel, weight in enumerate(self.weights(word, mode)):
                sums[channel] += weight * activation
        return tuple(sums)

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """The sums at the last beat of every group."""
        sums: tuple[int, ...] = (0,) * self.outputs[0].count
        found: list[Beat] = []
        for beat in beats:
            before = (0,) * len(sums) if beat["first"] else sums
            sums = tuple(old + new for old, new in zip(before, self.products(beat), strict=True))
            if beat["last"]:
                bits = tuple(wrapped(total, self.sum_bits) for total in sums)
                found.append({"sum": bits if len(bits) > 1 else bits[0]})
        return found

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """The last beat of a group."""
        return [bool(beat["last"]) for beat in beats]

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Groups of one to six beats, words and activations at the ends of their range as often as any."""
        beats: list[Beat] = []
        while len(beats) < count:
            size, mode = int(rng.integers(1, 7)), int(rng.integers(4))
            beats += [self._random(rng, mode, first=j == 0, last=j == size - 1) for j in range(size)]
        return beats

    def example(self) -> list[Beat]:
        """A sum of three beats, then one of a single beat."""
        rng, ends = np.random.default_rng(0), ((1, 0), (0, 0), (0, 1), (1, 1))
        return [self._random(rng, 0, first=bool(first), last=bool(last)) for first, last in ends]

    def _random(self, rng: np.random.Generator, mode: int, *, first: bool, last: bool) -> Beat:
        *_, w, a = self.inputs
        lowest = {2: 0xAAAA, 4: 0x8888, 8: 0x8080}[WIDTHS[mode]] & ((1 << w.bits) - 1)
        words = (0, lowest, lowest ^ ((1 << w.bits) - 1), (1 << w.bits) - 1)
        sides = {port.name: _mixed(rng, port, ends) for port, ends in ((w, words), (a, (0, 0x80, 0x7F, 0xFF)))}
        return {"mode": mode, "first": int(first), "last": int(last), **sides}

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Every width, alone in its group and not, with lowest weights and lowest activations."""
        bins: dict[str, Callable[[Beat], bool]] = {}
        for mode, width in enumerate(WIDTHS[:3]):
            lowest = -(1 << (width - 1))

            def in_mode(beat: Beat, mode: int = mode) -> bool:
                return beat["mode"] == mode

            def meets(beat: Beat, mode: int = mode, lowest: int = lowest) -> bool:
                words = elements(beat, "w") if beat["mode"] == mode else ()
                return 0x80 in elements(beat, "a") and any(lowest in self.weights(word, mode) for word in words)

            bins[f"int{width}"] = in_mode
            bins[f"int{width}, lowest weight and activation"] = meets
        bins["group of one"] = lambda beat: beat["first"] == beat["last"] == 1
        bins["inside a group"] = lambda beat: beat["first"] == beat["last"] == 0
        return bins


def _mixed(rng: np.random.Generator, port: Port, ends: tuple[int, ...]) -> int | tuple[int, ...]:
    values = tuple(
        int(rng.choice(ends)) if rng.integers(3) else int(rng.integers(1 << port.bits)) for _ in range(port.count)
    )
    return values if port.count > 1 else values[0]
