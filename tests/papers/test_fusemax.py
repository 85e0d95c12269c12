"""Do the closed forms give what FuseMax published, to the last digit where it is one formula?

The numbers and what is stated for each are those of `archsim reproduce fusemax`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from statistics import geometric_mean, mean

import pytest

import archsim
from archsim.api.papers.case import Row
from archsim.api.papers.fusemax import EXACT, cases, means
from archsim.api.papers.fusemax_points import CONFIGS, LENGTHS, MODELS, Result, attention, layer, operator

CASES = cases()
GROUPS = sorted({case.group for case in CASES})
Part = Callable[[str, str, int], Result]


@pytest.mark.parametrize("group", GROUPS)
def test_every_number_is_within_what_is_stated(group: str) -> None:
    rows = [Row("fusemax", case, case.simulate()) for case in CASES if case.group == group]
    assert [(row.case.case, row.case.metric, row.relative_error) for row in rows if not row.within] == []


def test_what_is_one_formula_is_stated_as_exact() -> None:
    """Time, traffic and utilisation of the fused configurations, the sweep, FLAT's own model: nine digits."""
    exact = [
        case
        for case in CASES
        if case.group.startswith(("attention, flat", "attention, +", "Pareto", "FLAT"))
        and "energy" not in case.metric
        and not case.metric.endswith("_vs_unfused")
    ]
    assert len(exact) > 1000
    assert all(case.tolerance <= EXACT for case in exact)
    assert Counter(case.status for case in CASES if case.metric == "latency") == {"predicted": 80 + 32 + 16}


def test_every_configuration_model_and_length_is_there() -> None:
    seen = {tuple(case.case.split()[1:]) for case in CASES if case.group.startswith("attention, ")}
    assert {config for config, _, _ in seen} == set(CONFIGS)
    assert {model for _, model, _ in seen} == set(MODELS)
    assert {int(length) for _, _, length in seen} <= set(LENGTHS)
    assert len(seen) == 80


def ratios(part: Part, metric: str) -> list[float]:
    """FuseMax and FLAT at all 24 published points."""
    return list(means(part, metric, "fusemax", "flat"))


def test_published_means_are_arithmetic() -> None:
    """6.7 times as fast on attention and 5.3 times end to end are arithmetic means; geometric ones are smaller."""
    speedups, layers = (ratios(part, "speedup") for part in (attention, layer))
    assert (round(mean(speedups), 1), round(geometric_mean(speedups), 1)) == (6.7, 6.5)
    assert (round(mean(layers), 1), round(geometric_mean(layers), 1)) == (5.3, 4.6)


def test_published_energy_is_reached() -> None:
    """79 % of FLAT's energy on attention and 83 % end to end, within the sweep that FLAT's numbers have besides."""
    for part, stated in ((attention, 0.79), (layer, 0.83)):
        assert mean(ratios(part, "energy_ratio")) == pytest.approx(stated, abs=0.015)


def test_corrected_machines_take_a_fifth_more() -> None:
    """For registers of all PEs and leakage; both of them, so that their ratio moves little."""
    for point in (("BERT", 4096), ("XLM", 65536)):
        for machine in ("fusemax", "flat"):
            plan = "published" if machine == "flat" else None
            corrected = attention(machine, *point, "corrected", plan)
            assert 1.15 < corrected.energy_pj / attention(machine, *point).energy_pj < 1.3


def test_a_plan_of_its_own_makes_flat_no_slower() -> None:
    """With all tensors of a pass on chip it moves less, and takes no longer at any published point."""
    for model in MODELS:
        for length in LENGTHS:
            known, best = (attention("flat", model, length, "corrected", p) for p in ("published", "least_traffic"))
            assert best.bytes <= known.bytes
            assert best.seconds <= known.seconds


def test_the_command_line_gives_the_same() -> None:
    """Through mapper, check and report: one point of each configuration."""
    for design in CONFIGS.values():
        report = archsim.run(
            design, MODELS["BERT"].attention(4096), fidelity="roofline", set={"energy.mode": "artifact"}
        )
        direct = operator(design, MODELS["BERT"].attention(4096))
        assert report.seconds == pytest.approx(direct.seconds, rel=EXACT), design
        assert sum(report.traffic["dram"]) == direct.bytes
        assert report.energy_joules * 1e12 == pytest.approx(direct.energy_pj, rel=1e-9)
        assert report.fidelity == "roofline"
