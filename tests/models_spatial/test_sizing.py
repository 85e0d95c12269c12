"""Is a balanced buffer just large enough?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import Infeasible
from archsim.models.spatial import SpatialDesign


def sized(side: int, head: int, bandwidth: str = "400 GiB/s") -> SpatialDesign:
    """FuseMax with a balanced buffer."""
    return SpatialDesign().vary(
        array_2d={"rows": side}, buffer={"sizing": "balanced", "head": head}, dram={"bandwidth": bandwidth}
    )


@pytest.mark.parametrize("side", [16, 32, 64, 128, 256, 512])
@pytest.mark.parametrize("head", [64, 128])
def test_is_the_published_rule(side: int, head: int) -> None:
    """Sixteen bytes for each query of a tile and element of a head; twice that for the largest array only."""
    assert sized(side, head).buffer_bytes == 16 * side * head * (2 if side == 512 else 1)


@given(st.integers(4, 9), st.integers(5, 8), st.integers(20, 2000))
def test_more_bandwidth_never_needs_more_buffer(log_side: int, log_head: int, gigabytes: int) -> None:
    """And what it needs keeps eight tiles."""
    side, head = 1 << log_side, 1 << log_head
    slow, fast = (sized(side, head, f"{gigabytes * factor} GB/s").buffer_bytes for factor in (1, 2))
    assert 16 * side * head <= fast <= slow


def test_an_impossible_balance_says_so() -> None:
    """A DRAM of a byte a second keeps up with nothing."""
    with pytest.raises(Infeasible, match="keep up"):
        _ = sized(512, 64, "1 B/s").buffer_bytes
