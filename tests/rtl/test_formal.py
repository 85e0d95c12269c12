"""Do the proofs hold, and does each of them find the faults that it is there to find?"""

from __future__ import annotations

from typing import Any

import pytest

from archsim.core.errors import UnknownName
from archsim.hdl.formal.proofs import CLAIMS, SHORT, bank_rules, contract
from archsim.hdl.units.dual_row_bank import DualRowBankRtl

FAULTS = [(name, fault) for name, claim in CLAIMS.items() for fault in claim.faults]


@pytest.mark.parametrize("name", CLAIMS)
def test_a_unit_keeps_latency_and_handshake_and_loses_no_beat(name: str) -> None:
    verdict = contract(name)
    assert verdict.holds, verdict.failing


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_unit_with_a_fault_is_found_out(name: str, fault: str) -> None:
    assert not contract(name, fault).holds


def test_the_bank_never_takes_a_command_that_a_rule_forbids() -> None:
    verdict = bank_rules()
    assert verdict.holds, verdict.failing


@pytest.mark.parametrize("timing", ["trp", "gwrite", "fill"])
def test_a_bank_whose_timing_is_one_cycle_short_is_found_out(timing: str) -> None:
    hasty = SHORT.vary(**{timing: getattr(SHORT, timing) - 1})
    assert not bank_rules(SHORT, DualRowBankRtl(hasty)).holds


class Careless(DualRowBankRtl):
    """Refreshes although the second row buffer is open."""

    def _allowed(self, command: Any, rows: list[Any]) -> Any:
        return super()._allowed(command, [rows[0], 0 * rows[1]] if command.name == "REF" else rows)


def test_a_bank_that_refreshes_an_open_second_buffer_is_found_out() -> None:
    assert not bank_rules(SHORT, Careless(SHORT)).holds


def test_an_unknown_claim_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown claim 'dot_tre', did you mean 'dot_tree'"):
        contract("dot_tre")
