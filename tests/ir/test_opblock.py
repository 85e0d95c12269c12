"""Custom components as units: asked once per shape, checked, and the same on many lanes as on one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.core.quantities import Frequency
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.footprint import footprint, volume
from archsim.ir.opblock import OpBlock, op_call, op_units

ASKED: Counter[tuple[str, int]] = Counter()


class Tiny(Component, kind="test_tiny"):
    """Products and softmax; remembers what it was asked."""

    clock: Frequency = Frequency("400 MHz")
    per_cycle: int = 7
    """MACs per cycle."""

    def cost(self, op: OpCall) -> Cost | None:
        ASKED[op.kind, op.dims.get("m", 0)] += 1
        if op.kind == "add":
            return None
        if op.kind == "softmax":
            return Cost(op.dims["n"], 1.25, bytes_read=3, bytes_written=5)
        return Cost(-(-op.macs // self.per_cycle), 0.5 * op.macs)


class Machine(Design, kind="test_tiny_machine"):
    """One unit."""

    tiny: Tiny = Tiny()
    """The unit."""


def block() -> OpBlock:
    ASKED.clear()
    return OpBlock("tiny", Tiny())


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=12))
def test_lanes_agree_with_single_ops_and_share_answers(lanes: list[tuple[int, int]]) -> None:
    many = block()
    args = {"m": np.array([m for m, _ in lanes]), "n": np.array([n for _, n in lanes]), "k": np.array([6])}
    out = many.run("matmul", args, many.initial()[None, :], np.zeros(1, dtype=np.int64))
    assert max(ASKED.values()) <= len({n for _, n in lanes})
    assert sum(ASKED.values()) == len(set(lanes))
    for i, (m, n) in enumerate(lanes):
        one = block().step("matmul", {"m": m, "n": n, "k": 6}, many.initial(), 0, 0)
        lane = i if len(out.done) > 1 else 0
        assert one.done == one.free == out.done[lane] == -(-m * n * 6 // 7) * 2500
        assert {name: int(value[lane]) for name, value in out.counters.items()} == dict(one.counters)
        assert one.counters["macs"] == m * n * 6
        assert one.counters["energy_nj"] * 10**6 + one.counters["energy_fj"] == 500 * m * n * 6
        assert many.energy(one.counters, 10**12) == {"tiny": 500 * m * n * 6}
    assert not many.bound("matmul", args).any()


class Fast(Tiny, kind="test_fast"):
    """Says what no machine of its kind could beat."""

    promise: int = 1
    """Cycles."""

    def floor(self, op: OpCall) -> int:
        return self.promise


def test_a_floor_is_the_bound_and_may_not_lie_above_the_cost() -> None:
    args = {"m": np.array([1, 2]), "n": np.array([7]), "k": np.array([2])}
    assert OpBlock("fast", Fast()).bound("matmul", args).tolist() == [2500, 2500]
    with pytest.raises(BadInput, match=r"unit 'fast': floor\(\) answered 3 cycles"):
        OpBlock("fast", Fast(promise=3)).bound("matmul", args)


@given(st.sampled_from([4, 8, 16, 32]), st.sampled_from([4, 8, 16]), st.integers(1, 9), st.booleans())
def test_bytes_come_from_the_elements_and_their_widths(act: int, weight: int, n: int, causal: bool) -> None:
    dims = {"m": 3, "n": n, "k": 5}
    call = op_call("matmul", {**dims, "act_bits": act, "weight_bits": weight, "causal": 0})
    assert call.dims == dims
    assert call.bytes_stored == -(-n * 5 * weight // 8)
    assert call.bytes_in == call.bytes_stored + -(-3 * 5 * act // 8)
    assert call.bytes_out == -(-3 * n * act // 8)
    heads = {"b": 1, "h": 2, "kv": 1, "q": n, "t": n + 3, "d": 4}
    scores = op_call("attention_scores", {**heads, "act_bits": act, "weight_bits": weight, "causal": int(causal)})
    assert scores.macs == volume("attention_scores", heads, causal=causal)
    assert scores.bytes_stored == -(-footprint("attention_scores", heads).kv * act // 8)


def test_a_cost_may_say_its_own_bytes() -> None:
    counters = block().step("softmax", {"m": 2, "n": 9}, np.zeros(0, dtype=np.int64), 0, 0).counters
    assert (counters["bytes_read"], counters["bytes_written"], counters["energy_fj"]) == (3, 5, 1250)


def test_what_a_unit_cannot_do_is_no_option_and_never_runs() -> None:
    (unit,) = op_units(Machine())
    assert unit.unit == "tiny"
    assert unit.price("add", {"m": 1, "n": 1}) is None
    assert unit.price("matmul", {"m": 1, "n": 7, "k": 1}) == 2500
    with pytest.raises(BadInput, match=r"unit 'tiny' .* cannot execute 'add'"):
        block().step("add", {"m": 1, "n": 1}, np.zeros(0, dtype=np.int64), 0, 0)


@pytest.mark.parametrize("cost", [Cost(-1), Cost(1, -2.0), Cost(1, float("nan")), Cost(1.5)])  # type: ignore[arg-type]
def test_impossible_costs_are_refused_with_advice(cost: Cost) -> None:
    class Liar(Component, kind="test_liar"):
        """Answers nonsense."""

        def cost(self, op: OpCall) -> Cost | None:
            return cost

    wrong = "cycles" if cost.energy_pj == 0 else "energy_pj"
    with pytest.raises(BadInput, match=rf"unit 'liar': cost\(\) answered .* for 'gelu'\s+{wrong} is"):
        OpBlock("liar", Liar()).step("gelu", {"m": 1, "n": 1}, np.zeros(0, dtype=np.int64), 0, 0)


def test_a_design_without_units_says_what_to_write() -> None:
    class Empty(Design, kind="test_empty"):
        """Nothing."""

    with pytest.raises(BadInput, match="no unit that executes anything"):
        Empty().capabilities()
