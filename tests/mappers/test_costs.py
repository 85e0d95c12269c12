"""What a component may answer when asked for a cost, and what it is told when it answers something else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim import run
from archsim.core.errors import BadInput
from archsim.core.quantities import Bandwidth, Time
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.opblock import OpBlock, PriceOf, op_call
from archsim.models.baseline import EagerProcessor
from archsim.units.systolic import Dataflow, Systolic

SIZES = {"m": 8, "n": 8, "k": 8}


class Answering(Component, kind="test_answering"):
    """Answers what the test wants."""

    def cost(self, op: OpCall) -> Cost | None:
        answer: Cost | None = ANSWER[0]
        return answer

    def floor(self, op: OpCall) -> int:
        cycles: int = FLOOR[0]
        return cycles


class Asked(Design, kind="test_asked"):
    """One unit that answers anything."""

    unit: Answering = Answering()
    """It."""


ANSWER: list[Any] = [None]
FLOOR: list[Any] = [0]


@pytest.fixture(autouse=True)
def fresh() -> None:
    ANSWER[0], FLOOR[0] = Cost(10), 0


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (5, "archsim.Cost(cycles=...)"),
        ("fast", "archsim.Cost(cycles=...)"),
        (Cost(-5), "cycles >= 0"),
        (Cost(None), "cycles >= 0"),  # type: ignore[arg-type]
        (Cost(True), "cycles >= 0"),
        (Cost(2.5), "cycles is an int"),  # type: ignore[arg-type]
        (Cost(5, energy_pj=-1), "energy_pj >= 0"),
        (Cost(5, energy_pj=float("nan")), "energy_pj >= 0"),
        (Cost(5, energy_pj=float("inf")), "energy_pj >= 0"),
        (Cost(5, energy_pj=None), "energy_pj >= 0"),  # type: ignore[arg-type]
        (Cost(5, bytes_read=-1), "bytes_read is an int >= 0"),
        (Cost(5, bytes_written=1.5), "bytes_written is an int >= 0"),  # type: ignore[arg-type]
        (Cost(10**30), "at most 1000000 s"),
    ],
)
def test_a_wrong_cost_is_refused_wherever_it_is_asked_for(answer: Any, right: str) -> None:
    ANSWER[0] = answer
    part = Answering()
    for ask in (
        lambda: PriceOf("unit", part)("matmul", SIZES),
        lambda: OpBlock("unit", part).step("matmul", SIZES, OpBlock("unit", part).initial(), 0, 0),
        lambda: run(Asked(), "gemm:8,8,8"),
    ):
        with pytest.raises(BadInput, match="unit 'unit': cost\\(\\) answered") as caught:
            ask()
        assert right in caught.value.right


def test_a_price_is_a_time_or_none() -> None:
    assert PriceOf("unit", Answering())("matmul", SIZES) == 10_000
    ANSWER[0] = None
    assert PriceOf("unit", Answering())("matmul", SIZES) is None


@pytest.mark.parametrize("floor", [11, -1, 0.5, None])
def test_a_floor_is_never_above_the_cost(floor: Any) -> None:
    FLOOR[0] = floor
    with pytest.raises(BadInput, match="floor"):
        run(Asked(), "gemm:8,8,8")


def test_the_bound_is_the_floor_and_not_the_cost_itself() -> None:
    FLOOR[0] = 4
    report = run(Asked(), "gemm:8,8,8")
    assert (report.lower_bound_ps, report.total_ps) == (4_000, 10_000)
    FLOOR[0] = 0
    silent = run(Asked(), "gemm:8,8,8")
    assert (silent.lower_bound_ps, silent.total_ps) == (0, 10_000)
    assert silent.bound_by == "unit, busy 100 % of the time"


def test_a_roofline_without_any_floor_is_refused() -> None:
    with pytest.raises(BadInput, match="none of its units says what nothing could beat"):
        run(Asked(), "gemm:8,8,8", fidelity="roofline")


sizes = st.integers(1, 3000)
KINDS = ("matmul", "softmax", "gelu", "rmsnorm", "kv_append")


@given(sizes, sizes, sizes, st.sampled_from(KINDS), st.sampled_from(Dataflow), st.sampled_from(["1 GB/s", "1 TB/s"]))
def test_an_array_is_never_below_its_floor(
    m: int, n: int, k: int, kind: str, dataflow: Dataflow, bandwidth: str
) -> None:
    array = Systolic(rows=16, cols=32, dataflow=dataflow, bandwidth=Bandwidth(bandwidth))
    call = op_call(kind, {"m": m, "n": n, **({"k": k} if kind == "matmul" else {})})
    assert 0 <= array.floor(call) <= array.cost(call).cycles


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 99), st.integers(1, 999), st.booleans())
def test_attention_is_never_below_its_floor(b: int, kv: int, group: int, q: int, t: int, causal: bool) -> None:
    dims = {"b": b, "h": kv * group, "kv": kv, "q": q, "t": q + t, "d": 64, "causal": int(causal)}
    for kind in ("attention_scores", "attention_values"):
        call = op_call(kind, dims)
        for part in (Systolic(rows=8, cols=8), EagerProcessor(launch=Time(0))):
            assert 0 <= part.floor(call) <= part.cost(call).cycles


@given(sizes, sizes, sizes, st.sampled_from(KINDS))
def test_a_processor_at_full_peak_meets_its_floor_at_best(m: int, n: int, k: int, kind: str) -> None:
    ideal = EagerProcessor(launch=Time(0), bandwidth_share=1.0, macs_share=1.0)
    call = op_call(kind, {"m": m, "n": n, **({"k": k} if kind == "matmul" else {})})
    assert 0 <= ideal.floor(call) <= ideal.cost(call).cycles
    assert ideal.floor(call) == EagerProcessor().floor(call)


def test_a_t4_is_far_above_what_the_chip_could_do() -> None:
    report = run("t4", "gpt2-small", phase="decode")
    assert report.seconds > 2 * report.lower_bound_seconds > 0
    assert report.bound_by.startswith("processor, busy ")
