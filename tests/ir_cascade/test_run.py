"""Every cascade computes what it is named after, however it is tiled and masked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import NameTaken
from archsim.ir.cascade.cascade import Cascade, partition
from archsim.ir.cascade.counts import needs
from archsim.ir.cascade.einsum import BadCascade
from archsim.ir.cascade.file import load_cascade
from archsim.ir.cascade.operators import MAPS, define
from archsim.ir.cascade.run import run
from tests.ir_cascade.cascades import ATTENTION, Array, Case, attention_cases, plain_attention
from tests.ir_cascade.drawn import cascades
from tests.ir_cascade.scalar import Scalar

TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 2e-3}
"""Relative to the largest value; scores of a few thousand in float32 have errors of 1e-4 before the exponential."""


def close(found: Array, wanted: Array, dtype: np.dtype[np.floating]) -> None:
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE[dtype] * scale)


@given(attention_cases())
@settings(max_examples=150, deadline=None)
def test_every_cascade_and_tiling_equals_plain_attention(case: Case) -> None:
    q, k, v = (case.arrays[name] for name in "QKV")
    found = run(case.cascade, case.arrays)["AV"]
    assert found.dtype == q.dtype
    close(found, plain_attention(q, k, v, group=case.group, causal=case.causal, window=case.window), q.dtype)


@given(cascades(), st.integers(1, 3), st.integers(1, 7), st.integers(1, 4), st.booleans(), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_any_cascade_equals_its_points_one_by_one(
    cascade: Cascade, p: int, m: int, tile: int, causal: bool, seed: int
) -> None:
    cascade = replace(cascade, sizes=(("M0", tile),)).masked(*(["causal(m,p)"] if causal else []))
    x = np.round(np.random.default_rng(seed).normal(size=(p, m)), 2)
    found = run(cascade, {"X": x}, want=[einsum.name for einsum in cascade.einsums])
    scalar = Scalar(cascade, x)
    with np.errstate(all="ignore"):
        for einsum in cascade.expanded:
            ranks = [(index.rank, scalar.sizes[index.rank] + index.step) for index in einsum.output.indices]
            wanted = np.empty([size for _, size in ranks])
            for at in np.ndindex(wanted.shape):
                here = {rank: place for (rank, _), place in zip(ranks, at, strict=True)}
                there = einsum.running or scalar.exists(here, tuple(here))
                wanted[at] = scalar.value(einsum.name, at) if there else 0
            if "m0" in einsum.output.ranks:
                wanted = wanted.reshape(p, -1)[:, :m]
            np.testing.assert_allclose(found[einsum.name], wanted, rtol=1e-9, atol=1e-9, err_msg=str(einsum))


@pytest.mark.parametrize("name", ATTENTION)
def test_at_a_real_shape(name: str) -> None:
    rng = np.random.default_rng(7)
    q, k, v = (rng.normal(size=shape) for shape in ((1, 4, 65, 16), (1, 2, 193, 16), (1, 2, 193, 16)))
    cascade = load_cascade(name).sized(G=2).masked("causal(m,p)", "window(m,p,100)")
    for symbol, size in (("M0", 32), ("R", 64)):
        if any(cut.inner.upper() == symbol for cut in cascade.partitions):
            cascade = cascade.sized({symbol: size})
    found = run(cascade, {"Q": q, "K": k, "V": v})["AV"]
    close(found, plain_attention(q, k, v, group=2, causal=True, window=100), q.dtype)


rows = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(0, 2**32 - 1))


@given(rows, st.integers(1, 5), st.sampled_from(["softmax", "softmax-online"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_softmax(shape: tuple[int, int, int], tile: int, name: str, causal: bool) -> None:
    p, m, seed = shape
    x = np.random.default_rng(seed).normal(size=(p, m)) * 20
    cascade = load_cascade(name)
    cascade = partition(cascade, "m", tile) if "m" not in cascade.cuts else cascade.sized(M0=tile)
    found = run(cascade.masked(*(["causal(m,p)"] if causal else [])), {"X": x})["A"]
    seen = np.arange(m)[None] <= np.arange(p)[:, None] + m - p if causal else np.ones((p, m), bool)
    top = np.where(seen, x, np.finfo(np.float64).min).max(-1, keepdims=True)
    weights = np.where(seen, np.exp(np.minimum(x - top, 0)), 0)
    below = weights.sum(-1, keepdims=True)
    close(found, np.divide(weights, below, out=np.zeros_like(weights), where=below > 0), x.dtype)
    close(found.sum(-1), seen.any(-1).astype(float), x.dtype)


@given(rows, st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_norms(shape: tuple[int, int, int], tile: int) -> None:
    p, d, seed = shape
    rng = np.random.default_rng(seed)
    x, gamma, beta = rng.normal(size=(p, d)) + 3, rng.normal(size=d), rng.normal(size=d)
    centred = x - x.mean(-1, keepdims=True)
    wanted = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gamma + beta
    layernorm = partition(load_cascade("layernorm"), "d", tile)
    close(run(layernorm, {"X": x, "GAMMA": gamma, "BETA": beta})["Y"], wanted, x.dtype)
    wanted = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * gamma
    close(run(partition(load_cascade("rmsnorm"), "d", tile), {"X": x, "GAMMA": gamma})["Y"], wanted, x.dtype)


State = dict[str, Array]


def partial_state(scores: Array, values: Array) -> State:
    """(m, l, O) of some keys: scores (p, m), values (m, f)."""
    top = scores.max(-1, initial=-np.inf)
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0)[:, None])
    return {"MX": top, "L": weights.sum(-1), "O": (weights @ values).T}


def merged(a: State, b: State) -> State:
    names = {"MX": "M", "L": "L", "O": "O"}
    arrays = {f"{short}{side}": state[name] for side, state in (("A", a), ("B", b)) for name, short in names.items()}
    return run(load_cascade("softmax-merge"), arrays)


@given(st.integers(1, 3), st.lists(st.integers(0, 4), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_merging_is_associative_and_gives_the_whole(p: int, parts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, values = rng.normal(size=(p, sum(parts))) * 10, rng.normal(size=(sum(parts), 2))
    ends = np.cumsum([0, *parts])
    a, b, c = (partial_state(scores[:, lo:hi], values[lo:hi]) for lo, hi in pairwise(ends))
    left, right, whole = merged(merged(a, b), c), merged(a, merged(b, c)), partial_state(scores, values)
    for name, wanted in whole.items():
        np.testing.assert_allclose(left[name], wanted, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(right[name], wanted, rtol=1e-12, atol=1e-12)


def test_a_query_that_sees_nothing_gives_zero() -> None:
    arrays = {"Q": np.ones((1, 1, 3, 1)), "K": np.ones((1, 1, 2, 1)), "V": np.ones((1, 1, 2, 1))}
    for name in ATTENTION:
        cascade = load_cascade(name).masked("causal(m,p)")
        tiles = {s: 1 for s in ("M0", "R") if any(cut.inner.upper() == s for cut in cascade.partitions)}
        assert run(cascade.sized(tiles), arrays)["AV"][0, 0, 0].tolist() == [0, 1, 1], name


def test_masked_products_leave_out_infinities_of_either_factor() -> None:
    """The first query sees no key, and the maximum of its tile is -inf: its sum of products has no term."""
    cascade = Cascade.of(
        "c",
        inputs=["X[p,m]"],
        einsums=["L[p,m1] = max(m0) X[p,m1,m0]", "S[p] = sum(m1,m0) X[p,m1,m0] * L[p,m1]"],
        partitions={"m": ("m1", "m0")},
        sizes={"M0": 1},
        masks=["causal(m,p)"],
        outputs=["S"],
    )
    assert run(cascade, {"X": np.array([[2.0], [3.0]])})["S"].tolist() == [0, 9]


def test_a_running_rank_need_not_be_a_tile() -> None:
    cascade = Cascade.of(
        "scan",
        inputs=["A[t,n]", "X[t,n]"],
        einsums=["AH[t,n] = A[t,n] * H[t,n]", "H[t+1,n] = AH[t,n] + X[t,n]", "Y[t,n] = H[t+1,n]"],
        initial={"H": 0.5},
        outputs=["Y"],
    )
    rng = np.random.default_rng(1)
    a, x = rng.normal(size=(2, 7, 3))
    state, wanted = np.full(3, 0.5), []
    for step in range(7):
        state = a[step] * state + x[step]
        wanted.append(state)
    np.testing.assert_allclose(run(cascade, {"A": a, "X": x})["Y"], wanted)
    states = run(cascade, {"A": a, "X": x}, want=["H"])["H"]
    assert states.shape == (8, 3)
    np.testing.assert_array_equal(states[0], 0.5)


def test_an_operator_of_ones_own() -> None:
    with MAPS.undone():
        relu = define("relu", lambda a: np.maximum(a, 0))
        assert define("relu", relu.apply) is relu
        with pytest.raises(NameTaken, match="map operator 'relu' is taken"):
            define("relu", np.abs)
        cascade = Cascade.of("r", inputs=["X[p]"], einsums=["Y[p] = relu(X[p])"], outputs=["Y"])
        assert run(cascade, {"X": np.array([-1.0, 2.0])})["Y"].tolist() == [0, 2]
        assert needs(cascade) == {"Y": {"relu"}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"K": np.ones((1, 1, 3, 5))}, "rank e has two sizes"),
        ({"K": np.ones((1, 2, 3, 4))}, "rank kv has two sizes"),
        ({"K": np.ones((3, 4))}, "the array has 2 axes"),
        ({"L": np.ones(3)}, "unknown input 'L'"),
    ],
)
def test_arrays_that_do_not_fit(change: dict[str, Array], told: str) -> None:
    arrays = {"Q": np.ones((1, 1, 2, 4)), "K": np.ones((1, 1, 3, 4)), "V": np.ones((1, 1, 3, 4))}
    with pytest.raises(ValueError, match=told):
        run(load_cascade("attention-3-pass"), {**arrays, **change})


def test_a_size_that_nothing_tells() -> None:
    arrays = {"Q": np.ones((1, 1, 2, 4)), "K": np.ones((1, 1, 3, 4)), "V": np.ones((1, 1, 3, 4))}
    with pytest.raises(BadCascade, match="unknown sizes: M0"):
        run(load_cascade("attention-1-pass"), arrays)
