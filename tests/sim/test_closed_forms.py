"""Bounds over loops and the controller's passes, each against the long way round."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.core.errors import UnknownName
from archsim.core.quantities import Frequency
from archsim.ir.block import Block
from archsim.models.pim_dram.asic import AsicBlock
from archsim.models.pim_dram.build import ASIC_KERNELS
from archsim.models.pim_dram.spec import Asic
from archsim.sim import roofline
from tests.sim.pim_cases import Case as PimCase
from tests.sim.pim_cases import cases as pim_cases
from tests.sim.programs import Case, programs
from tests.sim.reference import instances
from tests.sim.synthetic import Plain

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
KERNELS = sorted(ASIC_KERNELS - {"finish", "combine"})


def summed(body: tuple[object, ...], blocks: dict[str, Block]) -> dict[tuple[str, str], int]:
    """(op, unit) -> bound, one instance after the other."""
    out: dict[tuple[str, str], int] = defaultdict(int)
    for task, env in instances(body, {}):  # type: ignore[arg-type]
        args = {name: np.array([int(value.at(env))]) for name, value in task.args.items()}
        out[task.op, task.unit] += int(blocks[task.unit].bound(task.kernel, args)[0])
    return dict(out)


@pytest.mark.parametrize("chunk", [1 << 16, 3])
def test_bounds_are_sums_over_all_instances(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "CHUNK", chunk)

    @settings(CI, max_examples=100)
    @given(programs())
    def check(case: Case) -> None:
        units = {unit.name: Plain(unit.name, 2 + i) for i, unit in enumerate(case.units)}
        blocks: dict[str, Block] = dict(units)
        found, right = roofline.bounds(case.body, blocks), summed(case.body, blocks)
        assert {key: value for key, value in found.by_op_unit.items() if value} == {k: v for k, v in right.items() if v}
        assert sum(found.by_op.values()) == sum(found.by_unit.values()) == sum(right.values())
        assert found.total == max(found.by_unit.values())
        assert found.by_unit[found.busiest] == found.total

    check()


@settings(CI, max_examples=40)
@given(pim_cases())
def test_bounds_of_pim_programs_are_sums_too(case: PimCase) -> None:
    _, mapping = case.lowered()
    blocks = dict(case.design.blocks())
    assert dict(roofline.bounds(mapping.body, blocks).by_op_unit) == summed(mapping.body, blocks)


@given(st.sampled_from(KERNELS), st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3000)), min_size=1, max_size=5))
def test_the_controller_answers_lanes_like_single_calls(kernel: str, lanes: list[tuple[int, int]]) -> None:
    block = AsicBlock(Asic(), 2)
    args = {"m": np.array([m for m, _ in lanes]), "n": np.array([n for _, n in lanes])}
    out = block.run(kernel, args, block.initial()[None, :], np.zeros(1, dtype=np.int64))
    bound = block.bound(kernel, args)
    for i, (m, n) in enumerate(lanes):
        one = block.step(kernel, {"m": m, "n": n}, block.initial(), 0, 0)
        assert one.done == one.free == out.done[i] >= bound[i] >= 0
        assert {name: int(value[i]) for name, value in out.counters.items()} == dict(one.counters)
        assert one.counters[f"t_{kernel}"] == one.done
        assert one.counters["adds"] + one.counters["muls"] >= m * n


@given(st.sampled_from(KERNELS), st.integers(1, 50), st.integers(1, 50), st.integers(0, 5), st.integers(0, 5))
def test_more_work_never_takes_the_controller_less_time(kernel: str, m: int, n: int, rows: int, columns: int) -> None:
    block = AsicBlock(Asic(adders=7, multipliers=5), 2)
    small = block.step(kernel, {"m": m, "n": n}, block.initial(), 0, 0)
    large = block.step(kernel, {"m": m + rows, "n": n + columns}, block.initial(), 0, 0)
    assert large.done >= small.done


@given(st.integers(1, 10**12), st.integers(1, 10**4), st.sampled_from([1, 256]))
def test_cycles_become_picoseconds_rounded_up_at_any_clock(hz: int, elements: int, adders: int) -> None:
    """A sum of n elements on one adder takes n cycles, whatever the clock; also where the product exceeds 64 bits."""
    block = AsicBlock(Asic(clock=Frequency(hz), adders=adders, pipeline=0), 2)
    time = block.step("add", {"m": 1, "n": elements}, block.initial(), 0, 0).done
    cycles = -(-elements // adders)
    assert time == -(-cycles * 10**12 // hz) == Frequency(hz).ps(cycles)


def test_an_unknown_function_is_named() -> None:
    block = AsicBlock(Asic(), 2)
    with pytest.raises(UnknownName, match="unknown controller function 'sofmax', did you mean 'softmax'"):
        block.step("sofmax", {"m": 1, "n": 1}, block.initial(), 0, 0)
