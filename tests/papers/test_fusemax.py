"""Do the closed forms give what FuseMax published, to the last digit where it is one formula?

tests/data/fusemax_reference.csv holds rows of the tables in FPSG-UIUC/micro24-fusemax-artifact (its source column says
which) and four numbers of the paper's text.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import geometric_mean, mean

import pytest

import archsim
from archsim.workloads.single import Operator
from tests.models_spatial.spatial_reference import Point, points
from tests.models_spatial.steady_results import (
    CONFIGS,
    LENGTHS,
    MODELS,
    Result,
    attention,
    layer,
    linear,
    operator,
    published,
    result,
)

ATTENTION = {point: columns for point, (_, columns) in points("attention").items() if point[0] in CONFIGS}
LINEAR = {point: columns for point, (_, columns) in points("linear_layers").items()}
END_TO_END = {point: columns for point, (_, columns) in points("end2end").items() if point[0] in CONFIGS}
PARETO = points("pareto_256K")
EXACT = 1e-9
"""Relative; times are whole picoseconds."""
GRID = [(model, length) for model in MODELS for length in LENGTHS]


def label(point: Point) -> str:
    """Of a test."""
    return "-".join(map(str, point)).replace(" ", "-")


@pytest.mark.parametrize("point", ATTENTION, ids=label)
def test_attention_time_traffic_and_utilisation(point: Point) -> None:
    """Exact for the fused configurations; Timeloop's mapper chose tilings for the unfused one."""
    config, model, length = point
    ours, theirs = attention(CONFIGS[config], model, length), ATTENTION[point]
    rel = 0.004 if config == "unfused" else EXACT
    assert ours.seconds == pytest.approx(theirs["latency"], rel=rel)
    assert ours.bytes == pytest.approx(theirs["dram_traffic"], rel=rel)
    assert ours.ratios["util_2d"] == pytest.approx(theirs["util_2d"], rel=rel)
    assert ours.ratios["util_1d"] == pytest.approx(theirs["util_1d"], rel=rel)
    for metric, value in theirs.items():
        if metric.startswith("util_2d_"):
            assert ours.ratios[f"util.{metric.removeprefix('util_2d_')}"] == pytest.approx(value, rel=rel)
        if metric.startswith("einsum_cycles_"):
            assert ours.cycles(metric.removeprefix("einsum_cycles_")) == pytest.approx(value, rel=rel)


@pytest.mark.parametrize("point", ATTENTION, ids=label)
def test_attention_energy(point: Point) -> None:
    """Within a thousandth; FLAT's published energies hold one more sweep over the scores from 64K on, 3 % of them."""
    config, model, length = point
    ours, theirs = attention(CONFIGS[config], model, length).energy_pj, ATTENTION[point]["energy"]
    if config == "flat" and length >= 65536:
        assert 0.97 * theirs <= ours <= theirs
    else:
        assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("point", LINEAR, ids=label)
def test_linear_layers(point: Point) -> None:
    """Time is exact; traffic too, but for XLM, where Timeloop's mapper moves more than the best loop order."""
    config, model, length = point
    ours, theirs = linear(config, model, length), LINEAR[point]
    # six products, each rounded up to a picosecond
    assert ours.seconds == pytest.approx(theirs["latency"], rel=EXACT, abs=6e-12)
    if model == "XLM":
        assert 0.7 * theirs["dram_traffic"] < ours.bytes < theirs["dram_traffic"]
    else:
        assert ours.bytes == theirs["dram_traffic"]
    assert ours.energy_pj == pytest.approx(theirs["energy"], rel=3e-3 if model == "XLM" else 1e-5)


@pytest.mark.parametrize("point", END_TO_END, ids=label)
def test_end_to_end(point: Point) -> None:
    """A layer beside the same layer without fusion; the baseline of both is the unfused one."""
    config, model, length = point
    ours, base, theirs = layer(CONFIGS[config], model, length), layer("unfused", model, length), END_TO_END[point]
    assert base.seconds / ours.seconds == pytest.approx(theirs["speedup_vs_unfused"], rel=0.003)
    loose = config == "flat" and length >= 65536
    assert ours.energy_pj / base.energy_pj == pytest.approx(
        theirs["energy_ratio_vs_unfused"], rel=0.03 if loose else 3e-3
    )


@pytest.mark.parametrize("point", PARETO, ids=label)
def test_pareto_sweep(point: Point) -> None:
    """Time, traffic, and what bounds them, of every array size; its area is in tests/models_spatial/test_area.py."""
    row, theirs = PARETO[point]
    side, head = int(point[0].partition("=")[2]), int(row["d_head"])
    design = published("fusemax").vary(array_2d={"rows": side}, buffer={"sizing": "balanced", "head": head})
    ours = result(design, Operator(op=MODELS[point[1]].attention(point[2])).expand())
    assert ours.seconds == pytest.approx(theirs["latency"], rel=EXACT)
    assert ours.bytes == theirs["dram_traffic"]
    assert ours.ratios["util_2d"] * ours.seconds == pytest.approx(theirs["comp_2d_lat"], rel=EXACT)
    assert ours.ratios["util_1d"] * ours.seconds == pytest.approx(theirs["comp_1d_lat"], rel=EXACT)
    assert ours.bytes / design.arrays.bandwidth == pytest.approx(theirs["mem_lat"], rel=EXACT)


def ratios(part: Callable[[str, str, int], Result], what: Callable[[Result], float]) -> list[float]:
    """FLAT over FuseMax at all 24 published points."""
    return [what(part("flat", *point)) / what(part("fusemax", *point)) for point in GRID]


def test_published_means_are_arithmetic() -> None:
    """6.7 times as fast on attention and 5.3 times end to end are arithmetic means; geometric ones are smaller."""
    speedups, layers = (ratios(part, lambda r: r.seconds) for part in (attention, layer))
    assert (round(mean(speedups), 1), round(geometric_mean(speedups), 1)) == (6.7, 6.5)
    assert (round(mean(layers), 1), round(geometric_mean(layers), 1)) == (5.3, 4.6)


def test_published_energy_is_reached() -> None:
    """79 % of FLAT's energy on attention and 83 % end to end, within the sweep that FLAT's numbers have besides."""
    for part, stated in ((attention, 0.79), (layer, 0.83)):
        share = mean(1 / ratio for ratio in ratios(part, lambda r: r.energy_pj))
        assert share == pytest.approx(stated, abs=0.015)


def test_corrected_machines_take_a_fifth_more() -> None:
    """For registers of all PEs and leakage; both of them, so that their ratio moves little."""
    for point in (("BERT", 4096), ("XLM", 65536)):
        for machine in ("fusemax", "flat"):
            assert 1.15 < attention(machine, *point, "corrected").energy_pj / attention(machine, *point).energy_pj < 1.3


def test_the_command_line_gives_the_same() -> None:
    """Through mapper, check and report: one point of each configuration."""
    for config, design in CONFIGS.items():
        report = archsim.run(
            design, MODELS["BERT"].attention(4096), fidelity="roofline", set={"energy.mode": "artifact"}
        )
        direct = operator(design, MODELS["BERT"].attention(4096))
        assert report.seconds == pytest.approx(direct.seconds, rel=EXACT), config
        assert sum(report.traffic["dram"]) == direct.bytes
        assert report.energy_joules * 1e12 == pytest.approx(direct.energy_pj, rel=1e-9)
        assert report.fidelity == "roofline"
