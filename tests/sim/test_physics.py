"""Physics as tests: no run beats its bound; a slower machine or a larger work never finishes earlier."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.core.quantities import BitRate, Time
from archsim.mappers.pim import PimMapper
from archsim.models.pim_dram.spec import PimDram
from archsim.sim.roofline import bounds
from archsim.workloads.transformer import Transformer
from tests.sim.pim_cases import Case, cases

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def decode(model: str = "gpt2-small", design: PimDram | None = None, **counts: int) -> Case:
    return Case(
        design or PimDram(), Transformer.model_validate({"model": model, "phase": "decode", **counts}), PimMapper()
    )


@settings(CI, max_examples=150)
@given(cases())
def test_never_faster_than_the_peak_rates(case: Case) -> None:
    """By the design's own roofline, and by multiplier count and pin rate alone."""
    graph, mapping = case.lowered()
    trace, pim, asic = case.run(), case.design.pim, case.design.asic
    assert trace.total_ps >= bounds(mapping.body, case.design.blocks()).total
    slots = pim.channels * pim.banks * pim.lanes
    assert trace.total_ps * slots >= graph.macs * pim.mac_ps
    written = sum(2 * op.dims["n"].base for op, _ in graph.walk() if op.kind == "kv_append")
    assert not written or trace.total_ps >= pim.burst_ps
    adds = sum(value for key, value in trace.accounts.items() if key[0] == "count" and key[2:] == ("asic", "adds"))
    assert trace.total_ps * asic.adders * int(asic.clock) >= (adds - asic.adders) * 10**12


@settings(CI, max_examples=60)
@given(cases(), st.integers(1, 4))
def test_more_tokens_take_longer(case: Case, more: int) -> None:
    work = case.workload
    name = "prompt" if work.phase == "prefill" else "generate"
    longer = Case(case.design, work.vary(**{name: (getattr(work, name) or 1) + more}), case.mapper)
    assert longer.run().total_ps > case.run().total_ps


@settings(CI, max_examples=60)
@given(cases(), st.integers(1, 1000))
def test_a_longer_refresh_is_never_faster(case: Case, more: int) -> None:
    timing = case.design.pim.timing
    room = timing.vary(trefi=Time(timing.trefi + 2000))
    times = [
        Case(case.design.vary(pim={"timing": room.vary(trfc=Time(trfc))}), case.workload, case.mapper).run().total_ps
        for trfc in (0, timing.tck, timing.tck + more)
    ]
    assert times == sorted(times)


@settings(CI, max_examples=60)
@given(cases(), st.integers(2, 50))
def test_slower_pins_are_never_faster(case: Case, factor: int) -> None:
    rate = BitRate(max(1, case.design.pim.pin_rate // factor))
    slower = Case(case.design.vary(pim={"pin_rate": str(rate)}), case.workload, case.mapper)
    assert slower.run().total_ps >= case.run().total_ps


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("pin_rate", ["64 Gb/s", "16 Gb/s", "4 Gb/s", "1 Gb/s", "100 Mb/s"]),
        ("clock", ["2 GHz", "1 GHz", "900 MHz", "333 MHz"]),
        ("channels", [16, 8, 4, 2]),
        ("lanes", [64, 32, 16, 8]),
        ("refresh", ["off", "row-boundary"]),
        *(
            (f"timing.{name}", ["1 ns", "10 ns", "60 ns"])
            for name in ("trcdmac", "trp", "tras", "twr", "trdmac", "trtp")
        ),
    ],
)
def test_a_worse_memory_is_never_faster(field: str, values: list[object]) -> None:
    """The default machine, one parameter at a time, from better to worse."""
    times = []
    for value in values:
        changes: dict[str, object] = {field: value}
        if "." in field:
            changes = {"timing": {field.partition(".")[2]: value}}
        design = PimDram().vary(pim={"rows": 1 << 20, **changes})
        times.append(decode(design=design, context=400, generate=3).run().total_ps)
    assert times == sorted(times)
    assert times[0] < times[-1]


def test_every_token_of_a_growing_context_costs_at_least_as_much_within_a_set_of_banks() -> None:
    """The scores grow by a slot per 128 keys, the values by a column per 16; nothing shrinks but what refresh adds."""
    design = PimDram().vary(pim={"refresh": "off"})
    samples = decode(design=design, context=100, generate=400).run().samples
    lengths = [b.end_ps - a.end_ps for a, b in pairwise(samples)]
    assert lengths == sorted(lengths)


def test_time_per_token_tends_to_the_sum_of_its_rows() -> None:
    """gpt2-xl by the row model (88 ns per row, refresh derated) is 1067 us, transfers and vector functions left out."""
    trace = decode("gpt2-xl", context=0, generate=20).run()
    per_token = trace.total_ps / 20 / 1e6
    macs_only = 1_067.2
    assert macs_only < per_token < 1.5 * macs_only


def test_the_roofline_is_met_where_nothing_stands_in_the_way() -> None:
    """With free rows, pins and controller, what is left is a column slot per multiplication and per transfer."""
    free = dict.fromkeys(
        ("trcd", "trcdmac", "trp", "tras", "trtp", "twr", "tcwl", "tcl", "trrd", "tfaw", "trtw", "twtr", "trdmac"),
        "0 ns",
    )
    pim = {"pin_rate": "16000 Gb/s", "refresh": "off", "timing": {**free, "tck": "1 ps"}}
    design = PimDram().vary(pim=pim, asic={"clock": "1000 GHz", "adders": 1 << 20, "multipliers": 1 << 20})
    case = decode(design=design, context=500, generate=3)
    floor, trace = bounds(case.lowered()[1].body, design.blocks()).total, case.run()
    used = {name: 0 for name in ("wrgb", "rdmac", "rd", "wr")}
    for key, value in trace.accounts.items():
        if key[0] == "count" and key[3] in used:
            used[key[3]] += value
    others = sum(used.values()) // design.pim.channels * int(design.pim.timing.tccd)
    assert floor < trace.total_ps < 1.01 * (floor + others) < 1.2 * floor
