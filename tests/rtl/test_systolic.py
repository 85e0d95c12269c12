"""Systolic element and array: are products of matrices right, in the cycles that the simulator charges?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from archsim.hdl.verify.native import amaranth_run
from archsim.hdl.verify.run import check
from archsim.units.cores._ints import elements, number, signed, signeds
from archsim.units.cores.core import Beat
from archsim.units.cores.systolic_array import SystolicArray
from archsim.units.cores.systolic_pe import SystolicPe
from archsim.units.cores.timing import always
from archsim.units.systolic import Dataflow, array_cycles

SHAPES = [(2, 2), (4, 4), (3, 5), (6, 2)]


def operands(seed: int, spec: SystolicArray, stream: int) -> tuple[Any, Any]:
    """Matrices of one tile with entries at the ends of the range as often as any."""
    rng = np.random.default_rng(seed)
    half = 1 << (spec.bits - 1)
    left = (stream, spec.rows) if spec.dataflow == "ws" else (spec.rows, stream)
    right = (spec.rows, spec.cols) if spec.dataflow == "ws" else (stream, spec.cols)
    entries = [-half, half - 1, *rng.integers(-half, half, 4)]
    return rng.choice(entries, size=left), rng.choice(entries, size=right)


def sums(spec: SystolicArray, beats: list[Beat]) -> Any:
    """Output beats as a matrix of numbers."""
    return np.array([signeds(beat, "sum", spec.sum_bits) for beat in beats])


@given(
    st.sampled_from(["ws", "os"]),
    st.sampled_from(SHAPES),
    st.integers(1, 12),
    st.integers(0, 99),
    st.sampled_from([4, 8]),
)
def test_golden_is_the_product_of_the_matrices(
    dataflow: Any, shape: tuple[int, int], stream: int, seed: int, bits: int
) -> None:
    spec = SystolicArray(rows=shape[0], cols=shape[1], dataflow=dataflow, bits=bits)
    left, right = operands(seed, spec, stream)
    assert (sums(spec, spec.golden(spec.tile(left, right))) == left @ right).all()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(SHAPES), st.integers(1, 9), st.integers(0, 99))
def test_a_replayed_tile_finishes_when_the_simulator_says(shape: tuple[int, int], stream: int, seed: int) -> None:
    """Weights stay: the last sum leaves in the cycle that the closed form of SCALE-Sim charges."""
    spec = SystolicArray(rows=shape[0], cols=shape[1])
    left, right = operands(seed, spec, stream)
    run = amaranth_run(spec, spec.tile(left, right))
    assert run.timing.left[-1] == array_cycles(Dataflow.WS, *shape, m=stream, n=spec.cols, k=spec.rows)
    assert run.timing.left[-1] == spec.tile_cycles(stream)
    assert (sums(spec, list(run.outputs)) == left @ right).all()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(SHAPES), st.integers(1, 20), st.integers(0, 99))
def test_sums_that_stay_are_finished_when_the_simulator_says(shape: tuple[int, int], stream: int, seed: int) -> None:
    """The last row of sums is at the output once it has moved up through the rows above, `drain` cycles later."""
    spec = SystolicArray(rows=shape[0], cols=shape[1], dataflow="os")
    left, right = operands(seed, spec, stream)
    run = amaranth_run(spec, spec.tile(left, right))
    charged = array_cycles(Dataflow.OS, *shape, m=spec.rows, n=spec.cols, k=stream)
    assert run.timing.left[-1] == charged + spec.rows - 1 == spec.tile_cycles(stream) + spec.drain
    assert (sums(spec, list(run.outputs)) == left @ right).all()


@pytest.mark.parametrize("dataflow", ["ws", "os"])
def test_a_whole_product_replayed_fold_by_fold_takes_the_simulated_cycles(dataflow: Any) -> None:
    """Folds begin when the simulator lets them; the RTL is done when the simulator is, the last drain apart."""
    spec = SystolicArray(rows=3, cols=4, dataflow=dataflow)
    m, n, k = 6, 8, 9
    a, b = np.random.default_rng(3).integers(-128, 128, (m, k)), np.random.default_rng(4).integers(-128, 128, (k, n))
    if dataflow == "ws":
        stream = m
        tiles = [(a[:, r : r + 3], b[r : r + 3, c : c + 4]) for c in range(0, n, 4) for r in range(0, k, 3)]
    else:
        stream = k
        tiles = [(a[r : r + 3], b[:, c : c + 4]) for c in range(0, n, 4) for r in range(0, m, 3)]
    beats, offered = [], []
    for fold, (left, right) in enumerate(tiles):
        tile = spec.tile(left, right)
        beats += tile
        offered += [fold * spec.tile_cycles(stream)] * len(tile)
    run = amaranth_run(spec, beats, offered)
    check(spec, beats, offered, always, run)
    total = array_cycles(Dataflow(dataflow), 3, 4, m=m, n=n, k=k)
    assert run.timing.left[-1] == total + spec.drain
    parts = sums(spec, list(run.outputs)).reshape(len(tiles), -1, 4)
    if dataflow == "ws":
        found = np.hstack([parts[:3].sum(axis=0), parts[3:].sum(axis=0)])
    else:
        found = np.hstack([np.vstack(parts[:2]), np.vstack(parts[2:])])
    assert (found == a @ b).all()


def test_hidden_preload_makes_tiles_follow_each_other_without_a_gap() -> None:
    spec = SystolicArray(rows=4, cols=3)
    m, tiles = 6, [operands(seed, spec, 6) for seed in range(3)]
    single = [spec.tile(left, right) for left, right in tiles]
    beats = list(single[0][:4])  # the first preload has nothing to hide behind
    for tile, after in zip(single, [*single[1:], None], strict=True):
        loads = after[:4] if after else []
        for j, beat in enumerate(tile[4:]):
            beats.append({**beat, "w": loads[j]["w"], "load": 1} if j < len(loads) else beat)
    run = amaranth_run(spec, beats)
    check(spec, beats, [0] * len(beats), always, run)
    assert run.timing.left[-1] == spec.rows + 3 * m + spec.rows + spec.cols - 2 < 3 * spec.tile_cycles(m)
    assert (sums(spec, list(run.outputs)) == np.vstack([left @ right for left, right in tiles])).all()


def test_short_tiles_wait_for_the_drain_and_lose_nothing() -> None:
    spec = SystolicArray(rows=4, cols=2, dataflow="os")
    tiles = [operands(seed, spec, 1 + seed % 2) for seed in range(6)]
    beats = [beat for left, right in tiles for beat in spec.tile(left, right)]
    run = amaranth_run(spec, beats)
    check(spec, beats, [0] * len(beats), always, run)
    lasts = [cycle for cycle, beat in zip(run.timing.accepted, beats, strict=True) if beat["last"]]
    assert set(np.diff(lasts)) == {spec.spacing}
    assert (sums(spec, list(run.outputs)) == np.vstack([left @ right for left, right in tiles])).all()


def test_sums_wrap_around() -> None:
    spec = SystolicArray(rows=2, cols=2, sum_bits=8)
    left, right = np.full((1, 2), 127), np.full((2, 2), 127)
    assert sums(spec, spec.golden(spec.tile(left, right))).tolist() == [[signed(2 * 127 * 127, 8)] * 2]


def test_an_array_is_its_elements() -> None:
    """A column of golden elements, chained by hand, gives the golden sums of the array."""
    spec, element = SystolicArray(rows=3, cols=2), SystolicPe()
    left, right = operands(5, spec, 4)
    tile = spec.tile(left, right)
    column: list[Beat] = [
        {"a": 0, "w": elements(beat, "w")[0], "total": 0, "load": beat["load"], "swap": 0} for beat in tile
    ]
    for row in range(spec.rows):
        taken = zip(column, tile, strict=True)
        column = element.golden(
            [{**above, "a": elements(beat, "a")[row], "swap": beat["swap"]} for above, beat in taken]
        )
    found = [signed(number(beat, "total"), 32) for beat, given in zip(column, tile, strict=True) if given["compute"]]
    assert found == (left @ right)[:, 0].tolist()


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["ws", "os"]),
    st.sampled_from(SHAPES),
    st.sampled_from([2, 5, 16]),
    st.sampled_from([8, 33, 64]),
    st.integers(0, 9999),
)
def test_rtl_equals_golden_for_other_parameters(
    dataflow: Any, shape: tuple[int, int], bits: int, sum_bits: int, seed: int
) -> None:
    """Array and element, flags at random, with pauses."""
    array = SystolicArray(rows=shape[0], cols=shape[1], dataflow=dataflow, bits=bits, sum_bits=sum_bits)
    for spec in (array, SystolicPe(dataflow=dataflow, bits=bits, sum_bits=sum_bits)):
        rng = np.random.default_rng(seed)
        beats = spec.stimulus(rng, 25)
        offered = np.cumsum(rng.integers(0, 3, len(beats))).tolist()
        check(spec, beats, offered, always, amaranth_run(spec, beats, offered))


@pytest.mark.parametrize("wrong", [{"rows": 1}, {"cols": 65}, {"bits": 1}, {"dataflow": "is"}, {"sum_bits": 4}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        SystolicArray(**wrong)
