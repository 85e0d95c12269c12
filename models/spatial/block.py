"""Two arrays and a DRAM in time: kernels are passes of one operator over PEs, and transfers.

A pass keeps its array for `depth` operations of every PE; a reduction over keys then still runs down the columns
while the PEs take up the next pass. Nothing is remembered between passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.block import Block, Calendar, Outcome, Step
from archsim.units.spatial.operators import COUNTERS

if TYPE_CHECKING:
    from archsim.models.spatial.spec import SpatialDesign

PS = 10**12
NO_STATE: IntArray = np.zeros((1, 0), dtype=np.int64)
NEVER: IntArray = np.full(1, -1, dtype=np.int64)
Args = Mapping[str, int]
Answer = tuple[int, int, dict[str, int]]
"""ps until done, ps until free, counters (causes of the time among them, which add up to done)."""


class Passes:
    """What the three units share: every distinct kernel and arguments are worked out once."""

    calendar: Calendar | None = None
    address_args: tuple[str, ...] = ()
    address_slots: tuple[int, ...] = ()

    def __init__(self, design: SpatialDesign, unit: str) -> None:
        self._design, self._unit = design, unit
        self._answers: dict[tuple[str, tuple[tuple[str, int], ...]], Outcome] = {}

    def answer(self, kernel: str, args: Args) -> Answer:
        """Time and counts of one kernel."""
        raise TypeError(f"{type(self).__name__} must define answer()")

    def floor(self, kernel: str, args: Args) -> int:
        """Ps that no implementation beats."""
        raise TypeError(f"{type(self).__name__} must define floor()")

    @property
    def events(self) -> int:
        """Distinct kernels worked out."""
        return len(self._answers)

    def initial(self) -> IntArray:
        """Nothing is remembered."""
        return np.zeros(0, dtype=np.int64)

    def run(self, kernel: str, args: Mapping[str, IntArray], state: IntArray, idle: IntArray) -> Outcome:
        """The kernel on every lane; lanes of equal arguments share an answer."""
        if all(len(value) == 1 for value in args.values()):
            return self._known(kernel, {name: int(value[0]) for name, value in args.items()})
        found = [self._known(kernel, one) for one in _lanes(args)]
        counters = {n: np.concatenate([o.counters[n] for o in found]) for n in found[0].counters}
        done, free = (np.concatenate([getattr(o, name) for o in found]) for name in ("done", "free"))
        return Outcome(done, free, counters, NO_STATE, NEVER)

    def step(self, kernel: str, args: Mapping[str, int], state: IntArray, idle: int, until_due: int) -> Step:
        """The kernel once."""
        done, free, counters = self.answer(kernel, args)
        return Step(done, free, counters, NO_STATE[0], 0)

    def refreshed(self, count: int) -> Mapping[str, int]:
        """Refresh is part of the DRAM's streaming rate."""
        return {}

    def bound(self, kernel: str, args: Mapping[str, IntArray]) -> IntArray:
        """Peak rates, rounded down."""
        return np.array([self.floor(kernel, one) for one in _lanes(args)], dtype=np.int64)

    def energy(self, counters: Mapping[str, int], elapsed: int) -> Mapping[str, int]:
        """FJ by component, as the design's energy mode counts."""
        from archsim.models.spatial.energy import unit_energy

        return unit_energy(self._design, self._unit, counters, elapsed)

    def traffic(self, counters: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        """Bytes of the DRAM; arrays have none."""
        from archsim.models.spatial.energy import unit_traffic

        return unit_traffic(self._unit, counters)

    def _known(self, kernel: str, args: Args) -> Outcome:
        key = (kernel, tuple(sorted(args.items())))
        if key not in self._answers:
            done, free, counters = self.answer(kernel, args)
            arrays = {name: np.array([value], dtype=np.int64) for name, value in counters.items()}
            self._answers[key] = Outcome(np.array([done]), np.array([free]), arrays, NO_STATE, NEVER)
        return self._answers[key]


class ArrayBlock(Passes):
    """An array of PEs.

    Arguments: `depth` operations per PE in sequence, `ops` of all PEs together, `ripple` (how often a result must still
    run down the columns, one after the other; 0 for none), `read` and `written` words of the buffer.
    """

    def __init__(self, design: SpatialDesign, unit: str, cycles: Mapping[str, int], pes: int) -> None:
        super().__init__(design, unit)
        arrays = design.arrays
        self._cycles, self._pes, self._ripple = cycles, pes, arrays.ripple
        self._per_cycle = arrays.line_words * arrays.ports * arrays.copies  # each copy has a buffer of its own
        self._period = Fraction(PS, arrays.clock)

    def answer(self, kernel: str, args: Args) -> Answer:
        """The pass, or its words through the buffer's ports where that takes longer; then the way down the columns."""
        work = args["depth"] * self._cycles[kernel]
        words = -(-(args["read"] + args["written"]) // self._per_cycle)
        cycles, ripple = max(work, words), args["ripple"] * self._ripple
        free, done = self._ps(cycles), self._ps(cycles + ripple)
        busy = self._ps(work)
        counters = {
            COUNTERS[kernel]: args["ops"],
            "cycles": cycles,
            "buffer_read": args["read"],
            "buffer_write": args["written"],
            f"t_{self._unit} {kernel}": busy,
            "t_buffer ports": free - busy,
            f"t_{self._unit} (ripple)": done - free,
        }
        return done, free, counters

    def floor(self, kernel: str, args: Args) -> int:
        """All operations spread evenly over all PEs, or the pass itself where it takes fewer turns than that."""
        turns = min(Fraction(args["ops"], self._pes), Fraction(args["depth"]))
        return int(turns * self._cycles[kernel] * self._period)

    def _ps(self, cycles: int) -> int:
        return -(-cycles * self._period.numerator // self._period.denominator)


class DramBlock(Passes):
    """The DRAM as a stream of bytes.

    Arguments: `bytes`, and the `words` of the buffer that they are counted as. A transfer holds the DRAM at its
    streaming rate; what it brings is there a latency later.
    """

    def __init__(self, design: SpatialDesign, unit: str) -> None:
        super().__init__(design, unit)
        self._period = Fraction(PS, design.arrays.bandwidth)
        self._latency = design.dram_latency_ps

    def answer(self, kernel: str, args: Args) -> Answer:
        """Bytes over the streaming rate, then the latency; a store counts as done when its last word is taken."""
        free = -(-args["bytes"] * self._period.numerator // self._period.denominator)
        late = self._latency if kernel == "load" else 0
        moved, words = ("bytes_read", "buffer_write") if kernel == "load" else ("bytes_written", "buffer_read")
        counters = {moved: args["bytes"], words: args["words"], f"t_{self._unit} {kernel}": free, "t_latency": late}
        return free + late, free, counters

    def floor(self, kernel: str, args: Args) -> int:
        """Bytes over the streaming rate."""
        return int(args["bytes"] * self._period)


def blocks(design: SpatialDesign) -> dict[str, Block]:
    """`array_2d`, `array_1d` and `dram` of a design."""
    arrays = design.arrays
    return {
        arrays.array: ArrayBlock(design, arrays.array, arrays.array_cycles, arrays.rows * arrays.cols * arrays.copies),
        arrays.vector: ArrayBlock(design, arrays.vector, arrays.vector_cycles, arrays.lanes * arrays.copies),
        arrays.memory: DramBlock(design, arrays.memory),
    }


def _lanes(args: Mapping[str, IntArray]) -> list[dict[str, int]]:
    """The arguments of every lane as plain integers."""
    count = max((len(value) for value in args.values()), default=1)
    return [{name: int(value[i if len(value) > 1 else 0]) for name, value in args.items()} for i in range(count)]
