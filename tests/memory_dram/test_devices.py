"""Presets reach their data sheets, and wrong devices, maps and traces are refused with the field or the line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.api.designs import bundled_names
from archsim.api.dram import dram, load_device
from archsim.api.memories import memory_facts
from archsim.core.errors import BadInput, UnknownName
from archsim.memory.address import ORDER
from archsim.memory.device import Dram, Memory
from archsim.memory.energy import CAUSES
from archsim.memory.standards.ordinary import ORDINARY
from archsim.memory.timing import Timing

SHEETS = {
    "ddr4-16gb-x8-3200": 64 * 3.2e9 / 8,
    "ddr4-8gb-x8-2400": 64 * 2.4e9 / 8,
    "ddr4-8gb-x8-3200": 64 * 3.2e9 / 8 * 625 / 630,  # the reference's clock is 0.63 ns
    "ddr5-16gb-x8-4800": 64 * 4.8e9 / 8,
    "ddr5-16gb-x8-6400": 64 * 6.4e9 / 8,
    "gddr6-16gb-x16-16000": 32 * 16e9 / 8,
    "gddr6-8gb-x16": 128 * 16 / 0.66e-9 / 8,  # the reference's pin bound
    "gddr6-8gb-x16-14000": 32 * 14e9 / 8,
    "hbm2-4gb-x128": 1024 * 2e9 / 8,
    "hbm2-8gb-x128": 1024 * 2e9 / 8,
    "hbm2-8gb-x64-2400": 1024 * 2.4e9 / 8,
    "hbm2e-16gb-x64-3200": 1024 * 3.2e9 / 8,
    "hbm2e-16gb-x64-3600": 1024 * 3.6e9 / 8,
    "hbm3-16gb-x32-5200": 1024 * 5.2e9 / 8,
    "hbm3-16gb-x32-6400": 1024 * 6.4e9 / 8,
    "lpddr4-16gb-x16-4266": 64 * 4.266e9 / 8,
    "lpddr4-8gb-x16-2400": 64 * 2.4e9 / 8,
    "lpddr5-16gb-x16-6400": 64 * 6.4e9 / 8,
    "lpddr5-16gb-x16-8533": 64 * 8.533e9 / 8,
}
"""Bytes per second."""
REFERENCES = ("ddr4-8gb-x8-3200", "gddr6-8gb-x16", "hbm2-4gb-x128", "hbm2-8gb-x128", "lpddr4-8gb-x16-2400")
BAD_MAPS = {"ddr4-8gb-x8-3200": "rochrababgco keeps a stream in one bank, and so at tCCD_L"}
"""Presets that keep a map for the sake of the reference although it is bad for streams."""
GOOD_MAP = "rorabacobgch"


def ordinary() -> dict[str, Dram]:
    """Every bundled memory of an ordinary standard."""
    found = {name: load_device(name, kind=Memory) for name in bundled_names("memories")}
    standards = {protocol.name for protocol in ORDINARY}
    return {name: one for name, one in found.items() if isinstance(one, Dram) and one.standard in standards}


def test_every_preset_is_listed_here_and_each_standard_has_two() -> None:
    devices = ordinary()
    assert set(devices) == set(SHEETS)
    count = Counter(device.standard for device in devices.values())
    assert all(count[protocol.name] >= 2 for protocol in ORDINARY)


@pytest.mark.parametrize("name", SHEETS)
def test_peak_bandwidth_is_the_data_sheets(name: str) -> None:
    assert load_device(name).peak == pytest.approx(SHEETS[name], rel=5e-3)


@pytest.mark.parametrize("name", SHEETS)
def test_sequential_reads_reach_what_columns_and_refresh_allow(name: str) -> None:
    device = load_device(name, set={"address_map": GOOD_MAP} if name in BAD_MAPS else None)
    t, count = device.cycles, 40_000
    found = dram(device, "seq", requests=count * device.channels).statistics
    assert found.bandwidth / device.attainable > 0.97
    assert found.cycles >= count * max(t["tBURST"], t["tCCD_S"])


@pytest.mark.parametrize("name", ["gddr6-aim", "hbm2-newton", "hbm2-neupims", "hbm2-pim-aquabolt", "hbm3-attacc-bank"])
def test_memories_that_compute_are_as_fast_for_ordinary_reads(name: str) -> None:
    found = dram(name, "seq", requests=60_000, set={"channels": 1}).statistics
    assert found.bandwidth / found.device.attainable > 0.97


@pytest.mark.parametrize("name", BAD_MAPS)
def test_a_map_kept_for_the_reference_is_worse_than_a_good_one(name: str) -> None:
    own, good = (dram(name, "seq", requests=20_000, set=s).record() for s in ({}, {"address_map": GOOD_MAP}))
    assert own["utilization"] < 0.75 * good["utilization"]


@pytest.mark.parametrize("name", SHEETS)
def test_every_number_of_a_preset_has_a_source_and_a_confidence(name: str) -> None:
    device, facts = load_device(name), memory_facts(name)
    fields = {fact.name.removeprefix("dram.") for fact in facts} | {"timing", "currents", "organisation"}
    known = {f"timing.{field}" for field in Timing.model_fields} | fields | {"io_energy"}
    assert set(device.sources) <= known
    for text in device.sources.values():
        assert text.endswith(("[stated]", "[derived]", "[assumed]")), text
    for fact in facts:
        assert fact.confidence in ("stated", "derived", "assumed"), fact
        if fact.name.startswith(("dram.timing", "dram.currents")) or fact.name.endswith("_energy"):
            assert "a choice of" not in fact.source, fact


@pytest.mark.parametrize("name", SHEETS)
def test_energy_of_the_pins_comes_on_top_of_the_same_run(name: str) -> None:
    without = dram(name, "mix2r1w", requests=3_000, set={"io_energy": "0 pJ"}).statistics
    found = dram(name, "mix2r1w", requests=3_000, set={"io_energy": "3 pJ"}).statistics
    bursts = sum(found.total(command) for command in ("RD", "RDA", "WR", "WRA"))
    assert found.energy == without.energy | {"io": pytest.approx(3.0 * bursts * found.device.request_bytes * 8)}
    assert found.energy.keys() <= CAUSES.keys()
    assert (int(load_device(name).io_energy) == 0) == (name in REFERENCES)  # their model has none


def test_published_energies_are_counts_times_energies() -> None:
    found = dram("hbm2e-16gb-x64-3600", "random", requests=5_000).statistics
    bits = 8 * 32 * (found.total("RD") + found.total("WR"))
    assert found.energy == pytest.approx(
        {"activate": 909.0 * found.total("ACT"), "access": 2.68 * bits, "io": 0.8 * bits}
    )


def test_same_bank_refresh_costs_a_stream_less_than_refresh_of_the_rank() -> None:
    whole, part = (
        dram("ddr5-16gb-x8-4800", "seq", requests=40_000, set={"policy.refresh": refresh}).statistics
        for refresh in ("staggered", "same-bank")
    )
    assert part.cycles < whole.cycles
    interval = part.device.timing.trefi / 2 / part.device.banks  # tREFI2 of fine granularity, over the banks of a group
    assert part.total("REFSB") == pytest.approx(part.device.channels * part.cycles / interval, rel=0.01)
    assert part.total("REF") == whole.total("REFSB") == 0


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
    "timing.trpp=3": "unknown key, did you mean 'timing.trp'?",
    "standard=hbm9": "unknown DRAM standard 'hbm9'",
    "policy.refresh=never": "'never' is not one of staggered",
    "page=32 B": "holds no burst of 64 B",
    "timing.trfcpb=300": "trfcpb: 300 cycles are more than trfc = 260",
    "currents.idd4r=10 mA": "idd4r: 10 mA are less than standby with open rows, idd3n = 55 mA",
    "currents.idd0=30 mA": "currents.idd0: 30 mA are less than standby over one tRC",
    "access_energy=3 pJ": "access_energy: 3 pJ would not be counted, since there are currents",
    "io_energy=3": "3 needs a unit",
    "timing.tras=5000": "trefi: 3900 cycles are not more than one row cycle, tras + trp = 5014",
    "policy.drain_above=40": "policy.drain_above: 40 writes, and policy.write_buffer: 32 of them fill the buffer",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_device_is_refused_by_its_field(change: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_device("hbm2-8gb-x128", set=[change])
    assert WRONG[change] in str(caught.value)
    assert str(caught.value).startswith(f"--set {change}")


@given(st.permutations(["timing.tras=60", "timing.trc=61", "channels=2"]))
def test_of_several_settings_one_that_breaks_the_rule_is_named(sets: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        load_device("hbm2-8gb-x128", set=sets)
    assert str(caught.value).startswith(("--set timing.trc=61  ", "--set timing.tras=60  "))


def test_a_setting_from_python_is_named_too() -> None:
    with pytest.raises(BadInput, match=r"set=\{'timing.trc': 20\}  memory.timing: trc: 20 cycles"):
        load_device("hbm2-8gb-x128", set={"timing.trc": 20})


NO_PART = {
    ("ddr4-8gb-x8-3200", "per-bank"): ("single banks", "staggered, simultaneous or off"),
    ("ddr5-16gb-x8-4800", "per-bank"): ("single banks", "staggered, simultaneous, same-bank or off"),
    ("hbm2-8gb-x128", "same-bank"): ("the same bank of every group", "staggered, simultaneous, per-bank or off"),
}


@pytest.mark.parametrize(("name", "refresh"), NO_PART)
def test_a_standard_without_a_refresh_says_which_it_has(name: str, refresh: str) -> None:
    what, right = NO_PART[name, refresh]
    with pytest.raises(BadInput, match=f"has no refresh of {what}") as caught:
        load_device(name, set={"policy.refresh": refresh})
    assert right in str(caught.value)


LINES = {"12,X,0x40": "'X' is neither R nor W", "12,R": "has 2 fields", "soon,R,0x40": "'soon' is not a cycle"}
LINES |= {"0x40 READ 99": "try: 99,R,0x40", "7": "has 1 field, not 3"}
LINES |= {"99,R,zz": "'zz' is not a hexadecimal address", "1,R,0x40": "cycle 1 comes after cycle 15"}


@pytest.mark.parametrize("line", LINES)
def test_line_17_of_a_trace_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requests.trace"
    path.write_text("".join(f"{i},R,0x{64 * i:x}\n" for i in range(16)) + line + "\n")
    with pytest.raises(BadInput) as caught:
        dram("hbm2-8gb-x128", f"trace:{path}")
    assert "requests.trace:17" in str(caught.value)
    assert LINES[line] in str(caught.value)


def test_the_first_line_that_is_no_text_is_named(tmp_path: Path) -> None:
    (path := tmp_path / "requests.trace").write_bytes(b"0,R,0x0\n1,R,0x40\n\xff\xfe\n")
    with pytest.raises(BadInput, match=r"requests\.trace:3  byte 0xff is no text"):
        dram("hbm2-8gb-x128", f"trace:{path}")


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
        *("channels", "detail"),
    ]
