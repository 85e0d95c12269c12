"""Is the choice the best of all choices, is the relaxation below it, and are conflicts explained?"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archsim.core.errors import ArchsimError, BadInput, Infeasible
from archsim.mappers.precision import Layer, Option, PrecisionTable, choose_precision, read_table

EXAMPLE = """\
budget: 0.5
layers:
  - name: attention
    elements: 1000
    options:
      - {bits: 16, error: 0}
      - {bits: 8, error: 0.1}
      - {bits: 4, error: 0.6}
  - name: ffn
    elements: 4000
    options:
      - {bits: 16, error: 0}
      - {bits: 8, error: 0.1}
      - {bits: 4, error: 0.4}
"""


@st.composite
def tables(draw: st.DrawFn, most: int = 5) -> PrecisionTable:
    layers = []
    for index in range(draw(st.integers(1, most))):
        widths = draw(st.lists(st.sampled_from([2, 3, 4, 6, 8, 16]), min_size=1, max_size=4, unique=True))
        options = tuple(
            Option(bits=bits, error=draw(st.integers(0, 12)) / 10, energy_pj=draw(st.integers(0, 30)) / 4)
            for bits in widths
        )
        same = draw(st.sampled_from(["", "", "", "a"]))
        layers.append(Layer(name=f"l{index}", elements=draw(st.integers(1, 40)), options=options, same_as=same))
    metric = draw(st.sampled_from(["bytes", "energy"]))
    return PrecisionTable(budget=draw(st.integers(0, 40)) / 10, metric=metric, layers=tuple(layers))


def brute(table: PrecisionTable) -> Fraction | None:
    """Every choice, one by one."""
    found = []
    for options in product(*(layer.options for layer in table.layers)):
        shared = {option.bits for layer, option in zip(table.layers, options, strict=True) if layer.same_as}
        error = sum(Fraction(repr(option.error)) for option in options)
        if len(shared) > 1 or error > Fraction(repr(table.budget)):
            continue
        if table.metric == "bytes":
            pairs = zip(table.layers, options, strict=True)
            found.append(Fraction(sum(-(-layer.elements * option.bits // 8) for layer, option in pairs)))
        else:
            found.append(sum((Fraction(option.energy_pj or 0) for option in options), Fraction()))
    return min(found, default=None)


@settings(deadline=None)
@given(tables())
def test_the_choice_is_the_best_of_all(table: PrecisionTable) -> None:
    least = brute(table)
    try:
        found = choose_precision(table)
    except Infeasible:
        assert least is None
        return
    assert least is not None
    assert found.objective == float(least)
    assert found.error <= found.budget
    assert found.relaxed <= found.bound == found.objective
    assert found.saved >= 0 or table.metric == "energy"


@settings(deadline=None)
@given(tables(most=6), st.integers(1, 3))
def test_few_states_give_an_honest_bound(table: PrecisionTable, states: int) -> None:
    least = brute(table)
    assume(least is not None)
    assert least is not None
    found = choose_precision(table, states=states)
    assert found.bound <= float(least) <= found.objective
    assert found.error <= found.budget


@settings(deadline=None, max_examples=20)
@given(tables(), st.integers(0, 20))
def test_a_larger_budget_is_never_worse(table: PrecisionTable, more: int) -> None:
    assume(brute(table) is not None)
    wider = table.vary(budget=table.budget + more / 10)
    assert choose_precision(wider).objective <= choose_precision(table).objective


@settings(deadline=None, max_examples=10)
@given(tables())
def test_an_integer_program_agrees(table: PrecisionTable) -> None:
    import pulp

    assume(brute(table) is not None)
    problem = pulp.LpProblem("precision", pulp.LpMinimize)
    cost, error = [], []
    shared: dict[str, dict[int, pulp.LpVariable]] = {}
    for layer in table.layers:
        pick = [problem.add_variable(f"{layer.name}_{o.bits}", 0, 1, pulp.LpBinary) for o in layer.options]
        problem += pulp.lpSum(pick) == 1
        for option, var in zip(layer.options, pick, strict=True):
            amount = layer.nbytes(option.bits) if table.metric == "bytes" else option.energy_pj
            cost.append(amount * var)
            error.append(round(option.error * 10) * var)
            if layer.same_as:
                shared.setdefault(layer.name, {})[option.bits] = var
    for one, other in product(shared.values(), repeat=2):
        for bits in one.keys() | other.keys():
            problem += one.get(bits, 0) - other.get(bits, 0) == 0
    problem += pulp.lpSum(cost)
    problem += pulp.lpSum(error) <= round(table.budget * 10)
    problem.solve(pulp.HiGHS(msg=False))
    assert choose_precision(table).objective == pytest.approx(pulp.value(problem.objective) or 0.0)


def test_a_file_is_read_and_answered(tmp_path: Path) -> None:
    file = tmp_path / "table.yaml"
    file.write_text(EXAMPLE)
    found = choose_precision(read_table(file))
    assert found.bits == {"attention": 8, "ffn": 4}
    assert (found.objective, found.saved, found.error) == (3000, 7000, 0.5)
    assert found.relaxed <= 3000
    assert "attention at 4 bits would save 500 B and needs 0.5 more" in found.why[1]
    assert found.record()["bits"] == found.bits


def test_a_model_of_many_layers_is_proved() -> None:
    layers = []
    for i in range(96):
        errors = {bits: round((1 + (i * 7 + bits) % 11) * 0.001 * 2 ** (8 - bits), 6) for bits in (2, 3, 4, 8)}
        options = tuple(Option(bits=bits, error=error) for bits, error in errors.items())
        layers.append(Layer(name=f"l{i}", elements=4096 * 4096 * (1 + i % 3), options=options))
    found = choose_precision(PrecisionTable(budget=4.0, layers=tuple(layers)))
    assert found.gap == 0
    assert found.relaxed <= found.objective <= 1.01 * found.relaxed


def test_conflicts_are_explained() -> None:
    one = Layer(name="a", elements=8, options=(Option(bits=8, error=0.3), Option(bits=4, error=0.5)), same_as="x")
    with pytest.raises(Infeasible, match=r"even the least errors add up to 0.3, over the budget of 0.1") as caught:
        choose_precision(PrecisionTable(budget=0.1, layers=(one,)))
    assert "over by 0.2" in caught.value.right
    other = Layer(name="b", elements=8, options=(Option(bits=2, error=0),), same_as="x")
    with pytest.raises(Infeasible, match="none in common: a, b"):
        choose_precision(PrecisionTable(budget=1, layers=(one, other)))
    with pytest.raises(Infeasible, match="at least 8 B are needed, over the capacity of 4 B") as caught:
        choose_precision(PrecisionTable(budget=0.4, layers=(one,)), capacity=4)
    assert caught.value.tries[0] == "capacity 8"
    assert choose_precision(PrecisionTable(budget=0.5, layers=(one,)), capacity=4).bits == {"a": 4}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"budget": -1}, "budget"),
        ({"metric": "energy"}, "without energy_pj"),
        ({"layers": []}, "layers"),
        ({"layers": [{"name": "a", "elements": 0, "options": [{"bits": 8, "error": 0}]}]}, "elements"),
        ({"layers": [{"name": "a", "elements": 1, "options": [{"bits": 8, "error": 0}] * 2}]}, "two options"),
        ({"layers": [{"name": "a", "elements": 1, "options": [{"bits": 8, "error": 0}]}] * 2}, "given twice"),
    ],
)
def test_a_wrong_table_says_why(change: dict[str, object], said: str) -> None:
    good = PrecisionTable(budget=1, layers=(Layer(name="a", elements=1, options=(Option(bits=8, error=0),)),))
    with pytest.raises(ArchsimError, match=said):
        good.vary(**change)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read_table(tmp_path / "none.yaml")
