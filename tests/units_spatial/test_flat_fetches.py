"""FLAT's fetch counts: do they equal those of the loop nest walked step by step?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flat_traffic import SCORES, STATIONARITIES, VALUES, Nest, Product
from tests.units_spatial.flat_cases import machine


@dataclass
class Walk:
    """What crossed into the array, and the steps it took."""

    words: Counter[str]
    steps: int


def spans(size: int, extent: int) -> Iterator[range]:
    """Tiles of a rank, the last one short."""
    for start in range(0, size, extent):
        yield range(start, min(size, start + extent))


def walk(product: Product, stationary: str, sizes: dict[str, int], rows: int, extents: dict[str, int]) -> Walk:
    """Run the nest; the array holds one slice of each tensor and fetches when another is due."""
    in_time, first, second = tuple(product.orders[stationary])
    held: dict[str, object] = {}
    walked = Walk(Counter(), 0)
    for fused in spans(sizes["P"], rows):

        def tiles(rank: str, fused: range = fused) -> Iterator[range]:
            if rank != "P":
                yield from spans(sizes[rank], 1 if rank == in_time else extents[rank])
            else:
                for part in spans(len(fused), 1 if in_time == "P" else extents["P"]):
                    yield range(fused.start + part.start, fused.start + part.stop)

        for outer in tiles(second):
            for inner in tiles(first):
                for step in tiles(in_time):
                    walked.steps += 1
                    at = {in_time: step, first: inner, second: outer}
                    for tensor, ranks in product.tensors.items():
                        slice_ = tuple(at[rank] for rank in ranks)
                        if held.get(tensor) != slice_:
                            held[tensor] = slice_
                            walked.words[tensor] += len(slice_[0]) * len(slice_[1])
    return walked


@pytest.mark.parametrize("stationary", STATIONARITIES)
@pytest.mark.parametrize("product", [SCORES, VALUES], ids=lambda product: product.name)
@settings(deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 11)),
    side=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    rows=st.integers(1, 11),
)
def test_fetches_and_cycles_are_those_of_the_walked_nest(
    product: Product, stationary: str, sizes: tuple[int, int, int], side: tuple[int, int], rows: int
) -> None:
    size = {"E": sizes[0], "F": sizes[0], "M": sizes[1], "P": sizes[2]}
    # A last pass of one row has a loop less than the others: the rule knows one nest for all passes.
    assume(rows <= size["P"] and (rows == 1 or size["P"] % rows != 1))
    arrays: SpatialArrays = machine(*side, buffer_bytes=1 << 20, bandwidth=10**9)
    nest = Nest(product, stationary, size, rows, arrays)
    walked = walk(product, stationary, size, rows, {rank: nest.extent(rank) for rank in size})
    expected = {
        tensor: nest.refetches(ranks) * size[ranks[0]] * size[ranks[1]] for tensor, ranks in product.tensors.items()
    }
    assert walked.words == expected
    assert walked.steps == nest.cycles()


@pytest.mark.parametrize("stationary", ["output", "weight"])
@pytest.mark.parametrize("product", [SCORES, VALUES], ids=lambda product: product.name)
def test_a_result_whose_sums_go_on_later_needs_room_for_the_whole_pass(product: Product, stationary: str) -> None:
    nest = Nest(product, stationary, dict.fromkeys("EFMP", 64), 48, machine(8, 8, 1 << 20, 10**9))
    assert nest.tile_words(product.name) == (48 * 8 if stationary == "weight" else 8 * 8)
    assert [nest.tile_words(name) for name in product.inputs] == [8 * 8, 8 * 8]


def test_queries_lie_across_columns_and_reductions_run_down_them() -> None:
    arrays = machine(4, 16, 1 << 20, 10**9)
    extents = {
        (product.name, stationary, rank): Nest(product, stationary, dict.fromkeys("EFMP", 64), 64, arrays).extent(rank)
        for product in (SCORES, VALUES)
        for stationary in ("output", "weight")
        for rank in product.orders[stationary]
    }
    wide = {key for key, extent in extents.items() if extent == 16}
    assert wide == {
        ("QK", "output", "P"),
        ("QK", "weight", "P"),
        ("QK", "weight", "M"),
        ("AV", "output", "P"),
        ("AV", "weight", "P"),
        ("AV", "weight", "F"),
    }
