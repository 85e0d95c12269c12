"""Does the area follow the machine? That it is the published one is among the cases of `archsim reproduce fusemax`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.api.papers.fusemax_points import published
from archsim.models.spatial import SpatialDesign
from archsim.models.spatial.area import areas


def balanced(side: int, head: int, mode: str = "artifact") -> SpatialDesign:
    """FuseMax with arrays of this side and the buffer they need."""
    return SpatialDesign().vary(
        array_2d={"rows": side}, buffer={"sizing": "balanced", "head": head}, energy={"mode": mode}
    )


@given(st.integers(4, 9), st.integers(1, 4), st.sampled_from(["artifact", "corrected"]))
def test_grows_with_the_arrays_and_the_copies(log_side: int, copies: int, mode: str) -> None:
    """A machine with more of everything is larger; copies multiply."""
    one = balanced(1 << log_side, 64, mode)
    two = balanced(2 << log_side, 64, mode)
    assert all(areas(two)[part] > areas(one)[part] for part in areas(one))
    many = areas(one.vary(copies=copies))
    assert many == {part: pytest.approx(copies * value) for part, value in areas(one).items()}


def test_register_files_take_their_share_only_when_corrected() -> None:
    """The published areas charge a library register file of 128 words for 16."""
    whole, share = areas(published("fusemax")), areas(published("fusemax", "corrected"))
    assert share["array_2d"] < whole["array_2d"] / 4
    assert share["buffer"] == whole["buffer"]


def test_fusemax_and_flat_are_about_as_large() -> None:
    """The paper trades half the buffer and the exponential units for larger PEs at the same area."""
    fusemax, flat = (sum(areas(published(name, "corrected")).values()) for name in ("fusemax", "flat"))
    assert fusemax == pytest.approx(flat, rel=0.06)
