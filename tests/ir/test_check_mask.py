"""What a causal mask leaves of boxes equals a count point by point."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archsim.ir.check_mask import Mask
from archsim.ir.comb import Comb

MASKS = st.builds(Mask, st.just("q"), st.just("t"), st.integers(1, 6), st.integers(0, 4))


@st.composite
def combs(draw: st.DrawFn) -> Comb:
    start, length = draw(st.integers(0, 8)), draw(st.integers(1, 9))
    teeth = draw(st.sampled_from([0, 1]))
    return Comb(start, start + length, ((length + draw(st.integers(0, 4)), draw(st.integers(2, 3))),) * teeth)


def seen(mask: Mask, rows: Comb, keys: Comb) -> set[tuple[int, int]]:
    return {(row, key) for row in rows for key in keys if key <= mask.ahead + row % mask.queries}


@given(MASKS, combs(), combs())
def test_visible_points_are_counted(mask: Mask, rows: Comb, keys: Comb) -> None:
    assert mask.visible({"q": rows, "t": keys, "d": Comb(0, 3)}) == 3 * len(seen(mask, rows, keys))


@given(MASKS, combs(), combs(), combs(), combs())
def test_boxes_that_share_a_visible_point_are_told(mask: Mask, a: Comb, b: Comb, c: Comb, d: Comb) -> None:
    if seen(mask, a, b) & seen(mask, c, d):
        assert mask.shared({"q": a, "t": b}, {"q": c, "t": d})
