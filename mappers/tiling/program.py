"""Tile sizes of any number of memories as an integer program.

One binary per memory, dim and size. For a fixed innermost loop the bytes moved are linear in these: the operand that
the loop leaves in place is fetched once per tile of the memory above, the others once per tile of this one. Which loop
is innermost is chosen by further binaries. Reuse across the tiles of the memory above is left out, so the true count of
what is chosen may be lower. Products of two sizes, for the room that tiles take, are chosen as pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING, Any

from archsim.core.errors import Infeasible
from archsim.mappers.tiling.cost import FJ_PER_PJ, Metric
from archsim.mappers.tiling.gemm import OTHERS, Gemm
from archsim.mappers.tiling.hierarchy import Hierarchy, Unroll
from archsim.mappers.tiling.sizes import Grid
from archsim.mappers.tiling.traffic import Order, Sizes, count, folds

if TYPE_CHECKING:
    import pulp

ROUNDS = 4
"""Weighings of energy against cycles when their product is asked for."""
Choice = tuple[tuple[Sizes, ...], tuple[Order, ...]]


def solve_program(
    gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, grid: Grid, seconds: float
) -> Iterator[Choice]:
    """Tiles and orders from the program; for edp several, with energy and cycles weighed differently.

    Raises
    ------
    Infeasible
        No solution within the time limit.
    BadInput
        No solver is installed.
    """
    if metric != "edp":
        weights = (1.0, 0.0) if metric == "energy" else (0.0, 1.0)
        yield _solved(gemm, hierarchy, unroll, grid, *weights, seconds).read()
        return
    seen = set[tuple[float, float]]()
    price, wait = 1.0, 0.0
    for _ in range(ROUNDS):
        model = _solved(gemm, hierarchy, unroll, grid, price, wait, seconds / ROUNDS)
        yield model.read()
        energy, cycles = model.values()
        if (energy, cycles) in seen or not energy or not cycles:
            return
        seen.add((energy, cycles))
        price, wait = 1 / energy, 1 / cycles  # the slope of the product at this point


def _solved(
    gemm: Gemm, hierarchy: Hierarchy, unroll: Unroll, grid: Grid, price: float, wait: float, seconds: float
) -> _Model:
    """The program with a solution: with innermost tiles that waste no multipliers, or with any if none of these fit."""
    for tidy in (True, False):
        model = _Model(gemm, hierarchy, unroll, grid, tidy=tidy)
        if model.solve(price, wait, seconds):
            return model
    raise Infeasible(
        "the integer program found no tiling",
        where=f"hierarchy {hierarchy.name!r}",
        right=f"within {seconds:.3g} s",
        try_=("more seconds", "method 'beam'"),
    )


class _Model:
    """The program without its objective, which changes."""

    def __init__(self, gemm: Gemm, hierarchy: Hierarchy, unroll: Unroll, grid: Grid, *, tidy: bool) -> None:
        import pulp

        self.pulp = pulp
        self.gemm, self.hierarchy = gemm, hierarchy
        self.depth = len(hierarchy.rooms)
        self.across = hierarchy.array.across(unroll)
        self.axes = [grid.sizes(extent) for extent in gemm.extents]
        self.problem = pulp.LpProblem("tiling", pulp.LpMinimize)
        self.pick = {
            (level, dim): [self._binary(f"x{level}{dim}_{size}") for size in self.axes[dim]]
            for level in range(self.depth)
            for dim in range(3)
        }
        self.inner = [[self._binary(f"z{level}{dim}") for dim in range(3)] for level in range(self.depth)]
        self._choose_one()
        if tidy:
            self._waste_nothing()
        self._nest()
        self._fit()
        self.energy, self.cycles = self._costs()

    def solve(self, price: float, wait: float, seconds: float) -> bool:
        """Make energy times `price` plus cycles times `wait` small; whether there is a solution."""
        from archsim.mappers.solvers import solver

        pulp, problem = self.pulp, self.problem
        small = 1e-6  # of tilings that are equally fast the one that needs less energy
        problem.setObjective((price or small * self._scale) * self.energy + wait * self.cycles)
        problem.solve(solver().make(seconds))
        return problem.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible)

    def values(self) -> tuple[float, float]:
        """Energy and cycles of the last solution, as the program counts them."""
        return float(self.energy.value()), float(self.cycles.value())

    @property
    def _scale(self) -> float:
        most = max(float(int(level.energy)) for level in self.hierarchy.levels) / FJ_PER_PJ
        return 1.0 / max(1.0, most * self.gemm.compulsory_bits)

    def _binary(self, name: str) -> Any:
        return self.problem.add_variable(name, 0, 1, self.pulp.LpBinary)

    def _choose_one(self) -> None:
        total = self.pulp.lpSum
        for options in (*self.pick.values(), *self.inner):
            self.problem += total(options) == 1

    def _waste_nothing(self) -> None:
        """The array then takes the same cycles whatever the tiles."""
        for dim, width in enumerate(self.across):
            least = count(self.gemm.extents[dim], width) if width else 0
            for size, option in zip(self.axes[dim], self.pick[self.depth - 1, dim], strict=True):
                if width and folds(self.gemm.extents[dim], [size], width) > least:
                    self.problem += option == 0

    def _nest(self) -> None:
        for level in range(1, self.depth):
            for dim in range(3):
                upper = list(zip(self.axes[dim], self.pick[level - 1, dim], strict=True))
                for size, option in zip(self.axes[dim], self.pick[level, dim], strict=True):
                    around = [other for above, other in upper if above % size == 0 or above == self.gemm.extents[dim]]
                    self.problem += option <= self.pulp.lpSum(around)

    def _fit(self) -> None:
        total = self.pulp.lpSum
        widths = {OTHERS[operand]: bits for operand, bits in enumerate(self.gemm.bits)}
        for level, room in enumerate(self.hierarchy.rooms):
            taken = []
            for first, second in combinations(range(3), 2):
                rows, cols = self.pick[level, first], self.pick[level, second]
                pair = [
                    [self.problem.add_variable(f"y{level}{first}{second}_{i}_{j}", 0, 1) for j in range(len(cols))]
                    for i in range(len(rows))
                ]
                for i, row in enumerate(rows):
                    self.problem += total(pair[i]) == row
                for j, col in enumerate(cols):
                    self.problem += total(line[j] for line in pair) == col
                bits = widths[first, second]
                for i, a in enumerate(self.axes[first]):
                    for j, b in enumerate(self.axes[second]):
                        if a * b * bits > room:
                            self.problem += pair[i][j] == 0
                        else:
                            taken.append(a * b * bits / room * pair[i][j])
            self.problem += total(taken) <= 1

    def _costs(self) -> tuple[pulp.LpAffineExpression, pulp.LpVariable]:
        gemm, levels = self.gemm, self.hierarchy.levels
        energy, times = [], []
        for level, above in enumerate(levels[:-1]):
            bits = self._moved(level, adds=above.adds)
            energy.append(int(above.energy) / FJ_PER_PJ / 8 * bits)
            if above.bandwidth is not None:
                times.append((bits * (1 / (8 * above.bandwidth)), levels[level + 1].double_buffered))
        busy = 1
        for extent, width in zip(gemm.extents, self.across, strict=True):
            busy *= count(extent, width) if width else extent
        cycles: Any = float(busy)
        for number, (moving, hidden) in enumerate(reversed(times)):
            if hidden:
                longer = self.problem.add_variable(f"t{number}", 0)
                self.problem += longer >= cycles
                self.problem += longer >= moving
                cycles = longer
            else:
                cycles = cycles + moving
        last = self.problem.add_variable("cycles", ceil(busy))
        self.problem += last >= cycles
        return self.pulp.lpSum(energy), last

    def _moved(self, level: int, *, adds: bool) -> Any:
        """Bits into and out of a memory."""
        gemm, total = self.gemm, []
        for operand, (first, second) in enumerate(OTHERS):
            size = gemm.extents[first] * gemm.extents[second]
            width = gemm.bits[operand] * (2 if operand == 2 and not adds else 1)
            turns = self.problem.add_variable(f"u{level}{operand}", 1, gemm.extents[operand])
            here = self._tiles(level, operand)
            self.problem += turns >= (self._tiles(level - 1, operand) if level else 1)
            self.problem += turns >= here - gemm.extents[operand] * self.inner[level][operand]
            total.append(size * width * turns)
        constant = 0 if adds else gemm.m * gemm.n * (gemm.final_bits - 2 * gemm.sum_bits)
        return self.pulp.lpSum(total) + constant

    def _tiles(self, level: int, dim: int) -> Any:
        extent = self.gemm.extents[dim]
        options = zip(self.axes[dim], self.pick[level, dim], strict=True)
        return self.pulp.lpSum(count(extent, size) * option for size, option in options)

    def read(self) -> Choice:
        """Tiles and orders of the solution."""
        tiles: list[Sizes] = []
        orders: list[Order] = []
        for level in range(self.depth):
            m, n, k = (
                next(s for s, v in zip(self.axes[d], self.pick[level, d], strict=True) if v.value() > 0.5)
                for d in range(3)
            )
            around = tiles[-1] if tiles else self.gemm.extents
            tiles.append((min(m, around[0]), min(n, around[1]), min(k, around[2])))
            last = max(range(3), key=lambda d: self.inner[level][d].value() or 0.0)
            first, second = (d for d in range(3) if d != last)
            orders.append((first, second, last))
        return tuple(tiles), tuple(orders)
