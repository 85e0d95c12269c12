"""The processing element of FuseMax: one multiply-accumulate a cycle, a maximum, exponentials made of the former."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from pydantic import Field

from archsim.units.cores import softfloat as sf
from archsim.units.cores._flow import SIGN, Flow, Numbers, Raw
from archsim.units.cores.core import Accuracy, Beat, Core, Port
from archsim.units.cores.exp import LN2_HIGH, LN2_LOW, LOG2E, coefficients, special_case, special_value
from archsim.units.cores.timing import Ready, Timing

V = TypeVar("V")

OPS = ("mac", "add", "max", "sub_exp", "rescale")
"""By code. Higher codes are `rescale` too."""
REDUCTION = 2
"""Multiply-accumulates that take k ln 2 off an argument: one finds k, one subtracts."""
ROUNDER = 1.5 * 2**23
"""Added to a small number it leaves its nearest integer in the lowest bits of the significand."""
LN2 = LN2_HIGH + LN2_LOW


def occupancy(exp_macs: int) -> dict[str, int]:
    """Cycles that an operator keeps a PE whose exponential is made of so many multiply-accumulates.

    sub_exp is exp(a - b): the subtraction takes the adder for a cycle of its own.
    """
    return {"mac": 1, "mul": 1, "add": 1, "max": 1, "sub_exp": exp_macs + 1}


class FusemaxPe(Core, kind="fusemax_pe"):
    """A multiplier, an adder and a comparator, each result there in the next cycle; operands and results are fp32.

    ========= ======================================== ======
    operator  result y, and what is kept               cycles
    ========= ======================================== ======
    mac       sum = a b + sum                          1
    add       sum = a + sum                            1
    max       top = max(a, top)                        1
    sub_exp   exp(a - b), keeps sum and top            1 + exp_macs
    rescale   sum = sum a + b                          1
    ========= ======================================== ======

    `first` begins a sum at 0 and a maximum at a: a product alone is a first mac. The exponential is 2^k p(r): one
    multiply-accumulate finds k, one takes k ln 2 off, the others are a polynomial of degree `exp_macs` - 2 by Horner's
    rule. The artifact counts a Taylor polynomial of degree 5 in the same 6 slots, and nothing that brings its argument
    near 0.

    A product with its rounding and a sum with its rounding follow each other within the cycle: that is what a loop of
    one cycle costs in clock rate. Words are fp32 here, 16 bits in the artifact.
    """

    exp_macs: int = Field(6, ge=4, le=8)
    """Multiply-accumulates of one exponential."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """An operator and its operands."""
        words = (Port("a", 32, fmt="fp32"), Port("b", 32, fmt="fp32"))
        return (Port("op", 3), Port("first", 1, fmt="bool"), *words)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The result."""
        return (Port("y", 32, fmt="fp32"),)

    @property
    def latency(self) -> int:
        """Of every operator but sub_exp, whose results take as long as it keeps the PE."""
        return self.occupancy["mac"]

    @property
    def interval(self) -> int:
        """Between multiply-accumulates."""
        return self.occupancy["mac"]

    @property
    def occupancy(self) -> dict[str, int]:
        """Cycles by the simulator's names of operators."""
        return occupancy(self.exp_macs)

    def cycles(self, beat: Beat) -> int:
        """Cycles from this beat to its result, and to the next beat."""
        return self.occupancy["sub_exp" if _op(beat) == "sub_exp" else "mac"]

    def paced(self, beats: Sequence[Beat]) -> list[int]:
        """The beats that latency and interval speak of."""
        return [index for index, beat in enumerate(beats[:-1]) if _op(beat) != "sub_exp"]

    def schedule(self, beats: Sequence[Beat], offered: Sequence[int], ready: Ready) -> Timing:
        """One operator at a time; a result that is not taken holds up the next one."""
        accepted: list[int] = []
        left: list[int] = []
        pending: int | None = None
        cycle = 0
        while len(left) < len(beats):
            if pending is not None and pending <= cycle and ready(cycle):
                left.append(cycle)
                pending = None
            at = len(accepted)
            if pending is None and at < len(beats) and offered[at] <= cycle:
                accepted.append(cycle)
                pending = cycle + self.cycles(beats[at])
            cycle += 1
        return Timing(tuple(accepted), tuple(left))

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """All exponentials at once, the rest in order."""
        ops = Numbers()
        a, b = (sf.to_bits(sf.flush(sf.from_bits([_word(x, n) for x in beats]))).astype(np.int64) for n in ("a", "b"))
        powers = self.sub_exp(ops, a, b)
        total, top = np.zeros((), dtype=np.int64), np.asarray(SIGN | sf.INF)
        results = []
        for index, beat in enumerate(beats):
            one, two, name = a[index], b[index], _op(beat)
            if name == "sub_exp":
                results.append(powers[index])
                continue
            if name == "max":
                top = one if beat["first"] else _bits(sf.maximum(_value(one), _value(top)))
                results.append(top)
                continue
            before = np.zeros((), dtype=np.int64) if beat["first"] else total
            if name == "rescale":
                total = ops.add(ops.mul(total, one), two)
            else:
                total = ops.add(ops.mul(one, two) if name == "mac" else one, before)
            results.append(total)
        return [{"y": int(word)} for word in results]

    def sub_exp(self, ops: Flow[V], a: V, b: V) -> V:
        """exp(a - b) as the PE computes it."""
        distance = ops.add(a, ops.neg(b))
        shifted = ops.add(ops.mul(distance, ops.constant(LOG2E)), ops.constant(ROUNDER))
        power = ops.logic(9, lambda word: word, shifted, signed=True)
        rest = ops.add(ops.mul(ops.from_int(power), ops.constant(-LN2)), distance)
        first, *others = reversed(coefficients(self.exp_macs - REDUCTION))
        value = ops.constant(first)
        for term in others:
            value = ops.add(ops.mul(value, rest), ops.constant(term))
        return special_value(ops, special_case(ops, distance), ops.scale(value, power))

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Running softmaxes with an output each, as the dataflow has them, then any operator on any numbers."""
        beats: list[Beat] = []
        for scores in (rng.normal(0, 2, 4), rng.normal(0, 20, 3)):
            beats += running_softmax([float(score) for score in scores])
        odd = [0.0, -0.0, 1e-40, -1e-40, np.inf, -np.inf, np.nan, 3e38, 88.0, -88.0, -130.0, 1.0]
        pairs = [(a, b) for a in odd for b in rng.choice(odd, 2)]
        pairs += [(float(x), float(y)) for x, y in rng.normal(0, 10, (max(10, count - len(beats) - len(pairs)), 2))]
        for a, b in pairs:
            one, two = (int(word) for word in sf.to_bits(np.array([a, b], dtype=np.float32)))
            beats.append({"op": int(rng.integers(0, 5)), "first": int(rng.random() < 0.4), "a": one, "b": two})
        return beats

    def example(self) -> list[Beat]:
        """A product, a sum, and a score that joins a running softmax."""
        return [operation("mac", 1.0, 1.0, first=True), operation("mac", 1.0, 1.0), *running_softmax([1.0])]

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Every operator, beginning anew and going on."""

        def is_a(name: str, first: int) -> Callable[[Beat], bool]:
            return lambda beat: _op(beat) == name and beat["first"] == first

        return {f"{name} {('again', 'first')[first]}": is_a(name, first) for name in OPS for first in (0, 1)}

    def accuracy(self) -> Accuracy:
        """Exponentials of 100,000 differences between -87 and 0; the other operators round once per operation."""
        a = np.random.default_rng(0).uniform(-87, 0, 100_000).astype(np.float32)
        got = _value(self.sub_exp(Numbers(), _bits(a), np.zeros(len(a), dtype=np.int64)))
        error = float(np.abs(got.astype(np.float64) / np.exp(a.astype(np.float64)) - 1).max())
        return Accuracy(error, {4: 2.1e-3, 5: 1.2e-4, 6: 1e-5, 7: 8e-6, 8: 8e-6}[self.exp_macs], "relative", len(a))


