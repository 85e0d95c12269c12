"""Is the processing element what the simulator charges, and does it compute a softmax?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from archsim.api.cases import prepare
from archsim.api.designs import load_design
from archsim.api.running import execute
from archsim.core.errors import BadInput
from archsim.hdl.replay_pe import Pass, replay_passes
from archsim.hdl.verify.native import amaranth_run
from archsim.sim.stepper import unroll
from archsim.units.cores import softfloat as sf
from archsim.units.cores.core import Beat
from archsim.units.cores.fusemax_pe import FusemaxPe, operation, running_softmax

ARRAY = "array_2d"


class Spans:
    """Keeps when the array was busy, and with which task."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def span(self, unit: str, what: str, start: int, end: int, args: Mapping[str, int | str]) -> None:
        if unit == ARRAY:
            self.seen.append((str(args["task"]), start, end))

    def count(self, unit: str, counter: str, at: int, value: int) -> None:
        pass


def simulated(**sets: object) -> list[Pass]:
    """Two tiles of attention, as the 2D array of FuseMax computes them."""
    case = prepare("fusemax", "attention:1,1,1,256,512,64", set=sets)
    spans = Spans()
    outcome = execute(case, fast_forward=False, observers=(spans,))
    tasks = {
        task.name: (task.kernel, task.args["depth"].at(env))
        for task, env, _ in unroll(outcome.mapping.body)
        if task.unit == ARRAY and task.args["depth"].at(env)  # without operations, only results ripple out
    }
    cycles = [(name, round(start * 940e-6), round(end * 940e-6)) for name, start, end in spans.seen]
    return [Pass(*tasks[name], start, end) for name, start, end in cycles if name in tasks]


def values(beats: list[Beat]) -> list[float]:
    return [float(sf.from_bits(int(str(beat["y"])))) for beat in FusemaxPe().golden(beats)]


def test_a_simulated_tile_drives_the_rtl_and_every_pass_ends_in_the_same_cycle() -> None:
    passes = simulated()
    assert [one.operator for one in passes].count("sub_exp") == 2
    found = replay_passes(FusemaxPe(), passes)
    assert found.started == tuple(one.start for one in passes)
    assert found.freed == tuple(one.free for one in passes)
    assert sum(free - start for start, free in zip(found.started, found.freed, strict=True)) == 2 * 137


def test_slots_of_the_exponential_move_rtl_and_simulator_together_and_apart_they_are_noticed() -> None:
    slower = simulated(**{"array_2d.pe.exp_macs": 8})
    assert replay_passes(FusemaxPe(exp_macs=8), slower).freed == tuple(one.free for one in slower)
    assert replay_passes(FusemaxPe(), slower).freed != tuple(one.free for one in slower)


@pytest.mark.parametrize("exp_macs", [4, 6, 8])
def test_the_model_charges_what_operators_take(exp_macs: int) -> None:
    spec = FusemaxPe(exp_macs=exp_macs)
    charged = load_design("fusemax", set={"array_2d.pe.exp_macs": exp_macs}).array_2d.pe.cycles()  # type: ignore[attr-defined]
    assert charged == spec.occupancy
    for name, cycles in charged.items():
        beats = [operation("mac" if name == "mul" else name, 0.5, 1.0, first=True)] * 3
        timing = amaranth_run(spec, beats).timing
        assert timing.accepted == (0, cycles, 2 * cycles)
        assert timing.left == (cycles, 2 * cycles, 3 * cycles)


def test_the_default_is_the_one_of_the_artifact() -> None:
    assert FusemaxPe().occupancy == {"mac": 1, "mul": 1, "add": 1, "max": 1, "sub_exp": 7}
    assert load_design("fusemax").array_2d.pe.exp_macs == 6  # type: ignore[attr-defined]


@pytest.mark.parametrize("exp_macs", range(4, 9))
def test_exponentials_are_as_accurate_as_their_polynomial(exp_macs: int) -> None:
    measured = FusemaxPe(exp_macs=exp_macs).accuracy()
    assert measured.error <= measured.bar
    assert measured.error > measured.bar / 10  # a bar that says something


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (0.0, 0.0, 1.0),
        (-np.inf, 3.0, 0.0),
        (np.inf, 3.0, np.inf),
        (3.0, -np.inf, np.inf),
        (np.inf, np.inf, np.nan),
        (np.nan, 0.0, np.nan),
        (-200.0, 0.0, 0.0),
        (200.0, 0.0, np.inf),
        (1e-40, -1e-40, 1.0),
        (-88.0, 0.0, 0.0),
    ],
)
def test_specials_of_the_exponential(a: float, b: float, expected: float) -> None:
    np.testing.assert_equal(values([operation("sub_exp", a, b)]), [expected])


def test_a_running_softmax_keeps_maximum_and_sum() -> None:
    scores = np.random.default_rng(3).normal(0, 4, 40)
    results = values(running_softmax(scores.tolist()))
    assert results[-4] == np.float32(scores.max())
    total = np.exp(scores - scores.max()).sum()
    assert results[-1] == pytest.approx(total, rel=1e-6)
    # Every exponential that the sums are made of is what the element itself computes, within its accuracy.
    powers = [results[4 * index + 2] for index in range(40)]
    exact = np.exp(scores - np.maximum.accumulate(scores))
    np.testing.assert_allclose(powers, exact, rtol=1e-5)


def test_exponentials_leave_sum_and_maximum_alone() -> None:
    before = [operation("mac", 3.0, 2.0, first=True), operation("max", 5.0, first=True)]
    after = [operation("add", 1.0), operation("max", 2.0)]
    assert values([*before, operation("sub_exp", 1.0, 4.0), *after])[-2:] == [7.0, 5.0]


def test_what_no_element_does_is_refused() -> None:
    with pytest.raises(BadInput, match="operator 'div'"):
        replay_passes(FusemaxPe(), [Pass("div", 1, 0, 1)])
    with pytest.raises(ValueError, match="greater than or equal to 4"):
        FusemaxPe(exp_macs=3)


def test_a_pass_offered_late_starts_late() -> None:
    """The replay does not follow the schedule by construction: the clock of the RTL says when."""
    one = Pass("mac", 3, 5, 8)
    crowded = [one, replace(one, start=6, free=9)]
    assert replay_passes(FusemaxPe(), crowded).freed == (8, 11)
