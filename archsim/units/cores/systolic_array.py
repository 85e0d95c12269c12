"""A systolic array of integer multiply-accumulators: weights or sums stay, preload and drain are hidden.

::

    a[0] ------>|PE|PE|PE|PE|         ws: w and sums move down; sums leave at the bottom
    a[1] --[]-->|PE|PE|PE|PE|         os: b moves down; a finished sum moves up and leaves at the top
    a[2] -[][]->|PE|PE|PE|PE|
                 w  w  w  w  (os: b)   [] a register: the array skews what enters and aligns what leaves,
                 |  [] [] []              so that a beat is a whole row of operands and a whole row of sums

Weight stationary, a tile of m rows on rows x cols elements::

    cycle   0 .. rows-1   rows .. rows+m-1     2 rows + cols - 1 + j
    in      load          compute              (the next tile's weights may load while this one computes)
    out                                        sums of row j

The last sum leaves in cycle m + 2 rows + cols - 2: what `archsim.units.systolic.array_cycles` charges for a fold.

Output stationary: k beats make a tile of rows x cols sums, the last of which is finished k + rows + cols - 2 cycles
after the first beat, as charged; rows of sums leave every second cycle while the next tile runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from archsim.units.cores._ints import signeds, wrapped
from archsim.units.cores.core import Beat, Core, Port
from archsim.units.cores.timing import Ready, Timing
from archsim.units.systolic import Dataflow, array_cycles

Matrix = npt.NDArray[np.int64]


class SystolicArray(Core, kind="systolic_array"):
    """Rows x cols elements of `systolic_pe`, with the registers that skew what enters and align what leaves."""

    rows: int = Field(4, ge=2, le=64)
    """Rows of elements: the reduction (ws), or output rows (os)."""
    cols: int = Field(4, ge=2, le=64)
    """Columns of elements: output columns."""
    dataflow: Literal["ws", "os"] = "ws"
    """What stays in the elements: weights (ws; the other operand for input stationary) or sums (os)."""
    bits: int = Field(8, ge=2, le=16)
    """Bits of an operand, two's complement."""
    sum_bits: int = Field(32, ge=8, le=64)
    """Bits of a sum, two's complement; overflow wraps around."""

    @classmethod
    def shipped(cls) -> tuple[SystolicArray, ...]:
        """Both dataflows."""
        return cls(), cls(dataflow="os")

    @property
    def inputs(self) -> tuple[Port, ...]:
        """One operand per row, one per column, and flags (ws: load, swap, compute; os: first, last)."""
        a = Port("a", self.bits, self.rows, fmt="int")
        across = Port("w" if self.dataflow == "ws" else "b", self.bits, self.cols, fmt="int")
        flags = ("load", "swap", "compute") if self.dataflow == "ws" else ("first", "last")
        return (a, across, *(Port(name, 1, fmt="bool") for name in flags))

    @property
    def outputs(self) -> tuple[Port, ...]:
        """A row of sums."""
        return (Port("sum", self.sum_bits, self.cols, fmt="int"),)

    @property
    def latency(self) -> int:
        """From a beat to its row of sums (ws), or from the last beat of a tile to the first row of its sums (os)."""
        return self.rows + self.cols - 1 if self.dataflow == "ws" else self.cols

    @property
    def elastic(self) -> bool:
        """The array moves in lockstep: sums are always taken."""
        return False

    @property
    def drain(self) -> int:
        """Cycles after a tile is finished until its last row of sums has left; hidden behind the next tile."""
        return 0 if self.dataflow == "ws" else self.rows - 1

    def tile_cycles(self, stream: int) -> int:
        """Cycles that a simulator charges for one tile, its preload included: the closed form of SCALE-Sim v3.

        Parameters
        ----------
        stream
            Beats of operands: rows of the result (ws) or the reduction (os).
        """
        if self.dataflow == "ws":
            return array_cycles(Dataflow.WS, self.rows, self.cols, m=stream, n=self.cols, k=self.rows)
        return array_cycles(Dataflow.OS, self.rows, self.cols, m=self.rows, n=self.cols, k=stream)

    def tile(self, left: Matrix, right: Matrix) -> list[Beat]:
        """The beats that multiply two matrices, preload first and not hidden.

        Parameters
        ----------
        left, right
            (m, rows) and (rows, cols) where weights stay; (rows, k) and (k, cols) where sums stay.
        """
        if self.dataflow == "ws":
            none = [0] * self.rows
            load = [self._beat(none, row, load=1, swap=0, compute=0) for row in right[::-1].tolist()]
            rest = [0] * self.cols
            rows = enumerate(left.tolist())
            return load + [self._beat(row, rest, load=0, swap=int(not j), compute=1) for j, row in rows]
        steps, final = zip(left.T.tolist(), right.tolist(), strict=True), len(right) - 1
        return [self._beat(a, b, first=int(not j), last=int(j == final)) for j, (a, b) in enumerate(steps)]

    def _beat(self, down: Sequence[int], across: Sequence[int], **flags: int) -> Beat:
        a, other, *_ = self.inputs
        sides = {port.name: tuple(wrapped(x, self.bits) for x in side) for port, side in ((a, down), (other, across))}
        return {**sides, **flags}

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """Products of matrices, in whole numbers, wrapped around at the end."""
        rows = self._ws(beats) if self.dataflow == "ws" else self._os(beats)
        return [{"sum": tuple(wrapped(int(total), self.sum_bits) for total in row)} for row in rows]

    def _ws(self, beats: Sequence[Beat]) -> Iterator[Matrix]:
        held = spare = np.zeros((self.rows, self.cols), dtype=object)
        for beat in beats:
            held = spare if beat["swap"] else held
            if beat["compute"]:
                yield np.array(signeds(beat, "a", self.bits), dtype=object) @ held
            if beat["load"]:
                spare = np.vstack([[signeds(beat, "w", self.bits)], spare[:-1]]).astype(object)

    def _os(self, beats: Sequence[Beat]) -> Iterator[Matrix]:
        sums = np.zeros((self.rows, self.cols), dtype=object)
        for beat in beats:
            operands = (np.array(signeds(beat, name, self.bits), dtype=object) for name in ("a", "b"))
            product = np.outer(*operands)
            sums = product if beat["first"] else sums + product
            if beat["last"]:
                yield from sums

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """Beats with operands (ws), the last of a tile (os)."""
        flag = "compute" if self.dataflow == "ws" else "last"
        return [bool(beat[flag]) for beat in beats]

    def completes(self, beats: Sequence[Beat]) -> list[int]:
        """One row of sums per beat (ws), or all rows by the last beat of a tile (os)."""
        times = 1 if self.dataflow == "ws" else self.rows
        return [index for index, emitted in enumerate(self.emits(beats)) for _ in range(emitted * times)]

    def paced(self, beats: Sequence[Beat]) -> Sequence[int]:
        """All but those ahead of the last beat of a tile, which may wait for the drain."""
        return [at for at in range(len(beats) - 1) if self.dataflow == "ws" or not beats[at + 1]["last"]]

    def schedule(self, beats: Sequence[Beat], offered: Sequence[int], ready: Ready) -> Timing:
        """The pipeline; where sums stay, a tile's last beat waits until the drain of the tile before lets it in."""
        if self.dataflow == "ws":
            return super().schedule(beats, offered, ready)
        accepted: list[int] = []
        left: list[int] = []
        cycle, drained = -1, 0
        for beat, earliest in zip(beats, offered, strict=True):
            cycle = max(cycle + 1, earliest, drained if beat["last"] else 0)
            accepted.append(cycle)
            if beat["last"]:
                drained = cycle + self.spacing
                left += [cycle + self.latency + 2 * row for row in range(self.rows)]
        return Timing(tuple(accepted), tuple(left))

    @property
    def spacing(self) -> int:
        """Cycles from the last beat of a tile to that of the next, at least, where sums stay: its drain."""
        return 2 * self.rows - 1

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Whole tiles of random lengths, short ones too, and beats with flags at random between them."""
        flags = {port.name: 1 for port in self.inputs[2:]}
        beats: list[Beat] = [self._beat(self._row(rng, self.rows), self._row(rng, self.cols), **flags)]
        while len(beats) < count:
            stream = int(rng.integers(1, 3 * self.rows))
            left = (stream, self.rows) if self.dataflow == "ws" else (self.rows, stream)
            right = (self.rows, self.cols) if self.dataflow == "ws" else (stream, self.cols)
            beats += self.tile(self._matrix(rng, left), self._matrix(rng, right))
            beats += [self._noise(rng) for _ in range(int(rng.integers(4)))]
        return beats + self.tile(self._matrix(rng, left), self._matrix(rng, right))

    def example(self) -> list[Beat]:
        """One tile: the preload and three rows (ws), or three beats of operands (os)."""
        shapes = ((3, self.rows), (self.rows, self.cols)) if self.dataflow == "ws" else ((self.rows, 3), (3, self.cols))
        left, right = (np.ones(shape, dtype=np.int64) for shape in shapes)
        return self.tile(left, right)

    def _noise(self, rng: np.random.Generator) -> Beat:
        flags = {port.name: int(rng.integers(2)) for port in self.inputs[2:]}
        return self._beat(self._row(rng, self.rows), self._row(rng, self.cols), **flags)

    def _row(self, rng: np.random.Generator, size: int) -> list[int]:
        return [int(x) for x in self._matrix(rng, (size,))]

    def _matrix(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Matrix:
        low, high = -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1
        ends = rng.choice(np.array([low, high, 0]), size=shape)
        return np.where(rng.integers(4, size=shape) > 0, rng.integers(low, high + 1, size=shape), ends)

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Every flag set and clear, and two flags at once: hidden preload, tiles of one beat."""
        names = [port.name for port in self.inputs[2:]]
        both = {f"{a} and {b}": (a, b) for a, b in pairwise(names)}
        bins: dict[str, Callable[[Beat], bool]] = {}
        for name in names:
            bins[name] = lambda beat, name=name: beat[name] == 1  # type: ignore[misc]
            bins[f"no {name}"] = lambda beat, name=name: beat[name] == 0  # type: ignore[misc]
        for label, (a, b) in both.items():
            bins[label] = lambda beat, a=a, b=b: beat[a] == beat[b] == 1  # type: ignore[misc]
        return bins
