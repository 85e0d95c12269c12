"""Parts sum to the whole: time, energy, bytes and work, per unit, per op and in total, in report and trace."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from archsim.ir.graph import Graph, Role
from archsim.ir.mapping import Mapping
from archsim.ir.report import Report
from archsim.mappers.pim import PimMapper
from archsim.models.pim_dram.spec import PimDram
from archsim.sim import summary
from archsim.sim.ledger import BUSY, COUNT
from archsim.sim.machine import elaborate
from archsim.sim.roofline import bounds
from archsim.sim.trace import REFRESH, Trace
from archsim.workloads.transformer import Transformer
from tests.sim.laws import check_conserved, part
from tests.sim.pim_cases import Case, cases

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
PHASES: list[dict[str, object]] = [
    {"phase": "prefill", "prompt": 3},
    {"phase": "decode", "context": 1025, "generate": 40},
    {"phase": "generate", "prompt": 1, "generate": 300},
    {"phase": "decode", "context": 7, "generate": 5, "batch": 3},
]


def finished(case: Case) -> tuple[Graph, Mapping, Trace, Report]:
    graph, mapping = case.lowered()
    machine = elaborate(case.design)
    floor = bounds(mapping.body, machine.blocks)
    trace = machine.run(mapping)
    return graph, mapping, trace, summary.report(trace, floor, graph, mapping, case.design, case.workload)


def moved_at_least(graph: Graph) -> int:
    """Compulsory bytes but for the picked tokens, which leave through the controller and not through the memory."""
    tokens = [(op, around) for op, around in graph.walk() if op.kind == "argmax"]
    left = 0
    for op, around in tokens:
        times = 1
        for repeat in around:
            times *= repeat.count
        left += times * sum(graph.tensors[n].nbytes({}) for n in op.outputs if graph.tensors[n].role == Role.OUTPUT)
    return graph.compulsory_bytes - left


def check(case: Case) -> None:
    graph, mapping, trace, report = finished(case)
    blocks = case.design.blocks()
    check_conserved(trace, mapping.body, blocks)
    # Time
    assert sum(op.ps for op in report.ops) == report.total_ps
    assert sum(report.time_by_cause.values()) == report.total_ps
    for unit, use in report.units.items():
        assert use.busy_ps + sum(use.waits_ps.values()) == report.total_ps
        assert use.busy_ps >= bounds(mapping.body, blocks).by_unit[unit]
    assert report.total_ps >= report.lower_bound_ps >= 0
    # Energy
    rounded = sum(report.energy_fj.values()) - sum(op.energy_fj for op in report.ops)
    assert 0 <= rounded <= 2 * len(report.ops)  # activations and columns are rounded down to whole fJ, op by op
    assert not {name: fj for name, fj in report.energy_fj.items() if fj < 0}
    # Counters, by op and in total
    for unit, counters in report.counters.items():
        for name, value in counters.items():
            by_op = [v for key, v in trace.accounts.items() if key[0] == COUNT and key[2:] == (unit, name)]
            assert sum(by_op) == value
    assert sum(op.macs for op in report.ops) == report.macs == graph.macs
    # Work: enough multiplier slots, enough bytes, enough time for both
    pim, columns = case.design.pim, report.counters["pim"].get("macab", 0)
    assert columns * pim.banks * pim.lanes >= graph.macs
    assert sum(report.traffic["pim"]) >= moved_at_least(graph)
    assert trace.accounts.get((BUSY, "pim"), 0) * pim.channels >= columns * pim.mac_ps
    assert report.counters["pim"].get("refab", 0) == trace.refreshes.get("pim", 0) * pim.channels
    assert part(trace, COUNT, REFRESH) == report.counters["pim"].get("refab", 0)


@settings(CI, max_examples=120)
@given(cases())
def test_random_machines(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("counts", PHASES, ids=lambda counts: "-".join(str(value) for value in counts.values()))
@pytest.mark.parametrize("model", ["gpt2-small", "gpt3-xl"])
def test_models_on_the_default_machine(model: str, counts: dict[str, object]) -> None:
    roomy = PimDram().vary(asic={"sram": "1 MiB"})
    check(Case(roomy, Transformer.model_validate({"model": model, **counts}), PimMapper()))


def test_energy_of_the_open_rows_and_of_standing_by_covers_all_channels_all_the_time() -> None:
    """Background power is open power while rows are open and closed power else; none is left out or counted twice."""
    design = PimDram()
    same = design.vary(pim={"energy": {"closed_power": str(design.pim.energy.open_power)}})
    case = Case(same, Transformer(model="gpt2-small", phase="decode", context=30, generate=3), PimMapper())
    *_, report = finished(case)
    whole = report.total_ps * same.pim.channels
    assert report.energy_fj["pim.background"] == whole * int(same.pim.energy.open_power) // 1000
    opened = report.counters["pim"]["open_ps"]
    assert 0 < opened < whole


def test_roofline_reports_conserve_too() -> None:
    case = Case(PimDram(), Transformer(model="gpt2-small", phase="decode", context=30, generate=3), PimMapper())
    graph, mapping = case.lowered()
    floor = bounds(mapping.body, case.design.blocks())
    report = summary.report(None, floor, graph, mapping, case.design, case.workload)
    assert report.total_ps == floor.total == report.lower_bound_ps
    for use in report.units.values():
        assert use.busy_ps + sum(use.waits_ps.values()) == report.total_ps
    assert sum(floor.by_op.values()) == sum(floor.by_unit.values())
    assert report.total_ps <= finished(case)[3].total_ps
