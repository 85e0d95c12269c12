"""A mapping that was made before is found again, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from archsim.api import lowering
from archsim.api.cases import prepare
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.mapper import Mapper
from archsim.mappers.ops import OpMapper


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowering, "_kept", type(lowering._kept)())


def test_the_same_case_is_lowered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(self: Mapper, graph: object, design: object) -> object:
        made.append(design)
        return original(self, graph, design)  # type: ignore[arg-type]

    original = OpMapper.map
    monkeypatch.setattr(OpMapper, "map", counted)
    first = lowering.lower(prepare("systolic", "gemm:8,8,8"))
    assert lowering.lower(prepare("systolic", "gemm:8,8,8")) is first
    assert len(made) == 1
    lowering.lower(prepare("systolic", "gemm:8,8,9"))
    lowering.lower(prepare("systolic", "gemm:8,8,8", set={"array.rows": 64}))
    assert len(made) == 3


def test_a_class_defined_anew_is_asked_anew() -> None:
    def design(cycles: int) -> Design:
        class Bank(Component, kind="lowering_bank"):
            """Charges the same for everything."""

            def cost(self, op: OpCall) -> Cost:
                return Cost(cycles=cycles)

        class Machine(Design, kind="lowering_machine"):
            """One bank."""

            bank: Bank = Bank()

        return Machine()

    one, other = (lowering.lower(prepare(design(cycles), "gemm:8,8,8")).mapping for cycles in (1, 2))
    assert other.choice.objective == 2 * one.choice.objective > 0


def test_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowering, "KEPT", 2)
    cases = [prepare("systolic", f"gemm:8,8,{k}") for k in (8, 9, 10)]
    made = [lowering.lower(case) for case in cases]
    assert lowering.lower(cases[2]) is made[2]
    assert lowering.lower(cases[1]) is made[1]
    assert lowering.lower(cases[0]) is not made[0]
