"""Layer and RMS normalisation of rows: sums while the row comes in, then its elements again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from pydantic import Field

from archsim.units.cores import softfloat as sf
from archsim.units.cores._flow import Flow, Numbers, Raw
from archsim.units.cores._flowcore import NEWTON_BARS
from archsim.units.cores._rowcore import RowCore, Step
from archsim.units.cores._seed import RSQRT, seed
from archsim.units.cores.core import Accuracy, Beat, Port
from archsim.units.cores.rsqrt import halved, index, special

V = TypeVar("V")


class Norm(RowCore, kind="norm"):
    """(x - mean) / sqrt(variance + epsilon) for rows of exactly `length` elements; RMS takes the mean as 0.

    Sums are of the differences d from the row's first element and of their squares, so that a mean far from 0 does not
    cancel the variance: mean = first + S(d)/n, variance = S(d^2)/n - (S(d)/n)^2. Gain and bias are not part of it; both
    can be folded into the matrix that follows.

    NaN and infinities make the whole row NaN or 0, as the arithmetic has it.
    """

    form: Literal["layer", "rms"] = "layer"
    """Whether the mean is taken away."""
    epsilon: float = Field(1e-5, gt=0, le=1)
    """Added to the variance."""
    steps: int = Field(2, ge=1, le=2)
    """Newton-Raphson steps of the reciprocal square root."""

    @classmethod
    def shipped(cls) -> tuple[Norm, ...]:
        """Layer and RMS."""
        return (cls(), cls(form="rms", steps=1))

    @property
    def inputs(self) -> tuple[Port, ...]:
        """An element."""
        return (Port("x", self.bits, fmt=self.fmt),)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The element, normalised."""
        return (Port("y", self.bits, fmt=self.fmt),)

    @property
    def front(self) -> int:
        """The difference, which RMS has too, from 0."""
        return self.add_stages

    @property
    def program(self) -> tuple[Step, ...]:
        """Lanes together, mean, variance, reciprocal square root."""
        steps = [Step("total", "square0", 1.0)]
        steps += [Step("total", f"square{lane}", 1.0, "total") for lane in range(1, self.lanes)]
        share = 1 / self.length
        if self.form == "layer":
            steps += [Step("sum", "sum0", 1.0)]
            steps += [Step("sum", f"sum{lane}", 1.0, "sum") for lane in range(1, self.lanes)]
            steps += [Step("shift", "sum", share), Step("mean", "shift", 1.0, "first")]
            steps += [Step("square", "total", share), Step("variance", "shift", "shift", "square", minus=True)]
        else:
            steps += [Step("variance", "total", share)]
        steps += [Step("v", "clipped", 1.0, float(self.epsilon))]
        for guess in ("guess", "y")[: self.steps]:
            steps += [Step("t", guess, guess), Step("s", "half", "t", 1.5, minus=True), Step("y", guess, "s")]
        return tuple(steps)

    def derive(self, ops: Flow[V], state: Mapping[str, V]) -> dict[str, V]:
        """A variance that rounding cannot make negative; half its significand, a guess and the result's exponent."""
        v = state["v"]
        power = ops.logic(9, lambda bits: (128 - ((bits >> 23) & 255)) >> 1, v, signed=True)
        return {
            "clipped": ops.logic(32, lambda bits: ops.mux((bits >> 31) == 1, 0, bits), state["variance"]),
            "half": ops.logic(32, halved, v),
            "guess": seed(ops, RSQRT, ops.logic(6, index, v)),
            "r": special(ops, v, ops.scale(state["y"], power)),
        }

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """Every `length` elements."""
        return [index % self.length == self.length - 1 for index in range(len(beats))]

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """All rows at once."""
        rows = len(self.rows(beats))
        if not rows:
            return []
        x = self.words(beats)[: rows * self.length].reshape(rows, self.length)
        ops = Numbers()
        words = self.run_program(self._fill(x))
        center = words["mean"] if self.form == "layer" else np.zeros(rows, dtype=np.int64)
        y = ops.mul(ops.add(x, ops.neg(center[:, None])), words["r"][:, None])
        return [{"y": int(bits)} for bits in ops.write(y, self.fmt).ravel()]

    def _fill(self, x: Raw) -> dict[str, Raw]:
        """Registers after the last element of each row."""
        ops = Numbers()
        first = x[:, 0] if self.form == "layer" else np.zeros(len(x), dtype=np.int64)
        state = {name: np.zeros(len(x), dtype=np.int64) for name in self.row_registers} | {"first": first}
        for at in range(self.length):
            d = ops.add(x[:, at], ops.neg(first))
            lane = at % self.lanes
            state[f"square{lane}"] = ops.add(ops.mul(d, d), state[f"square{lane}"])
            if self.form == "layer":
                state[f"sum{lane}"] = ops.add(d, state[f"sum{lane}"])
        return state

    @property
    def row_registers(self) -> tuple[str, ...]:
        """What the program reads and writes, without the lanes' sums."""
        lanes = [f"{name}{lane}" for name in self.sums for lane in range(self.lanes)]
        return (*lanes, "first", *dict.fromkeys(step.dst for step in self.program))

    @property
    def sums(self) -> tuple[str, ...]:
        """Running sums of each lane."""
        return ("square", "sum") if self.form == "layer" else ("square",)

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Rows around any mean with any deviation, constant rows, rows with zeros, subnormals, infinities and NaNs."""
        odd = [0.0, -0.0, 1e-40, np.inf, -np.inf, np.nan, 3e38, -1.0]
        turned = [odd[at:] + odd[:at] for at in range(0, len(odd), self.length)]
        rows = [np.resize(np.array(part), self.length) for part in (*turned, odd[:3], [2.5], [3e38, -3e38])]
        for _ in range(max(2, count // self.length - len(rows))):
            rows.append(rng.normal(rng.choice([0, 1, 30]), rng.choice([0.01, 1, 100]), self.length))
        bits = sf.to_bits(np.concatenate(rows).astype(np.float32)) >> np.uint32(32 - self.bits)
        return [{"x": int(word)} for word in bits]

    def example(self) -> list[Beat]:
        """A row."""
        return [{"x": 0}] * self.length

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Classes of elements."""
        return self.element_coverage()

    def accuracy(self) -> Accuracy:
        """Over 200 rows with means from 0 to 4 deviations, relative to the largest result of the row."""
        rng = np.random.default_rng(0)
        centers, spreads = rng.uniform(0, 4, (200, 1)), 10.0 ** rng.uniform(-2, 2, (200, 1))
        bits = sf.encode(((rng.normal(size=(200, self.length)) + centers) * spreads).astype(np.float32), self.fmt)
        x = sf.decode(bits, self.fmt).astype(np.float64)
        mean = x.mean(axis=1, keepdims=True) if self.form == "layer" else 0.0
        exact = (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + float(np.float32(self.epsilon)))
        beats = self.golden([{"x": int(word)} for word in bits.ravel()])
        got = sf.decode([int(str(beat["y"])) for beat in beats], self.fmt).astype(np.float64).reshape(x.shape)
        error = np.abs(got - exact) / np.abs(exact).max(axis=1, keepdims=True)
        bar = NEWTON_BARS[self.steps] + 5e-6 + (2.0**-8 if self.fmt == "bf16" else 0)
        return Accuracy(float(error.max()), bar, "of the row's largest", x.size)
