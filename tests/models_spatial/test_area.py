"""Is the area what was published, and does it follow the machine?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.models.spatial import SpatialDesign
from archsim.models.spatial.area import areas
from tests.models_spatial.spatial_reference import Point, points
from tests.models_spatial.steady_results import published

PARETO = points("pareto_256K")


def balanced(side: int, head: int, mode: str = "artifact") -> SpatialDesign:
    """FuseMax with arrays of this side and the buffer they need."""
    return SpatialDesign().vary(
        array_2d={"rows": side}, buffer={"sizing": "balanced", "head": head}, energy={"mode": mode}
    )


@pytest.mark.parametrize("point", PARETO, ids=lambda p: f"{p[0]}-{p[1]}".replace(" ", "-"))
def test_equals_the_published_pareto_sweep(point: Point) -> None:
    """All of the sweep's area, and its 2D array alone, to the last digit."""
    row, theirs = PARETO[point]
    side, head = int(point[0].partition("=")[2]), int(row["d_head"])
    ours = areas(balanced(side, head))
    assert ours["array_2d"] == pytest.approx(theirs["array_2d_area"], rel=1e-12)
    assert sum(ours.values()) == pytest.approx(theirs["area"], rel=1e-12)


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
