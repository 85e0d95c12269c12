"""Arrays, problems and slow references for the tiled dataflows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.sparse_pattern import Window

CI = settings(deadline=None, derandomize=True)
Operands = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]

FUSEMAX = SpatialArrays(
    array="array_2d",
    vector="array_1d",
    memory="dram",
    rows=256,
    cols=256,
    lanes=256,
    array_cycles={"mac": 1, "mul": 1, "add": 1, "max": 1, "sub_exp": 7},
    vector_cycles={"mac": 1, "mul": 1, "add": 1, "max": 1, "sub_exp": 7, "div": 1},
    ripple=256,
    buffer_bytes=16 << 20,
    line_words=256,
    ports=4,
    word_bytes=2,
    bandwidth=400 << 30,
    clock=940_000_000,
    dataflow="fusemax",
)
"""FuseMax as the artifact has it."""


def small(rows: int, cols: int, words: int, *, copies: int = 1) -> SpatialArrays:
    """A small machine with a buffer of `words` words."""
    return replace(FUSEMAX, rows=rows, cols=cols, lanes=cols, buffer_bytes=2 * words, copies=copies)


problems = st.builds(
    lambda batch, kv, group, positions, before, head, causal: Problem(
        batch, kv * group, kv, positions, positions + before, head, causal
    ),
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 40),
    st.integers(0, 40),
    st.sampled_from([1, 4, 8]),
    st.booleans(),
)
windows = st.builds(Window, st.none() | st.integers(1, 50), st.integers(0, 9))


def sees(problem: Problem, pattern: Window, position: int, key: int) -> bool:
    """Whether a query position needs a key, by the definition."""
    place = problem.keys - problem.positions + position
    near = pattern.size is None or abs(place - key) < pattern.size or key < pattern.sinks
    return near and (key <= place or not problem.causal)


def mask(problem: Problem, pattern: Window) -> NDArray[np.bool_]:
    """The same for all query rows of an instance and all keys."""
    group = problem.heads // problem.kv_heads
    return np.array(
        [[sees(problem, pattern, row // group, key) for key in range(problem.keys)] for row in range(problem.queries)]
    )


def operands(problem: Problem, seed: int) -> Operands:
    """Queries, keys and values of one instance."""
    draw, d = np.random.default_rng(seed), problem.head
    q, k, v = (draw.normal(size=(rows, d)) for rows in (problem.queries, problem.keys, problem.keys))
    return q, k, v


def plain(q: NDArray[Any], k: NDArray[Any], v: NDArray[Any], seen: NDArray[np.bool_]) -> NDArray[Any]:
    """Masked attention, in one go."""
    scores = np.where(seen, q @ k.T, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray((weights @ v) / weights.sum(axis=1, keepdims=True))
