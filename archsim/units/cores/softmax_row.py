"""Softmax of a row in one pass over its scores: running maxima and sums, then the outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from pydantic import Field

from archsim.units.cores import softfloat as sf
from archsim.units.cores._flow import SIGN, Depths, Flow, Numbers, Raw
from archsim.units.cores._flowcore import NEWTON_BARS, Doubles, ulps
from archsim.units.cores._rowcore import RowCore, Step
from archsim.units.cores._seed import ONE, RECIPROCAL, seed
from archsim.units.cores.core import Accuracy, Beat, Port
from archsim.units.cores.exp import BARS, LN2_HIGH, LN2_LOW, exponential

V = TypeVar("V")

MINUS_INF = SIGN | sf.INF
ONE_WORD = 127 << 23


class SoftmaxRow(RowCore, kind="softmax_row"):
    """exp(x - max) / sum of exp(x - max) over a row of at most `length` scores, the last of which says so.

    Lanes take the scores in turn. Each has a running maximum m and a running sum l: a score above m makes l into
    l exp(m - x) + 1, another one into l + exp(x - m), so that one exponential per score is enough. At the end the lanes
    are brought to the common maximum and added up.

    A score of -inf is masked: it adds nothing and its result is 0. A row with +inf or NaN, and one that is all masked,
    gives NaN everywhere.
    """

    degree: int = Field(3, ge=2, le=6)
    """Degree of the polynomial of the exponential."""
    steps: int = Field(1, ge=1, le=2)
    """Newton-Raphson steps of the reciprocal of the sum."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """A score, and whether it is the row's last; the one at `length` is the last in any case."""
        return (Port("x", self.bits, fmt=self.fmt), Port("last", 1, fmt="bool"))

    @property
    def outputs(self) -> tuple[Port, ...]:
        """A probability, and whether it is the row's last."""
        return (Port("y", self.bits, fmt=self.fmt), Port("last", 1, fmt="bool"))

    @property
    def front(self) -> int:
        """Difference and exponential."""
        return self.exponential(Depths(self.mul_stages, self.add_stages), 0, 0)

    @property
    def merges(self) -> int:
        """Every lane is scaled to the common maximum."""
        return self.lanes

    @property
    def program(self) -> tuple[Step, ...]:
        """The reciprocal of the sum's significand by Newton-Raphson."""
        steps = []
        for guess in ("guess", "y")[: self.steps]:
            steps += [Step("s", "m", guess, 2.0, minus=True), Step("y", guess, "s")]
        return tuple(steps)

    def derive(self, ops: Flow[V], state: Mapping[str, V]) -> dict[str, V]:
        """The significand of the sum, the first guess at its reciprocal, and the reciprocal with its exponent."""
        total = state["sum"]
        guess = seed(ops, RECIPROCAL, ops.logic(6, lambda bits: bits >> 17, total))
        power = ops.logic(9, lambda bits: 127 - ((bits >> 23) & 255), total, signed=True)
        return {
            "m": ops.logic(32, lambda bits: ONE | (bits & 0x7FFFFF), total),
            "guess": guess,
            "r": ops.scale(state["y"], power),
        }

    def exponential(self, ops: Flow[V], a: V, b: V) -> V:
        """exp(-|a - b|), 0 where either is -inf; ends behind a register."""
        size = ops.logic(32, lambda word: word | SIGN, ops.add(a, ops.neg(b)))
        away = ops.logic(32, lambda one, other: (one == MINUS_INF) | (other == MINUS_INF), a, b)
        distance = ops.logic(32, lambda gone, word: ops.mux(gone == 1, MINUS_INF, word), away, size)
        ln2 = (LN2_HIGH, LN2_LOW) if self.fmt == "fp32" else (LN2_HIGH + LN2_LOW,)
        return ops.cut(exponential(ops, distance, self.degree, ln2))

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """By `last`, and by the room there is."""
        ends, count = [], 0
        for beat in beats:
            count += 1
            ends.append(bool(beat["last"]) or count == self.length)
            count = 0 if ends[-1] else count
        return ends

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """Row by row; the program for all rows at once."""
        rows = self.rows(beats)
        if not rows:
            return []
        words = self.words(beats)
        filled = [self._fill(words[row.start : row.stop]) for row in rows]
        zero = np.zeros(len(rows), dtype=np.int64)
        total = np.array([total for _, total in filled], dtype=np.int64)
        scale = self.run_program({"sum": total, "s": zero, "y": zero})["r"]
        out: list[Beat] = []
        for row, (top, total_of_row), factor in zip(rows, filled, scale, strict=True):
            given = words[row.start : row.stop]
            y = self._emit(given, top, factor, bad=_bad(given) or total_of_row == 0)
            out += [{"y": int(bits), "last": int(at == len(row) - 1)} for at, bits in enumerate(y)]
        return out

    def _fill(self, row: Raw) -> tuple[Raw, int]:
        """The common maximum, and the sum."""
        ops = Numbers()
        scores = self.in_lanes(row, MINUS_INF)  # masked scores change nothing
        start = np.full((1, self.lanes), _key(np.asarray(MINUS_INF)))
        keys = np.maximum.accumulate(np.concatenate([start, _key(scores)]))
        ups = keys[1:] > keys[:-1]
        sums, one = np.zeros(self.lanes, dtype=np.int64), ops.constant(1.0)
        powers: Raw = self.exponential(ops, scores, _word(keys[:-1]))
        for up, e in zip(ups, powers, strict=True):
            sums = ops.add(ops.mul(sums, np.where(up, e, one)), np.where(up, one, e))
        top = _word(keys[-1])
        highest = _word(keys[-1].max())
        share = self.exponential(ops, top, np.broadcast_to(highest, top.shape))
        total = np.zeros((), dtype=np.int64)
        for part, e in zip(sums, share, strict=True):
            total = ops.add(ops.mul(np.asarray(part), np.asarray(e)), total)
        return highest, int(total)

    def _emit(self, row: Raw, top: Raw, scale: Raw, *, bad: bool) -> Raw:
        ops = Numbers()
        y = ops.mul(self.exponential(ops, row, np.broadcast_to(top, row.shape)), np.broadcast_to(scale, row.shape))
        return ops.write(np.where(bad, sf.NAN, y), self.fmt)

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Rows of any length and spread, some with masked scores, some with what makes them NaN."""
        rows = [[0.0], [-np.inf], [1.0, np.inf, 2.0], [np.nan, 1.0], [1e-40, -1e-40, 0.0], [0.0] * self.length]
        rows += [[-np.inf] * min(2, self.length), [3e38, -3e38, 1.0][: self.length]]
        while sum(len(row) for row in rows) < count:
            x = rng.normal(0, rng.choice([0.1, 2, 30]), rng.integers(1, self.length + 1))
            rows.append(
                [-np.inf if masked else value for value, masked in zip(x, rng.random(len(x)) < 0.1, strict=True)]
            )
        beats: list[Beat] = []
        for row in rows:
            part = row[: self.length]
            bits = sf.to_bits(np.array(part, dtype=np.float32)) >> np.uint32(32 - self.bits)
            ends = [*[0] * (len(part) - 1), int(len(part) < self.length)]
            beats += [{"x": int(word), "last": end} for word, end in zip(bits, ends, strict=True)]
        return beats

    def example(self) -> list[Beat]:
        """Two rows of as many as three scores."""
        return [{"x": 0, "last": int(at % 3 == 2)} for at in range(6)]

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Classes of scores, and rows that end early."""
        return self.element_coverage() | {
            "last": lambda beat: beat["last"] == 1,
            "more": lambda beat: beat["last"] == 0,
        }

    def accuracy(self) -> Accuracy:
        """Over 150 rows of up to 64 normal scores with deviations of 0.1 to 8."""
        rng = np.random.default_rng(0)
        errors: list[Doubles] = []
        for _ in range(150):
            x = rng.normal(0, rng.choice([0.1, 1, 8]), rng.integers(1, min(self.length, 64) + 1))
            bits = sf.encode(x.astype(np.float32), self.fmt)
            beats = [{"x": int(word), "last": int(at == len(bits) - 1)} for at, word in enumerate(bits)]
            exact = np.exp(sf.decode(bits, self.fmt).astype(np.float64))
            exact /= exact.sum()
            got = sf.decode([int(str(beat["y"])) for beat in self.golden(beats)], self.fmt).astype(np.float64)
            errors.append(ulps(got, exact, 8) if self.fmt == "bf16" else np.abs(got / exact - 1))
        error = np.concatenate(errors)
        bar = 2 * BARS[self.degree] + NEWTON_BARS[self.steps] + 1e-5
        if self.fmt == "bf16":
            return Accuracy(float(error.max()), 0.5 + 256 * bar, "ulp of bf16", len(error))
        return Accuracy(float(error.max()), bar, "relative", len(error))


def _key(words: Raw) -> Raw:
    """Numbers that are ordered as the values of words that are not NaN."""
    return np.where(words & SIGN, words ^ 0xFFFFFFFF, words ^ SIGN)


def _word(keys: Raw) -> Raw:
    """The words of such numbers."""
    return np.where(keys & SIGN, keys ^ SIGN, keys ^ 0xFFFFFFFF)


def _bad(row: Raw) -> bool:
    return bool(np.any((row == sf.INF) | ((row & 0x7FFFFFFF) > sf.INF)))
