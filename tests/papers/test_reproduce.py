"""`archsim reproduce`: is every number of the tables simulated, within what is stated, and is one that is not found?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import mean
from typing import get_args

import pytest

from archsim import Report, load_design
from archsim.api.papers import dramsim3, fusemax, pim_gpt
from archsim.api.papers.case import Case, Row, Status, table
from archsim.api.reproduce import PAPERS, papers, reproduce
from archsim.core.errors import UnknownName

CONTRACT = ("paper", "case", "metric", "unit", "reported", "source", "simulated", "relative_error", "status")


def test_every_row_of_every_table_is_a_case() -> None:
    assert len(fusemax.cases()) == len(table(fusemax.FILE))
    assert len(dramsim3.cases()) == len(table(dramsim3.FILE)) * (len(dramsim3.METRICS) + 1)
    assert set(papers()) == set(PAPERS)


@pytest.mark.parametrize("cases", [fusemax.cases(), pim_gpt.cases(), dramsim3.cases()], ids=list(PAPERS))
def test_cases_say_where_they_come_from_and_why_they_differ(cases: tuple[Case, ...]) -> None:
    names = [(case.case, case.metric) for case in cases]
    assert len(names) == len(set(names))
    for case in cases:
        assert case.source
        assert case.unit
        assert case.status in get_args(Status)
        assert case.why or case.tolerance < 0.01 or case.status == "input" or case.metric.endswith("_min"), case
        assert case.status != "input" or case.tolerance == 0


def test_the_record_has_what_scripts_rely_on_first() -> None:
    record = Row("p", replace(fusemax.cases()[0], reported=4.0), 5.0).record()
    assert tuple(record)[: len(CONTRACT)] == CONTRACT
    assert record["relative_error"] == 0.25
    assert record["within"] is False


def test_nothing_reported_is_compared_as_it_is() -> None:
    row = Row("p", replace(fusemax.cases()[0], reported=0.0, tolerance=0.0), 0.0)
    assert (row.relative_error, row.within) == (0.0, True)


@pytest.mark.parametrize("config", ["GDDR6_8Gb_x16", "LPDDR4_8Gb_x16_2400"])
def test_memories_are_reproduced(config: str) -> None:
    """The cheap rows; tests/memory_dram has all of them."""
    rows = [
        Row("dramsim3", c, c.simulate()) for c in dramsim3.cases() if c.case.startswith(config) and "1000" in c.case
    ]
    assert rows
    assert [(row.case.case, row.case.metric) for row in rows if not row.within] == []


def test_pim_gpt_is_reproduced(generate: Callable[..., Report]) -> None:
    """All 31 numbers; `generate` runs what they need once for all tests here."""
    rows = [Row("pim-gpt", case, case.simulate()) for case in pim_gpt.cases()]
    assert [(row.case.case, row.case.metric, row.relative_error) for row in rows if not row.within] == []
    assert generate("pim-gpt", "gpt2-small").seconds == pim_gpt.generated("pim-gpt", "gpt2-small").seconds


def test_a_wrong_simulation_is_found() -> None:
    """Stated tolerances are no wider than a tenth of the number, but where a reason is given."""
    wide = [case for case in (*fusemax.cases(), *pim_gpt.cases(), *dramsim3.cases()) if case.tolerance > 0.1]
    assert all(case.why for case in wide)
    assert len(wide) < 30
    case = next(case for case in fusemax.cases() if case.metric == "latency" and case.group == "attention, flat")
    assert not Row("fusemax", case, case.simulate() * (1 + 1e-8)).within


def test_the_calibrated_baselines_are_not_called_predictions() -> None:
    status = {case.metric: case.status for case in pim_gpt.cases()}
    assert status["speedup_vs_T4_min"] == status["energy_eff_vs_Xeon_max"] == "calibrated"
    assert status["data_movement_reduction_min"] == status["products_of_1024_tokens"] == "predicted"
    assert status["channels"] == "input"
    assert load_design("t4").facts()


def test_an_unknown_paper_is_suggested() -> None:
    with pytest.raises(UnknownName, match="did you mean 'fusemax'"):
        reproduce("fusemx")


def test_a_watcher_is_told_of_every_case() -> None:
    told: list[tuple[str, int, int]] = []
    rows = reproduce("fusemax", watch=lambda *seen: told.append(seen))
    assert [done for _, done, _ in told] == list(range(1, len(rows) + 1))
    assert {(name, count) for name, _, count in told} == {("fusemax", len(rows))}
    assert mean(abs(row.relative_error) for row in rows) < 0.005
