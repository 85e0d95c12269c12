"""Do RTL, golden function and cycle model agree for other parameters than those that are shipped?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from archsim.hdl.verify.native import verified
from archsim.units.cores import find

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("exp", {"degree": 2, "mul_stages": 1, "add_stages": 1}),
    ("exp", {"fmt": "fp32", "degree": 6, "mul_stages": 3, "add_stages": 4}),
    ("reciprocal", {"mul_stages": 1, "add_stages": 3}),
    ("rsqrt", {"mul_stages": 3, "add_stages": 1}),
    ("gelu", {"add_stages": 4}),
    ("norm", {"length": 2, "mul_stages": 1, "add_stages": 1}),
    ("norm", {"length": 5, "form": "rms", "fmt": "fp32", "mul_stages": 3, "add_stages": 4, "steps": 2}),
    ("softmax_row", {"length": 3, "mul_stages": 1, "add_stages": 1, "degree": 2}),
    ("softmax_row", {"length": 6, "fmt": "fp32", "degree": 4, "steps": 2}),
    ("fusemax_pe", {"exp_macs": 4}),
    ("fusemax_pe", {"exp_macs": 8}),
]


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_variants_agree_and_are_as_accurate_as_they_claim(name: str, parameters: dict[str, Any]) -> None:
    spec = find(name)(**parameters)
    found = verified(spec, seed=3, beats=100)
    assert (found.measured.latency, found.measured.interval) == (spec.latency, spec.interval)
    measured = spec.accuracy()
    assert measured is not None
    assert 0 < measured.error <= measured.bar


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("exp", {"degree": 7}, "degree"),
        ("exp", {"fmt": "fp8"}, "bf16"),
        ("reciprocal", {"steps": 0}, "steps"),
        ("rsqrt", {"mul_stages": 0}, "mul_stages"),
        ("gelu", {"add_stages": 5}, "add_stages"),
        ("norm", {"length": 1}, "length"),
        ("norm", {"epsilon": 0}, "epsilon"),
        ("softmax_row", {"length": 0}, "length"),
    ],
)
def test_parameters_that_no_unit_has_are_refused(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        find(name)(**parameters)


@pytest.mark.parametrize(("name", "operations"), [("exp", (5, 4)), ("reciprocal", (4, 2)), ("rsqrt", (6, 2))])
def test_stages_of_a_part_add_to_the_latency_once_for_each_on_the_way(name: str, operations: tuple[int, int]) -> None:
    unit = find(name)
    base = unit(mul_stages=1, add_stages=1).latency  # type: ignore[call-arg]
    assert unit(mul_stages=2, add_stages=1).latency - base == operations[0]  # type: ignore[call-arg]
    assert unit(mul_stages=1, add_stages=3).latency - base == 2 * operations[1]  # type: ignore[call-arg]
