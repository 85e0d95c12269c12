"""Does the dot tree sum as it says: integers exactly, floats within a bound, specials as IEEE has them?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.units.cores.core import Beat
from archsim.units.cores.dot_tree import BAR, DotTree
from archsim.units.cores.softfloat import INF, NAN

ONE, TWO, MINUS, ZERO, TINY = 0x3F80, 0x4000, 0xBF80, 0x0000, 0x0001
PLUS_INF, MINUS_INF, QUIET, LARGE = 0x7F80, 0xFF80, 0x7FC1, 0x7F7F
PAIR = DotTree(lanes=2)


def total(a: tuple[int, int], b: tuple[int, int]) -> Any:
    return PAIR.golden([{"a": a, "b": b, "first": 1, "last": 1}])[0]["sum"]


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ((ONE, ONE), (ONE, TWO), 0x40400000),
        ((ONE, MINUS), (ONE, ONE), 0),
        ((ZERO, 0x8000), (ONE, ONE), 0),
        ((TINY, ONE), (TWO, ONE), 0x3F800000),
        ((TINY, ZERO), (PLUS_INF, ONE), NAN),
        ((PLUS_INF, ONE), (ONE, ONE), INF),
        ((PLUS_INF, ONE), (MINUS, ONE), INF | 1 << 31),
        ((PLUS_INF, PLUS_INF), (ONE, MINUS), NAN),
        ((PLUS_INF, ONE), (ZERO, ONE), NAN),
        ((QUIET, ONE), (ONE, ONE), NAN),
        ((LARGE, LARGE), (LARGE, ONE), INF),
        ((LARGE | 0x8000, ONE), (LARGE, ONE), INF | 1 << 31),
        ((0x0080, ZERO), (0x0080, ONE), 0),
    ],
)
def test_specials_and_corners(a: tuple[int, int], b: tuple[int, int], wanted: int) -> None:
    assert total(a, b) == total(b, a) == total(a[::-1], b[::-1]) == wanted


def test_infinities_that_meet_in_the_accumulator_are_no_number() -> None:
    up: Beat = {"a": (PLUS_INF, ONE), "b": (ONE, ONE), "first": 1, "last": 0}
    down: Beat = {"a": (MINUS_INF, ONE), "b": (ONE, ONE), "first": 0, "last": 1}
    assert PAIR.golden([up, down]) == [{"sum": NAN}]


@given(st.integers(0, 4), st.integers(1, 6), st.integers(0, 1 << 30))
@settings(max_examples=60, deadline=None)
def test_integers_are_exact(levels: int, length: int, seed: int) -> None:
    spec, rng = DotTree(lanes=1 << levels, format="int8"), np.random.default_rng(seed)
    a, b = rng.integers(-128, 128, (2, length, spec.lanes))
    beats = [
        {"a": _raw(x), "b": _raw(y), "first": int(i == 0), "last": int(i == length - 1)}
        for i, (x, y) in enumerate(zip(a, b, strict=True))
    ]
    assert spec.golden(beats) == [{"sum": int((a * b).sum()) & 0xFFFFFFFF}]


@pytest.mark.parametrize("given_", [{"lanes": 8}, {"lanes": 2, "guard": 0}, {"lanes": 32}, {"format": "fp16"}])
def test_the_error_stays_below_what_is_proved(given_: dict[str, Any]) -> None:
    accuracy = DotTree(**given_).accuracy()
    assert accuracy is not None
    assert 0 < accuracy.error <= accuracy.bar == DotTree(**given_).error_bound


def test_the_default_is_held_to_more_than_is_proved() -> None:
    accuracy = DotTree(depth=9).accuracy()
    assert accuracy is not None
    assert accuracy.error <= accuracy.bar == BAR < DotTree().error_bound


@given(st.integers(1, 32), st.sampled_from([1, 2, 16, 64]), st.sampled_from(["bf16", "int8"]))
def test_the_depth_is_how_many_registers_there_are(depth: int, lanes: int, fmt: str) -> None:
    spec = DotTree.model_validate({"depth": depth, "lanes": lanes, "format": fmt})
    assert sum(spec.registers) == spec.latency == depth
    assert spec.registers[-1] >= 1
    assert len(spec.registers) == len(spec.steps)


def _raw(row: Any) -> Any:
    raw = tuple(int(value) & 0xFF for value in row)
    return raw if len(raw) > 1 else raw[0]
