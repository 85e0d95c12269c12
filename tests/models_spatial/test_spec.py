"""Are wrong machines refused in words, and right ones complete?"""

from __future__ import annotations

import pytest

from archsim.api import load_design
from archsim.core.errors import BadInput
from archsim.models.spatial import SpatialDesign

BUNDLED = ("fusemax", "fusemax-arch", "fusemax-cascade", "flat", "unfused", "fusemax-edge", "flat-edge")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"word": 12}, "word: 16"),
        ({"buffer": {"line": "13 B"}}, "whole words of 16 bits"),
        ({"array_1d": {"clock": "1 GHz"}}, "set both"),
        ({"array_2d": {"rows": 0}}, "rows"),
        ({"array_1d": {"lanes": 0}}, "lanes"),
        ({"dataflow": "fusemaks"}, "fusemax"),
        ({"dram": {"bandwidth": "0 B/s"}}, "bandwidth"),
        ({"dram": {"efficiency": 1.5}}, "efficiency"),
        ({"energy": {"mode": "right"}}, "artifact"),
        ({"energy": {"mode": "artifact", "node": 7}}, "energy.node 7 changes nothing in energy.mode artifact"),
        ({"plan": "best"}, "published, fastest, least_traffic"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], said: str) -> None:
    """The message names the field or what would be right."""
    with pytest.raises(BadInput, match=said):
        SpatialDesign().vary(**changes)


@pytest.mark.parametrize("name", BUNDLED)
def test_every_number_of_a_bundled_design_has_a_source(name: str) -> None:
    """Nothing in them is the user's."""
    facts = load_design(name).facts()
    assert [fact.name for fact in facts if fact.source in ("", "set by the user")] == []


@pytest.mark.parametrize("side", [1, 32, 100])
def test_sizes_follow_the_rows_unless_they_are_set(side: int) -> None:
    """Columns, lanes and the buffer's line; each can be set apart."""
    arrays = SpatialDesign().vary(array_2d={"rows": side}).arrays
    assert (arrays.rows, arrays.cols, arrays.lanes, arrays.line_words) == (side,) * 4
    apart = SpatialDesign().vary(array_2d={"rows": side, "cols": 48}, array_1d={"lanes": 16}, buffer={"line": "64 B"})
    assert (apart.arrays.cols, apart.arrays.lanes, apart.arrays.line_words) == (48, 16, 32)


def test_only_corrected_memories_refresh() -> None:
    """Artifact mode has the DRAM at its peak and without delay."""
    published = SpatialDesign().vary(energy={"mode": "artifact"})
    assert published.arrays.bandwidth == 400 * 2**30
    assert published.dram_latency_ps == 0
    corrected = SpatialDesign()
    assert corrected.arrays.bandwidth == int(0.928 * 400 * 2**30)
    assert corrected.dram_latency_ps > 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("word", 12),
        ("dataflow", "nope"),
        ("buffer.line", "3 B"),
        ("array_1d.clock", "1 GHz"),
        ("array_2d.clock", "1 GHz"),
        ("dram.bandwidth", "0 B/s"),
    ],
)
def test_a_setting_is_blamed_and_not_the_file(key: str, value: object) -> None:
    """Also where two fields contradict each other: the one that was set is the one to change."""
    with pytest.raises(BadInput) as caught:
        load_design("fusemax", set=[f"{key}={value}"])
    assert caught.value.where == f"--set {key}={value}"


def test_plans_are_the_published_ones_in_artifact_mode_only() -> None:
    """Unless the design says which."""
    assert SpatialDesign().arrays.plan == "least_traffic"
    assert SpatialDesign().vary(energy={"mode": "artifact"}).arrays.plan == "published"
    assert SpatialDesign().vary(energy={"mode": "artifact"}, plan="fastest").arrays.plan == "fastest"
    assert {f.name: f.value for f in SpatialDesign().facts()}["plan"] == "least_traffic (follows)"


def test_banks_bound_the_accesses_of_a_cycle() -> None:
    """A bank has one access per cycle, whatever the ports."""
    assert SpatialDesign().vary(buffer={"banks": 2}).arrays.ports == 2
    assert SpatialDesign().arrays.ports == 4
