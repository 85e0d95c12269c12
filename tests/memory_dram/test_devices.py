"""Presets reach their data sheets, and wrong devices, maps and traces are refused with the field or the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.api.designs import bundled_names
from archsim.api.dram import dram, load_device
from archsim.core.errors import BadInput, UnknownName
from archsim.memory.address import ORDER

SHEETS = {
    "ddr4-8gb-x8-3200": 64 * 3.2e9 / 8 * 625 / 630,  # the reference's clock is 0.63 ns
    "ddr5-16gb-x8-4800": 64 * 4.8e9 / 8,
    "gddr6-16gb-x16-16000": 32 * 16e9 / 8,
    "gddr6-8gb-x16": 128 * 16 / 0.66e-9 / 8,  # the reference's pin bound
    "hbm2-8gb-x128": 1024 * 2e9 / 8,
    "hbm2e-16gb-x64-3600": 1024 * 3.6e9 / 8,
    "hbm3-16gb-x32-6400": 1024 * 6.4e9 / 8,
    "lpddr4-8gb-x16-2400": 64 * 2.4e9 / 8,
    "lpddr5-16gb-x16-6400": 64 * 6.4e9 / 8,
}
"""Bytes per second."""
GIGABITS = {name: 16 if "16gb" in name else 8 for name in SHEETS}


def test_every_preset_is_listed_here() -> None:
    assert set(bundled_names("memories")) == set(SHEETS)


@pytest.mark.parametrize("name", SHEETS)
def test_peak_bandwidth_is_the_data_sheets(name: str) -> None:
    assert load_device(name).peak == pytest.approx(SHEETS[name], rel=5e-3)


@pytest.mark.parametrize("name", SHEETS)
def test_sequential_reads_reach_what_columns_and_refresh_allow(name: str) -> None:
    device = load_device(name, set={"address_map": "rorabacobgch"})
    t, count = device.cycles, 40_000 * device.channels
    found = dram(device, "seq", requests=count).statistics
    limit = 40_000 * max(t["tBURST"], t["tCCD_S"]) / (1 - t["tRFC"] / t["tREFI"])
    assert limit / found.cycles > 0.97


@given(st.sampled_from(sorted(SHEETS)), st.permutations(ORDER), st.data())
def test_address_maps_are_bijections(name: str, order: list[str], data: st.DataObject) -> None:
    addresses = load_device(name, set={"address_map": "".join(order)}).addresses
    place = tuple(data.draw(st.integers(0, (1 << addresses.widths[name]) - 1)) for name in ORDER)
    assert addresses.decode(addresses.encode(place)) == place
    address = data.draw(st.integers(0, load_device(name).capacity - 1))
    request = 1 << addresses.request_bits
    assert addresses.encode(addresses.decode(address)) == address // request * request


WRONG = {
    "timing.trc=20": "trc: 20 cycles are less than tras + trp = 34 + 14 = 48",
    "timing.trfc=4000": "trfc: a refresh of 4000 cycles does not fit into its interval trefi = 3900",
    "timing.tras=5": "tras: 5 cycles are less than trcdrd = 14",
    "timing.tccd_l=0.5": "0.5 is not a whole number",
    "timing.tfaw=2": "tfaw: 2 cycles are less than trrd_s = 4",
    "address_map=rorabgbacoco": "'rorabgbacoco' is not a bijection: co (column, in bursts) is given twice",
    "address_map=rorabgbach": "'rorabgbach' is not a bijection: co (column, in bursts) is missing",
    "address_map=rorabgbachxx": "unknown field 'xx'",
    "rows=0": "0 is too small, must be >= 1",
    "rows=3000": "rows: 3000 is not a power of two",
    "channels=3": "channels: 3 is not a power of two",
    "timing.trpp=3": "unknown key, did you mean 'trp'?",
    "standard=hbm9": "unknown DRAM standard 'hbm9'",
    "policy.refresh=never": "'never' is not one of staggered",
    "page=32 B": "holds no burst of 64 B",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_device_is_refused_by_its_field(change: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_device("hbm2-8gb-x128", set=[change])
    assert WRONG[change] in str(caught.value)
    assert f"--set {change}" in str(caught.value) or change.partition("=")[0].rpartition(".")[2] in str(caught.value)


def test_a_standard_without_single_bank_refresh_says_so() -> None:
    with pytest.raises(BadInput, match=r"policy\.refresh: ddr4 has no refresh of single banks"):
        load_device("ddr4-8gb-x8-3200", set={"policy.refresh": "per-bank"})


LINES = {"12,X,0x40": "'X' is neither R nor W", "12,R": "has 2 fields", "soon,R,0x40": "'soon' is not a cycle"}
LINES |= {"99,R,zz": "'zz' is not a hexadecimal address", "1,R,0x40": "cycle 1 comes after cycle 15"}


@pytest.mark.parametrize("line", LINES)
def test_line_17_of_a_trace_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requests.trace"
    path.write_text("".join(f"{i},R,0x{64 * i:x}\n" for i in range(16)) + line + "\n")
    with pytest.raises(BadInput) as caught:
        dram("hbm2-8gb-x128", f"trace:{path}")
    assert "requests.trace:17" in str(caught.value)
    assert LINES[line] in str(caught.value)


def test_a_trace_keeps_its_cycles(tmp_path: Path) -> None:
    path = tmp_path / "requests.trace"
    path.write_text("# cycle, direction, address\n0,R,0x0\n\n5000,W,1f40\n9000,r,0x80000\n")
    found = dram("hbm2-8gb-x128", f"trace:{path}").record()
    assert found["total_cycles"] == 9000 + 1 + 14 + 14 + 2 + 1


def test_unknown_names_are_met_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'hbm2-8gb-x128'"):
        load_device("hbm2-8gb-128")
    with pytest.raises(UnknownName, match="unknown pattern 'rand'"):
        dram("hbm2-8gb-x128", "rand")


def test_the_record_has_exactly_these_keys() -> None:
    found = dram("hbm2-8gb-x128", "seq", requests=100).record()
    assert json.dumps(found)
    assert list(found) == [
        *("total_cycles", "tck_ps", "bandwidth_gbps", "peak_gbps", "utilization", "row_hits", "acts", "pres"),
        *("refreshes", "reads", "writes", "avg_read_latency_cycles", "energy_pj", "cpu_seconds"),
    ]
