"""Row ops on the 1D array: is every op there, and does it move and count what it must?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.footprint import PAIR_KINDS, ROW_KINDS, footprint
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem
from archsim.units.spatial.unfused import DATAFLOW
from archsim.units.spatial.vector_ops import OPS, operation_counts, steady
from tests.units_spatial.onepass_cases import CI, machine, machines

KINDS = st.sampled_from(sorted(OPS))
ROWS, COLUMNS = st.integers(1, 40), st.integers(1, 400)
WORK = ("mac", "mul", "add", "max", "exp", "div")


def test_every_op_without_a_product_is_there() -> None:
    assert set(OPS) == {*ROW_KINDS, *PAIR_KINDS, "embedding"}


@CI
@given(KINDS, ROWS, COLUMNS, st.data())
def test_traffic_is_the_footprint_and_gains(kind: str, m: int, n: int, data: st.DataObject) -> None:
    arrays = data.draw(machines())  # rows fit its buffer
    size, run = footprint(kind, {"m": m, "n": n}), steady(kind, m, n, arrays)
    assert run.read == arrays.word_bytes * (size.inputs + size.weights + OPS[kind].gains * n)
    assert run.written == arrays.word_bytes * size.outputs


@CI
@given(KINDS, ROWS, COLUMNS, st.data())
def test_lanes_do_no_more_than_one_operation_at_a_time(kind: str, m: int, n: int, data: st.DataObject) -> None:
    arrays = data.draw(machines())
    run = steady(kind, m, n, arrays)
    work = sum(run.counts[VECTOR].get(name, 0) for name in WORK)
    assert work <= run.cycles * arrays.lanes * arrays.copies
    assert run.cycles == sum(cycles for _, cycles in run.einsums.values()) == run.busy[VECTOR]
    assert run.busy[ARRAY] == 0
    assert run.seconds == max(run.cycles / arrays.clock, (run.read + run.written) / arrays.bandwidth)


@CI
@given(KINDS, st.integers(1, 9), st.integers(1, 9), st.integers(2, 5))
def test_full_lanes_have_no_idle_turns(kind: str, rows: int, columns: int, lanes: int) -> None:
    arrays = replace(machine(), lanes=lanes, vector_cycles=dict.fromkeys(machine().vector_cycles, 1))
    run = steady(kind, rows * lanes, columns * lanes, arrays)
    assert run.cycles * lanes == sum(run.counts[VECTOR].get(name, 0) for name in WORK)


@CI
@given(KINDS, ROWS, COLUMNS, st.integers(1, 5))
def test_rows_add_up(kind: str, m: int, n: int, times: int) -> None:
    one, more = operation_counts(kind, m, n), operation_counts(kind, times * m, n)
    gains = OPS[kind].gains * n
    one["buffer_write"] -= gains
    more["buffer_write"] -= gains
    assert more == {name: times * count for name, count in one.items()}


@CI
@given(st.integers(1, 3), ROWS, COLUMNS, st.data())
def test_softmax_alone_is_that_of_unfused_attention(heads: int, m: int, n: int, data: st.DataObject) -> None:
    arrays, problem = replace(data.draw(machines("unfused")), copies=1), Problem(1, heads, heads, m, n, 4)
    attention = DATAFLOW.steady(problem, arrays, DATAFLOW.plan(problem, arrays))
    alone = steady("softmax", heads * m, n, arrays)
    assert alone.busy[VECTOR] == attention.busy[VECTOR]
    assert alone.counts[VECTOR] == attention.counts[VECTOR]
    assert {name: attention.einsums[name] for name in alone.einsums} == alone.einsums


@CI
@given(KINDS, ROWS, st.integers(2, 400), st.integers(1, 400))
def test_only_ops_that_take_rows_twice_spill(kind: str, m: int, n: int, words: int) -> None:
    fits, spills = (steady(kind, m, n, replace(machine(), buffer_bytes=2 * size)) for size in (n, words))
    twice = OPS[kind].again != (0, 0)
    assert (spills.read > fits.read) == (twice and words < n)
    assert twice == (kind in ("softmax", "layernorm", "rmsnorm"))


def test_what_cannot_run() -> None:
    with pytest.raises(UnknownName, match="softmax"):
        steady("softmx", 1, 1, machine())
    with pytest.raises(BadInput, match=r"gelu\.div needs div over ranks m,n, which no PE of array_1d"):
        steady("gelu", 1, 1, replace(machine(), vector_cycles={"mac": 1, "mul": 1, "add": 1, "sub_exp": 1}))
    with pytest.raises(BadInput, match="at least one row"):
        steady("relu", 0, 1, machine())
