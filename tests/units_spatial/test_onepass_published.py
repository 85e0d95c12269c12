"""Do the closed forms give FuseMax's published attention results, steps of its figure 8 one by one?"""

from __future__ import annotations

import pytest

from archsim.units.spatial.onepass import DATAFLOWS
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem, Steady
from tests.units_spatial.onepass_cases import BUFFER, PJ, energy, machine, published, reference

CONFIGS = {"fusemax": "+binding(fusemax)", "fusemax-arch": "+architecture", "fusemax-cascade": "+cascade"}
FLOWS = {flow.name: flow for flow in DATAFLOWS}
ROWS = [
    (name, *point, values)
    for name, config in CONFIGS.items()
    for point, values in reference("attention", config).items()
]
SWEPT = 256 << 10
"""Length from which the published energies hold more buffer reads than the artifact's loops make."""


def run(name: str, model: str, length: int) -> tuple[Problem, Steady]:
    problem, arrays, flow = published(model, length), machine(name), FLOWS[name]
    return problem, flow.steady(problem, arrays, flow.plan(problem, arrays))


def test_the_reference_has_every_configuration() -> None:
    assert len(ROWS) == 3 * 16


@pytest.mark.parametrize(("name", "model", "length", "values"), ROWS, ids=lambda part: str(part)[:20])
def test_times_traffic_and_utilisation(name: str, model: str, length: int, values: dict[str, float]) -> None:
    _, steady = run(name, model, length)
    cycles = steady.seconds * machine(name).clock
    ours = {
        "latency": steady.seconds,
        "cycles": cycles,
        "dram_traffic": steady.read + steady.written,
        "util_2d": steady.busy[ARRAY] / cycles,
        "util_1d": steady.busy[VECTOR] / cycles,
        **{f"util_2d_{einsum}": spent / cycles for einsum, (_, spent) in steady.einsums.items()},
        **{f"einsum_cycles_{einsum}": spent for einsum, (_, spent) in steady.einsums.items()},
    }
    compared = [metric for metric in values if not metric.startswith(("energy", "speedup"))]
    assert len(compared) >= 7
    for metric in compared:
        assert float(ours[metric]) == pytest.approx(values[metric], rel=1e-12), metric


@pytest.mark.parametrize(("name", "model", "length", "values"), ROWS, ids=lambda part: str(part)[:20])
def test_counts_give_the_published_energy(name: str, model: str, length: int, values: dict[str, float]) -> None:
    """From 256K tokens, every result that an einsum leaves in the buffer is read once more there.

    What FuseMax lacks is the register file at the foot of the columns, which the artifact charges for every result.
    """
    problem, steady = run(name, model, length)
    cascade = name == "fusemax-cascade"
    # The artifact drops the exponentials of +Cascade and charges FLAT's buffer.
    ours = energy(steady, 32, 0.0) if cascade else energy(steady, 16, 6 * PJ["mac"])
    if length >= SWEPT:
        scores = problem.instances * problem.queries * problem.keys
        swept = scores // 256 * problem.head + (2 * scores if cascade else 0)
        ours += swept * BUFFER[32 if cascade else 16][0]
    assert ours == pytest.approx(values["energy"], rel=1e-4 if cascade else 5e-4)
