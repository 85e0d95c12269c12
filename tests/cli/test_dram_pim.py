"""`archsim dram` on memories that compute: the headline of every memory, what they add, help made from the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archsim.api.dram import run_memory
from archsim.cli.dram import PATTERNS
from archsim.memory import requests
from archsim.memory.pim.kernels import KERNELS
from tests.cli.test_dram import HEADLINE

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

SMALL = [
    ("gddr6-aim", "gemv:512x1024"),
    ("hbm2-newton", "gemv:512x512"),
    ("hbm2-pim-aquabolt", "relu:131072"),
    ("hbm3-attacc-bg", "attention:16x128"),
    ("hbm2-neupims", "attention:1x256"),
]
DETAIL = {
    *("commands", "refreshes", "commands_leapt", "channels_busy", "channels_simulated", "internal_gbps"),
    *("energy_by_cause_pj", "energy_not_counted", "notes", "units"),
}


@pytest.mark.parametrize(("device", "pattern"), SMALL)
def test_a_kernel_has_the_headline_of_every_memory(cli: Cli, device: str, pattern: str) -> None:
    done = cli("dram", device, "--pattern", pattern, "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    found, detail = done.json, done.json["detail"]
    assert [key for key in found if key != "detail"] == HEADLINE
    work = "operations" if "relu" in pattern else "macs"
    assert detail.keys() == DETAIL | {work, f"{work}_per_s"}
    seconds = found["total_cycles"] * found["tck_ps"] * 1e-12
    assert detail[f"{work}_per_s"] == pytest.approx(detail[work] / seconds)
    same = run_memory(device, pattern).record()
    assert {**same, "cpu_seconds": 0} == {**found, "cpu_seconds": 0}


@pytest.mark.parametrize(("device", "pattern"), SMALL)
def test_people_read_the_same_numbers(cli: Cli, device: str, pattern: str) -> None:
    done = cli("dram", device, "--pattern", pattern, "--quiet")
    rows = {name: text.strip() for name, text in (line.split("  ", 1) for line in done.out.splitlines())}
    found = run_memory(device, pattern).record()
    assert {"device", "pattern", "time", "in the banks", "pins", "channels", "commands", "energy"} <= rows.keys()
    assert rows["pattern"] == pattern
    assert rows["time"].startswith(f"{found['total_cycles']:,} cycles")
    busy, simulated = found["detail"]["channels_busy"], found["detail"]["channels_simulated"]
    assert rows["channels"].startswith(f"{busy} at work, {simulated} simulated: the others do the same")
    assert rows["commands"] == ", ".join(f"{name} {count:,}" for name, count in found["detail"]["commands"].items())
    assert rows.get("not in it", "") == ", ".join(found["detail"]["energy_not_counted"])


def test_help_and_list_name_every_pattern_and_kernel(cli: Cli) -> None:
    told = "".join(cli("dram", "--help").out.split())
    listed = cli("list", "kernels").out
    for kernel in KERNELS:
        assert kernel.form in told
        line = next(line for line in listed.splitlines() if line.startswith(f"{kernel.form} "))
        assert kernel.device in line
    names = PATTERNS.replace(" or ", ", ").split(", ")
    assert {name.partition(":")[0] for name in names} == {name.partition(":")[0] for name in requests.PATTERNS}


def test_requests_and_commands_of_one_file_meet(cli: Cli, tmp_path: Path) -> None:
    """The reads of the file are answered beside its MACs, each of them once."""
    reads = [f"{40 * n},R,{6400 * n:#x}" for n in range(100)]
    (tmp_path / "both.trace").write_text("\n".join(["0,MAC16,0,9,32", *reads, "4000,FENCE", "4000,MAC16,0,10,32"]))
    found = cli("dram", "gddr6-aim", "--pattern", "trace:both.trace", "--json", "--quiet").json
    assert found["detail"]["commands"]["MAC16"] == 32 * 64
    assert found["detail"]["commands"]["RD"] == found["reads"] == 100
    assert found["avg_read_latency_cycles"] >= 50  # tCL
    assert found["total_cycles"] > 4000 + 31 * 2
    (tmp_path / "reads.trace").write_text("\n".join(reads))
    alone = cli("dram", "gddr6-aim", "--pattern", "trace:reads.trace", "--json", "--quiet").json
    assert found["energy_pj"] > alone["energy_pj"] > 0
    assert found["avg_read_latency_cycles"] > alone["avg_read_latency_cycles"]
