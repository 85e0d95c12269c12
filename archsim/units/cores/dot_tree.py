"""A dot product in a pipeline: multipliers, an adder tree and an accumulator, as beside a DRAM bank that computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import fsum
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, field_validator

from archsim.core.errors import BadInput
from archsim.units.cores import _dot_stimulus as stimulus
from archsim.units.cores.core import Accuracy, Beat, Core, Port
from archsim.units.cores.formats import FORMATS, Format, Ints, exact, fields, signed
from archsim.units.cores.softfloat import INF, NAN, add, flush, from_bits, to_bits
from archsim.units.cores.timing import spread

MOST_LANES = 256
"""Lanes of the widest tree."""
WORK = {"product": 18, "largest": 12, "align": 10, "add": 8, "normalise": 12, "round": 8, "accumulate": 34}
"""Logic levels of each step, roughly: only to decide where registers go. [assumed]"""
BAR = 2e-7
"""Largest error of a dot product against the sum of the magnitudes of its products, with default numbers."""
LONGEST = 8
"""Beats of the longest sums whose accuracy is measured."""


class DotTree(Core, kind="dot_tree"):
    """`lanes` products per cycle, summed exactly as far as the guard bits reach, accumulated in fp32 (int8: in int32).

    Floating-point products are exact; each is shifted to the largest exponent of its beat, where bits below the guard
    bits are cut off; the tree adds integers; its sum is rounded once to fp32 (nearest even) and added to the
    accumulator (nearest even). Subnormal inputs are zeros, subnormal results are flushed. NaN, inf x 0 and inf - inf
    give the NaN 0x7fc00000. int8 sums wrap around in 32 bits.
    """

    lanes: Annotated[int, Field(ge=1, le=MOST_LANES)] = 16
    """Products per beat: a power of two."""
    format: Literal["bf16", "fp16", "int8"] = "bf16"
    """Elements of both operands."""
    depth: Annotated[int, Field(ge=1, le=32)] = 6
    """Pipeline registers from input to output, the accumulator among them: the latency in cycles."""
    guard: Annotated[int, Field(ge=0, le=16)] = 14
    """Bits kept below the last place of the largest product; floating point only."""

    @field_validator("lanes")
    @classmethod
    def _tree(cls, lanes: int) -> int:
        if lanes & (lanes - 1):
            below = 1 << (lanes.bit_length() - 1)
            raise BadInput(f"{lanes} is no power of two", right=f"a tree has {below} or {2 * below} lanes")
        return lanes

    @classmethod
    def shipped(cls) -> tuple[Self, ...]:
        """As in PIM-GPT; an integer one; a shallow fp16 one."""
        return (cls(), cls(format="int8"), cls(lanes=4, format="fp16", depth=3))

    @property
    def fmt(self) -> Format:
        """The fields of an element."""
        return FORMATS[self.format]

    @property
    def floating(self) -> bool:
        """Whether elements are floating-point numbers."""
        return self.fmt.exponent > 0

    @property
    def levels(self) -> int:
        """Adders one behind the other in the tree."""
        return self.lanes.bit_length() - 1

    @property
    def steps(self) -> tuple[str, ...]:
        """What happens in order; behind each there may be registers."""
        tree = ("add",) * self.levels
        if not self.floating:
            return ("product", *tree, "accumulate")
        return ("product", "largest", "align", *tree, "normalise", "round", "accumulate")

    @property
    def registers(self) -> tuple[int, ...]:
        """Registers behind each step: `depth` in all, the last one is the accumulator.

        More registers than steps lie behind the products, for tools that move registers into logic.
        """
        return spread([WORK[step] for step in self.steps], self.depth)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Both operands, and where a sum begins and ends."""
        element = (self.fmt.bits, self.lanes, self.format)
        return (
            Port("a", *element, doc="one operand"),
            Port("b", *element, doc="the other"),
            Port("first", 1, fmt="bool", doc="a new sum begins with this beat"),
            Port("last", 1, fmt="bool", doc="the sum leaves after this beat"),
        )

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The sum."""
        return (Port("sum", 32, fmt="fp32" if self.floating else "int32", doc="the sum of all products"),)

    @property
    def latency(self) -> int:
        """The depth."""
        return self.depth

    @property
    def sum_bits(self) -> int:
        """Bits of the signed sum at the root of the tree."""
        return self.fmt.product_bits + (self.guard if self.floating else -1) + self.levels + 1

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """The last beat of each sum."""
        return [bool(beat["last"]) for beat in beats]

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """Sums of the tree beat by beat, accumulated in order."""
        if not beats:
            return []
        roots = self.roots(_operand(beats, "a"), _operand(beats, "b"))
        out: list[Beat] = []
        total = 0
        for root, beat in zip(roots.tolist(), beats, strict=True):
            total = root if beat["first"] else self._plus(total, root)
            if beat["last"]:
                out.append({"sum": total})
        return out

    def roots(self, a: Ints, b: Ints) -> Ints:
        """What each beat adds to the accumulator, as raw bits; operands are (beats, lanes) of raw elements."""
        if not self.floating:
            whole: Ints = (signed(a, 8) * signed(b, 8)).sum(axis=1) & 0xFFFFFFFF
            return whole
        f, x, y = self.fmt, fields(a, self.fmt), fields(b, self.fmt)
        product = x.significand * y.significand
        exponent = np.where(product == 0, 0, x.exponent + y.exponent)
        largest = exponent.max(axis=1)
        cut = np.minimum(largest[:, None] - exponent, 62)
        aligned = (product << self.guard) >> cut
        negative = (x.sign ^ y.sign) == 1
        total = np.where(negative, -aligned, aligned).sum(axis=1)
        scale = largest - 2 * f.bias - 2 * f.fraction - self.guard
        with np.errstate(all="ignore"):
            bits = to_bits(flush(np.ldexp(total.astype(np.float64), scale).astype(np.float32))).astype(np.int64)
        infinite = x.infinite | y.infinite
        nan = x.nan | y.nan | (infinite & ((x.significand == 0) | (y.significand == 0)))
        up, down = (infinite & ~negative).any(axis=1), (infinite & negative).any(axis=1)
        bits = np.where(up, INF, np.where(down, INF | 1 << 31, bits))
        return np.where(nan.any(axis=1) | (up & down), NAN, bits)

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Sums of a few beats each; values of every kind, see `_dot_stimulus`."""
        return stimulus.beats(self.lanes, self.fmt, rng, count)

    def example(self) -> list[Beat]:
        """A sum of three beats and one of a single beat."""
        zero = np.zeros((4, self.lanes), dtype=np.int64)
        return [*stimulus.dot(zero[:3], zero[:3]), *stimulus.dot(zero[:1], zero[:1])]

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Kinds of values and shapes of sums."""
        return stimulus.bins(self.lanes, self.fmt)

    def accuracy(self) -> Accuracy | None:
        """Sums of one to eight beats against exact ones; None for integers, which are exact."""
        return self._accuracy if self.floating else None

    @property
    def error_bound(self) -> float:
        """What no sum of `LONGEST` beats can exceed, of the sum of magnitudes: bits cut off, and a rounding per step.

        Each beat cuts off less than a unit of the last guard bit in all lanes but that of its largest product, which
        is at least 1 on that scale; its root is rounded once, and so is each accumulation but the first.
        """
        cut: float = (self.lanes - 1) * 2.0 ** -(2 * self.fmt.fraction + self.guard)
        return cut + LONGEST * 2.0**-24

    @property
    def _bar(self) -> float:
        usual = type(self)()
        numbers = (self.lanes, self.format, self.guard) == (usual.lanes, usual.format, usual.guard)
        return BAR if numbers else self.error_bound

    @cached_property
    def _accuracy(self) -> Accuracy:
        rng = np.random.default_rng(1)
        worst, cases = 0.0, 3000
        for _ in range(cases):
            a, b = stimulus.finite(self.lanes, self.fmt, rng, int(rng.integers(1, LONGEST + 1)))
            beats = stimulus.dot(a, b)
            products = (exact(a, self.fmt) * exact(b, self.fmt)).ravel().tolist()
            got = float(from_bits(np.array([self.golden(beats)[-1]["sum"]]))[0])
            magnitude = fsum(map(abs, products))
            worst = max(worst, abs(got - fsum(products)) / magnitude if magnitude else abs(got))
        return Accuracy(worst, self._bar, "of the sum of magnitudes", cases)

    def _plus(self, total: int, root: int) -> int:
        if not self.floating:
            return (total + root) & 0xFFFFFFFF
        return int(to_bits(add(from_bits(np.array([total])), from_bits(np.array([root]))))[0])


def _operand(beats: Sequence[Beat], name: str) -> Ints:
    return np.array([np.atleast_1d(beat[name]) for beat in beats], dtype=np.int64)
