"""Closed forms are what they evaluate to, and sizes follow from one another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archsim.ir.cascade.cascade import Cascade, partition
from archsim.ir.cascade.file import load_cascade
from archsim.ir.cascade.masks import Mask, visible_points
from archsim.ir.cascade.sizes import Poly, total
from archsim.ir.cascade.sizing import propagate, resolve, symbols

SYMBOLS = ("M", "P", "M1")
polys = st.lists(st.tuples(st.lists(st.sampled_from(SYMBOLS), max_size=3), st.integers(-4, 4)), max_size=4).map(
    lambda terms: total(Poly.product(symbols) * factor for symbols, factor in terms)
)
values = st.fixed_dictionaries(dict.fromkeys(SYMBOLS, st.integers(1, 50)))


@given(polys, polys, values)
def test_arithmetic_commutes_with_evaluation(x: Poly, y: Poly, at: dict[str, int]) -> None:
    assert (x + y).at(at) == x.at(at) + y.at(at)
    assert (x * y).at(at) == x.at(at) * y.at(at)
    assert (x + 3).at(at) == x.at(at) + 3
    assert x + y == y + x
    assert not (x + x * -1)


@given(polys, values)
def test_the_text_means_the_same(x: Poly, at: dict[str, int]) -> None:
    assert eval(str(x).replace("^", "**"), {"__builtins__": {}}, dict(at)) == x.at(at)
    assert x.symbols <= set(SYMBOLS)


@given(st.integers(1, 99), st.integers(1, 20), st.integers(1, 9))
def test_tiles_cover_a_rank(m: int, tile: int, part: int) -> None:
    cascade = partition(partition(load_cascade("softmax"), "m", tile), "m0", part)
    known = resolve(cascade, {"M": m, "P": 1})
    assert (known["M1"] - 1) * tile < m <= known["M1"] * tile
    assert (known["M01"] - 1) * part < tile <= known["M01"] * part
    assert set(symbols(cascade)) == {"M", "M0", "M00", "P"}
    assert cascade.points(["m1", "m01", "m00", "p"]).at(known) == m


@given(st.integers(1, 12), st.integers(1, 4))
def test_equal_ranks_and_groups_follow(heads: int, group: int) -> None:
    cascade = Cascade.of(
        "c", inputs=["A[h]", "B[kv]", "C[n]"], outputs=["Z"], einsums=["Y[h] = A[h] * B[h//G]", "Z[h] = Y[h] * C[h]"]
    )
    known = propagate(cascade, {"N": heads, "G": group})
    assert known["H"] == heads
    assert known["KV"] == -(-heads // group)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 14), st.booleans())
def test_visible_pairs_are_counted(keys: int, queries: int, width: int, causal: bool) -> None:
    masks = (*([Mask.parse("causal(m,p)")] if causal else []), Mask.parse("window(m,p,W)"))
    seen = sum(
        key > query + keys - queries - width and (not causal or key <= query + keys - queries)
        for key in range(keys)
        for query in range(queries)
    )
    assert visible_points(masks, keys, queries, (width,) * len(masks)) == seen
