"""Does energy follow counts, time and mode?"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.api import load_design
from archsim.models.spatial import SpatialDesign
from archsim.models.spatial.energy import unit_energy, unit_traffic
from archsim.models.spatial.energy_spec import FineEnergy

NAMES = ("mac", "mul", "add", "max", "exp", "div", "buffer_read", "buffer_write")
COUNTS = st.fixed_dictionaries({name: st.integers(0, 10**12) for name in NAMES})
ARRAYS = st.sampled_from(["array_2d", "array_1d"])
DESIGNS = st.sampled_from(["fusemax", "fusemax-cascade", "flat", "fusemax-edge"])
MODES = st.sampled_from(["artifact", "corrected"])
SECOND = 10**12


@cache
def machine(name: str, mode: str, **energy: int) -> SpatialDesign:
    """A bundled design in a mode."""
    design = load_design(name)
    assert isinstance(design, SpatialDesign)
    return design.vary(energy={"mode": mode, **energy})


@given(DESIGNS, MODES, ARRAYS, COUNTS, COUNTS)
def test_adds_up(name: str, mode: str, unit: str, one: dict[str, int], other: dict[str, int]) -> None:
    """Two parts of a run cost what the run costs, up to a femtojoule of rounding in each component."""
    design = machine(name, mode)
    both = unit_energy(design, unit, {n: one[n] + other[n] for n in NAMES}, 0)
    parts = [unit_energy(design, unit, counts, 0) for counts in (one, other)]
    for component, energy in both.items():
        assert 0 <= energy - sum(part[component] for part in parts) <= 2


@given(DESIGNS, MODES, ARRAYS)
def test_nothing_costs_nothing(name: str, mode: str, unit: str) -> None:
    """No counts and no time: no energy."""
    assert set(unit_energy(machine(name, mode), unit, {}, 0).values()) == {0}


@given(DESIGNS, ARRAYS, st.integers(1, 1000))
def test_only_corrected_machines_leak(name: str, unit: str, seconds: int) -> None:
    """In proportion to time."""
    assert sum(unit_energy(machine(name, "artifact"), unit, {}, seconds * SECOND).values()) == 0
    corrected = machine(name, "corrected")
    once = sum(unit_energy(corrected, unit, {}, SECOND).values())
    assert once > 0
    assert sum(unit_energy(corrected, unit, {}, seconds * SECOND).values()) == pytest.approx(seconds * once, rel=1e-9)


@given(ARRAYS, COUNTS)
def test_an_exponential_of_macs_costs_its_macs_and_a_subtraction(unit: str, counts: dict[str, int]) -> None:
    """In FuseMax, wherever it runs; its registers too, since it is made of those operations."""
    design = machine("fusemax", "corrected")
    made = {
        **counts,
        "exp": 0,
        "mac": counts["mac"] + 6 * counts["exp"],
        "add": counts["add"] + counts["exp"],
    }
    assert sum(unit_energy(design, unit, counts, 0).values()) == pytest.approx(
        sum(unit_energy(design, unit, made, 0).values()), abs=4
    )


@given(COUNTS)
def test_the_published_cascade_pays_no_exponential(counts: dict[str, int]) -> None:
    """Only the subtraction before it; corrected, it does pay."""
    quirky, flat = machine("fusemax-cascade", "artifact"), machine("flat", "artifact")
    fewer, more = (unit_energy(design, "array_1d", counts, 0)["array_1d"] for design in (quirky, flat))
    assert more - fewer == pytest.approx(counts["exp"] * 94647.5, rel=1e-9, abs=1)
    assert unit_energy(machine("fusemax-cascade", "corrected"), "array_1d", {"exp": 1}, 0)["array_1d.exp"] > 94647


@given(DESIGNS, ARRAYS, st.integers(1, 10**12))
def test_registers_of_all_pes_weigh(name: str, unit: str, macs: int) -> None:
    """A fifth of a MAC's energy and more, which the artifact charges for one PE of the whole array."""
    corrected = unit_energy(machine(name, "corrected"), unit, {"mac": macs}, 0)
    assert 0.2 < corrected[f"{unit}.registers"] / corrected[unit] < 0.22
    published = unit_energy(machine(name, "artifact"), unit, {"mac": macs}, 0)
    assert published[unit] <= corrected[unit] * 1.01


@given(st.integers(0, 10**15), st.integers(0, 10**15), MODES)
def test_dram_costs_249_6_pj_for_8_bytes(read: int, written: int, mode: str) -> None:
    """Whatever the direction; and its traffic is what was counted."""
    counts = {"bytes_read": read, "bytes_written": written}
    assert unit_energy(machine("fusemax", mode), "dram", counts, 0)["dram"] == (read + written) * 31200
    assert unit_traffic("dram", counts) == {"dram": (read, written)}


@given(ARRAYS, COUNTS)
def test_smaller_nodes_cost_less(unit: str, counts: dict[str, int]) -> None:
    """Every node less than the one before it."""
    totals = [
        sum(unit_energy(machine("fusemax", "corrected", node=node), unit, counts, SECOND).values())
        for node in (45, 32, 20, 16, 14, 10, 7)
    ]
    assert all(smaller < larger for larger, smaller in pairwise(totals))


def test_constants_are_exact() -> None:
    """Attojoules hold what the artifact's tables say to the last digit."""
    assert FineEnergy("28.036 fJ") == 28036
    assert str(SpatialDesign().energy.operators.mac) == "17.1645 pJ"
