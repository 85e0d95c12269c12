"""The PIM mapper keeps its promises on machines and models nobody would build."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings

from archsim.ir.mapping import Mapping
from tests.compliance import proofs
from tests.sim.pim_cases import Case, cases


@settings(deadline=None, derandomize=True, max_examples=100, suppress_health_check=list(HealthCheck))
@given(cases())
def test_promises_hold_by_brute_force(case: Case) -> None:
    graph, mapping = case.lowered()
    mapping.check(graph, case.design)
    proofs.covers_every_point_once(mapping, graph)
    proofs.fits_every_memory(mapping, case.design)
    for salt in proofs.SALTS:
        proofs.waits_for_its_producers(mapping, salt)
        proofs.keeps_what_is_still_needed(mapping, salt)
    assert Mapping.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping
    assert mapping.choice.bound <= mapping.choice.objective


@settings(deadline=None, derandomize=True, max_examples=100, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_objective_is_what_the_banks_then_do(case: Case) -> None:
    """Column accesses per channel, counted by the mapper in closed form and by the run command by command."""
    _, mapping = case.lowered()
    trace = case.run()
    columns = sum(value for key, value in trace.accounts.items() if key[0] == "count" and key[2:] == ("pim", "macab"))
    assert mapping.choice.objective == columns / case.design.pim.channels
