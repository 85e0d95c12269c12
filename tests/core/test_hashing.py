"""Equal data has one text, everywhere; different data has another."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import Broken
from archsim.core.hashing import canonical_json, digest
from archsim.core.quantities import Energy, Time

numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


class Flow(Enum):
    WS = "ws"


@dataclass(frozen=True)
class Tile:
    rows: int
    cols: int


@given(plain)
def test_text_reads_back_equal(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(max_size=3), plain, max_size=4))
def test_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e300, str(int(1e300))),
        (True, "true"),
        ((1, 2), "[1,2]"),
        ({3, 1}, "[1,3]"),
        (Flow.WS, '"ws"'),
        (Time(12_000), '"12 ns"'),
        (PurePosixPath("a/b"), '"a/b"'),
        (b"\x01", '"01"'),
        (np.int64(3), "3"),
        (np.float64(0.5), "0.5"),
        (Tile(1, 2), '{"cols":2,"kind":"Tile","rows":1}'),
        ({1: "a", (0, 1): "b"}, '{"1":"a","[0,1]":"b"}'),
    ],
)
def test_text_is(value: object, text: str) -> None:
    assert canonical_json(value) == text


def test_unlike_things_differ() -> None:
    assert len({digest(value) for value in (1, True, "1", [1], None, Time(1), Energy(1))}) == 7


@pytest.mark.parametrize("value", [float("nan"), float("inf"), print, object()])
def test_what_has_no_identity_is_refused(value: object) -> None:
    with pytest.raises(Broken, match="no canonical text"):
        canonical_json({"x": value})


def test_digest_does_not_depend_on_the_process() -> None:
    code = "from archsim.core import digest; print(digest({'b': {'x', 'y', 'z'}, 'a': 1.5}))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert runs == {digest({"a": 1.5, "b": {"x", "y", "z"}})}
    assert len(runs.pop()) == 16
