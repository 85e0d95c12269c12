"""Does the trace of a closed form refuse what cannot be, and say who waits for whom?"""

from __future__ import annotations

import pytest

from archsim.core.errors import Broken
from archsim.ir.closedform import ClosedForm, OpForm
from archsim.models.spatial import SpatialDesign
from archsim.sim.closedform import trace
from archsim.sim.ledger import BUSY, WAIT

BLOCKS = SpatialDesign().blocks()


def test_a_unit_waits_for_the_busiest_other_one() -> None:
    """And the busiest for the next."""
    closed = ClosedForm((OpForm("a", 100, {"array_2d": 60, "dram": 10}, {}), OpForm("b", 50, {"array_1d": 80}, {})))
    accounts = trace(closed, (), BLOCKS).accounts
    assert {key[1:]: value for key, value in accounts.items() if key[0] == WAIT} == {
        ("array_2d", "array_1d"): 90,
        ("array_1d", "array_2d"): 70,
        ("dram", "array_1d"): 140,
    }
    assert accounts[BUSY, "array_1d"] == 80


@pytest.mark.parametrize("busy", [{"array_2d": 101}, {"array_3d": 1}, {"dram": -1}])
def test_impossible_forms_are_refused(busy: dict[str, int]) -> None:
    """Busier than the run, unknown, or negative."""
    with pytest.raises(Broken):
        trace(ClosedForm((OpForm("a", 100, busy, {}),)), (), BLOCKS)
