"""The four reference devices beside runs of DRAMsim3 (archsim/api/papers/dramsim3.csv).

Source of the file: DRAMsim3 29817593 as a library, requests offered in order as fast as they are accepted.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from archsim.api.dram import dram, load_device

DEVICES: dict[str, tuple[str, dict[str, object]]] = {
    "HBM2_8Gb_x128_1ch": ("hbm2-8gb-x128", {"channels": 1}),
    "HBM2_8Gb_x128": ("hbm2-8gb-x128", {}),
    "GDDR6_8Gb_x16": ("gddr6-8gb-x16", {}),
    "DDR4_8Gb_x8_3200": ("ddr4-8gb-x8-3200", {}),
    "LPDDR4_8Gb_x16_2400": ("lpddr4-8gb-x16-2400", {}),
}
COUNTS = {
    **{"total_cycles": "total_cycles", "acts": "num_act", "pres": "num_pre", "refreshes": "num_ref"},
    **{"reads": "num_read_cmds", "writes": "num_write_cmds"},
}


def rows() -> list[dict[str, str]]:
    with (Path(__file__).parents[2] / "archsim" / "api" / "papers" / "dramsim3.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['config']}-{row['pattern']}-{row['n_requests']}")
def test_every_count_is_the_references(row: dict[str, str]) -> None:
    name, changes = DEVICES[row["config"]]
    found = dram(name, row["pattern"], requests=int(row["n_requests"]), set=changes).record()
    assert {key: found[key] for key in COUNTS} == {key: int(row[column]) for key, column in COUNTS.items()}
    hits = int(row["num_read_row_hits"]) + int(row["num_write_row_hits"])
    assert found["row_hits"] == hits
    assert found["avg_read_latency_cycles"] == pytest.approx(float(row["avg_read_latency_cycles"]), abs=0.006)
    # The reference adds up mW x cycles and calls it pJ; times the nanoseconds of a cycle it is.
    assert found["energy_pj"] == pytest.approx(float(row["total_energy_pJ"]) * float(row["tCK_ns"]), rel=1e-6)
    assert found["peak_gbps"] == pytest.approx(float(row["peak_GBps_model"]), rel=1e-3)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['config']}-{row['pattern']}-{row['n_requests']}")
def test_the_devices_are_the_references(row: dict[str, str]) -> None:
    name, changes = DEVICES[row["config"]]
    device = load_device(name, set=changes)
    assert device.request_bytes == int(row["req_bytes"])
    assert int(device.io_energy) == 0  # its energy model has no data pins
    assert device.capacity == device.channels * int(row["channel_size_MB"]) * 2**20
    own = {key: device.cycles[key] for key in ("tCL", "tCWL", "tRP", "tRAS", "tRC", "tRTP", "tRFC", "tREFI", "tFAW")}
    theirs = {key: int(row[key.removeprefix("t") if key in ("tCL", "tCWL") else key]) for key in own}
    assert own == theirs
    where = device.addresses.positions
    assert {key: where[key] for key in where} == {key: int(row[f"{key}_pos"]) for key in where}