def running_softmax(scores: Sequence[float]) -> list[Beat]:
    """Operators that keep the maximum of scores and the sum of their exponentials, as beats."""
    beats: list[Beat] = []
    top = np.float32(-np.inf)
    for score in np.asarray(scores, dtype=np.float32):
        higher = max(top, score)
        keep, new = (np.float32(np.exp(np.float64(x) - np.float64(higher))) for x in (top, score))
        beats += [
            operation("max", score, first=bool(top == -np.inf)),
            operation("sub_exp", top, higher),
            operation("sub_exp", score, higher),
            operation("rescale", keep, new),
        ]
        top = higher
    return beats


def operation(
    name: str, a: float | np.floating[Any] = 0.0, b: float | np.floating[Any] = 0.0, *, first: bool = False
) -> Beat:
    """A beat: an operator on values."""
    one, two = (int(sf.to_bits(np.float32(value))) for value in (a, b))
    return {"op": OPS.index(name), "first": int(first), "a": one, "b": two}


def _op(beat: Beat) -> str:
    return OPS[min(_word(beat, "op"), len(OPS) - 1)]


def _word(beat: Beat, field: str) -> int:
    value: Any = beat[field]
    return int(value)


def _value(words: Raw) -> sf.Floats:
    return sf.from_bits(words.astype(np.uint32))


def _bits(values: sf.Floats) -> Raw:
    return sf.to_bits(values).astype(np.int64)
