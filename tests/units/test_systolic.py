"""The array against SCALE-Sim's own runs, and its memory traffic against what no machine can avoid."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.quantities import Bandwidth, Bytes
from archsim.ir.opblock import op_call
from archsim.units.systolic import Dataflow, Gemm, Systolic, array_cycles, as_gemm

DATA = Path(__file__).parents[1] / "data" / "scalesim_gemm.csv"


def runs() -> list[dict[str, Any]]:
    lines = [line for line in DATA.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def array_of(run: dict[str, Any]) -> Systolic:
    return Systolic(rows=int(run["array_h"]), cols=int(run["array_w"]), dataflow=Dataflow(run["dataflow"]))


def product_of(m: int, n: int, k: int) -> Gemm:
    return Gemm(1, m, n, k, m * k, k * n, m * n)


def test_cycles_equal_every_run_of_scalesim() -> None:
    for run in runs():
        array, (m, n, k) = array_of(run), (int(run[name]) for name in "MNK")
        cycles = array_cycles(array.dataflow, array.rows, array.cols, m=m, n=n, k=k)
        assert cycles - 1 + int(run["stall_cycles"]) == int(run["compute_cycles"]), run


def test_buffer_bytes_equal_every_run_of_scalesim() -> None:
    counted = [run for run in runs() if run["bw_mode"] == "CALC"]
    assert len(counted) > 50
    for run in counted:
        array, (m, n, k) = array_of(run), (int(run[name]) for name in "MNK")
        written = int(run["ofmap_sram_writes"])
        if array.dataflow is Dataflow.OS:  # SCALE-Sim counts two words per column and fold too many
            written -= 2 * array.cols * (-(-m // array.rows)) * (-(-n // array.cols))
        streamed = int(run["ifmap_sram_reads"]) + int(run["filter_sram_reads"]) + written
        assert array.streamed(product_of(m, n, k)) == streamed, run


sizes = st.integers(1, 3000)


@given(sizes, sizes, sizes, st.sampled_from(Dataflow), st.sampled_from([64, 4096, 1 << 20, 1 << 30]))
def test_traffic_is_never_below_the_compulsory_and_meets_it_in_a_large_buffer(
    m: int, n: int, k: int, dataflow: Dataflow, buffer: int
) -> None:
    array = Systolic(rows=16, cols=32, dataflow=dataflow, buffer=Bytes(buffer))
    gemm = product_of(m, n, k)
    read, written = array.fetched(gemm)
    assert read >= m * k + k * n
    assert written >= m * n
    if buffer == 1 << 30:
        assert (read, written) == (m * k + k * n, m * n)


@given(sizes, sizes, sizes, st.sampled_from(Dataflow))
def test_a_larger_buffer_never_costs_traffic(m: int, n: int, k: int, dataflow: Dataflow) -> None:
    totals = [
        sum(Systolic(rows=8, cols=8, dataflow=dataflow, buffer=Bytes(1 << power)).fetched(product_of(m, n, k)))
        for power in range(8, 26)
    ]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize(
    ("kind", "dims"),
    [
        ("matmul", {"m": 3, "n": 70, "k": 130}),
        ("attention_scores", {"b": 2, "h": 8, "kv": 2, "q": 5, "t": 9, "d": 64}),
        ("attention_values", {"b": 2, "h": 8, "kv": 2, "q": 5, "t": 9, "d": 64}),
    ],
)
def test_a_product_has_all_macs_of_its_op(kind: str, dims: dict[str, int]) -> None:
    call = op_call(kind, dims)
    gemm = as_gemm(call)
    assert gemm is not None
    assert gemm.count * gemm.m * gemm.n * gemm.k == call.macs
    assert gemm.count * (gemm.input_bytes + gemm.weight_bytes) >= call.bytes_in


def test_memory_bound_ops_take_what_their_bytes_take() -> None:
    call = op_call("matmul", {"m": 1, "n": 4096, "k": 4096})
    slow = Systolic(bandwidth=Bandwidth("1 GB/s")).cost(call)
    assert slow.cycles == call.bytes_in + call.bytes_out
    fast = Systolic(bandwidth=Bandwidth("1 PB/s")).cost(call)
    assert fast.cycles == array_cycles(Dataflow.WS, 128, 128, m=1, n=4096, k=4096)


@pytest.mark.parametrize(("kind", "passes"), [("softmax", 3), ("gelu", 1), ("rmsnorm", 2), ("add", 1)])
def test_the_vector_lane_takes_its_passes(kind: str, passes: int) -> None:
    array = Systolic(bandwidth=Bandwidth("1 PB/s"), vector_lanes=64)
    assert array.cost(op_call(kind, {"m": 10, "n": 640})).cycles == 100 * passes


@given(st.sampled_from(Dataflow), st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_never_faster_than_its_multipliers(dataflow: Dataflow, m: int, n: int, k: int) -> None:
    for rows, cols in product((8, 32), (8, 16)):
        assert array_cycles(dataflow, rows, cols, m=m, n=n, k=k) * rows * cols >= m * n * k
