"""What the attentions of a run come to per tile, per einsum, and beside the least that is possible."""

from __future__ import annotations

from fractions import Fraction

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.io_bound import traffic_ratio
from archsim.units.spatial.least_time import least_time
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady
from archsim.units.spatial.sparse_pattern import FULL

KIB = 1024
AXES = {ARRAY: "2d", VECTOR: "1d"}


class Ratios:
    """Sums over all attentions of a run."""

    def __init__(self, arrays: SpatialArrays) -> None:
        self._arrays = arrays
        self._seconds = self._cycles = Fraction(0)
        self._tiles = 0
        self._busy = {ARRAY: Fraction(0), VECTOR: Fraction(0)}
        self._einsums: dict[str, tuple[str, Fraction]] = {}
        self._first: dict[str, float] = {}
        self._masked = False
        self._moved = self._least = self._least_seconds = Fraction(0)
        self._set_by = ""

    def add(self, problem: Problem, plan: Plan, steady: Steady, times: int, flow: Dataflow) -> None:
        """`times` equal attentions."""
        a = self._arrays
        self._seconds += times * steady.seconds
        self._cycles += times * steady.cycles
        self._tiles += times * problem.instances * -(-problem.queries // a.cols) * -(-problem.keys // a.rows)
        for role in self._busy:
            self._busy[role] += times * steady.busy[role]
        for name, (role, cycles) in _filled(steady).items():
            self._einsums[name] = (role, self._einsums.get(name, (role, Fraction(0)))[1] + times * cycles)
        pattern = getattr(flow, "pattern", FULL)
        self._masked |= problem.causal or pattern is not FULL
        moved = times * (steady.read + steady.written)
        self._moved += moved
        self._least += moved / traffic_ratio(problem, a, steady, pattern)
        least = least_time(problem, a, pattern)
        self._least_seconds += times * least.seconds
        self._set_by = self._set_by or least.by
        if not self._first:
            self._first = {name: float(plan.choices[name]) for name in ("passes", "resident") if name in plan.choices}

    def of(self) -> dict[str, float]:
        """Ratios by name; none where there was no attention.

        ``util_2d``, ``util_1d`` and ``util.EINSUM`` are shares of the attentions' time; ``tile_2d``, ``tile_1d`` and
        ``tile`` are cycles of each array and in all for one tile of scores, masked ones included; ``balance`` is the
        work of the 1D over that of the 2D array; ``traffic_over_bound`` the DRAM's bytes over the larger of compulsory
        traffic and the I/O lower bound; ``time_over_least`` the time over the least that any schedule takes on
        these PEs; ``passes`` over keys and values and ``resident`` tiles of queries are those of the first attention.
        """
        if not self._seconds:
            return {}
        time = self._seconds * self._arrays.clock
        out = {f"util_{AXES[role]}": float(cycles / time) for role, cycles in self._busy.items()}
        out |= {f"util.{name}": float(cycles / time) for name, (_, cycles) in self._einsums.items()}
        out |= {f"tile_{AXES[role]}": float(cycles / self._tiles) for role, cycles in self._busy.items()}
        out["tile"] = float(self._cycles / self._tiles)
        if self._busy[ARRAY]:
            out["balance"] = float(self._busy[VECTOR] / self._busy[ARRAY])
        out["traffic_over_bound"] = float(self._moved / self._least)
        out["time_over_least"] = float(self._seconds / self._least_seconds)
        return out | self._first

    def notes(self) -> tuple[str, ...]:
        """The balance of the arrays and the distance to the bound in words; none where there was no attention."""
        if not self._seconds:
            return ()
        a = self._arrays
        tile, work = self._cycles / self._tiles, {role: cycles / self._tiles for role, cycles in self._busy.items()}
        masked = ", masked ones included" if self._masked else ""
        return (
            f"attention in its steady state, per tile of {a.rows} keys by {a.cols} queries{masked}: "
            f"{_plain(work[ARRAY])} cycles of {a.array}, {_plain(work[VECTOR])} of {a.vector}, {_plain(tile)} in all",
            f"attention moves {float(self._moved / self._least):.2f} times the bytes that it must with "
            f"{a.buffer_bytes // KIB:,} KiB of buffer (the larger of compulsory traffic and N^2 d^2 / M)",
            f"attention's steady state takes {float(self._seconds / self._least_seconds):.3g} times the least that any "
            f"schedule of its operations takes on these PEs ({float(self._least_seconds) * 1e3:.4g} ms, set by "
            f"{self._set_by}): the mapper's gap is to that",
        )


def _plain(number: Fraction) -> str:
    """Up to five digits."""
    return f"{float(number):.5g}"


def _filled(steady: Steady) -> dict[str, tuple[str, Fraction]]:
    """Einsums in cycles of full arrays: products that leave PEs of the 2D array idle are alike in what they fill."""
    products = [name for name, (role, _) in steady.einsums.items() if role == ARRAY]
    taken = sum((steady.einsums[name][1] for name in products), Fraction(0))
    if taken == steady.busy[ARRAY]:
        return dict(steady.einsums)
    return {
        name: (role, steady.busy[ARRAY] / len(products) if role == ARRAY else cycles)
        for name, (role, cycles) in steady.einsums.items()
    }
