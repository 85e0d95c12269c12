"""Fast-forward equals stepping on PIM machines: every model of the paper, and machines nobody would build."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings

from archsim.mappers.pim import PimMapper
from archsim.models.pim_dram.spec import PimDram
from archsim.sim.machine import elaborate
from archsim.sim.trace import REFRESH
from archsim.workloads.transformer import Transformer
from tests.sim.laws import check_conserved, part
from tests.sim.pim_cases import Case, cases

MODELS = [f"{family}-{size}" for family in ("gpt2", "gpt3") for size in ("small", "medium", "large", "xl")]


@pytest.mark.parametrize("model", MODELS)
def test_models_of_the_paper(model: str) -> None:
    case = Case(PimDram(), Transformer(model=model, phase="generate", prompt=2, generate=3), PimMapper())
    quick, slow = case.run(), case.run(fast_forward=False)
    assert quick == slow
    assert quick.effort.method == "fast-forward"
    assert quick.effort.evaluated * 5 < slow.effort.evaluated == quick.effort.tasks
    assert part(slow, "share", REFRESH) == slow.refreshes["pim"] * int(PimDram().pim.timing.trfc) > 0
    assert list(Counter(sample.loop for sample in quick.samples).values()) == [2, 2]


def test_a_long_answer_crosses_many_refreshes_and_rows() -> None:
    """Contexts on both sides of a full row of values and of a full set of banks with keys."""
    workload = Transformer(model="gpt2-small", phase="decode", context=1020, generate=8)
    case = Case(PimDram(), workload, PimMapper())
    quick, slow = case.run(), case.run(fast_forward=False)
    assert quick == slow
    assert len(quick.samples) == 8
    assert len({b.end_ps - a.end_ps for a, b in pairwise(quick.samples)}) > 1


def test_random_machines_and_models() -> None:
    seen: Counter[str] = Counter()

    @settings(deadline=None, derandomize=True, max_examples=200, suppress_health_check=list(HealthCheck))
    @given(cases())
    def check(case: Case) -> None:
        graph, mapping = case.lowered()
        mapping.check(graph, case.design)
        quick = elaborate(case.design).run(mapping)
        slow = elaborate(case.design).run(mapping, fast_forward=False)
        seen[quick.effort.method] += 1
        seen["with refreshes"] += sum(slow.refreshes.values()) > 0
        assert bool(quick.effort.reason) == (quick.effort.method == "stepped")
        assert dict(quick.accounts) == dict(slow.accounts)
        assert quick == slow
        check_conserved(slow, mapping.body, case.design.blocks())

    check()
    print(f"\n{dict(seen)}")
    assert seen["fast-forward"] > 0.8 * (seen["fast-forward"] + seen["stepped"])
    assert seen["with refreshes"] > 50


def test_fast_forward_declines_where_the_controller_hides_refreshes_and_says_so() -> None:
    """Two matrices side by side with biases: a slow controller adds the first bias while the banks multiply again."""
    shape = Transformer(model="gpt2-small").model.vary(gated=True, layers=2, ffn_bias=True)
    workload = Transformer(model=shape, phase="decode", context=100, generate=2)
    design = PimDram().vary(asic={"adders": 1})
    quick, slow = (Case(design, workload, PimMapper()).run(fast_forward=way) for way in (True, False))
    assert quick == slow
    assert quick.effort.method == "stepped"
    assert "refresh of 'pim'" in quick.effort.reason
