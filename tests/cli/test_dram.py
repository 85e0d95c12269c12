"""`archsim dram` on every kind of memory: one headline, what only one kind has beside it, and messages that teach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archsim.api.dram import DramRun, dram, load_device, run_memory
from archsim.core.errors import BadInput, Broken
from archsim.memory.device import Dram, Memory
from archsim.memory.sram import Sram

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

HEADLINE = [
    *("total_cycles", "tck_ps", "bandwidth_gbps", "peak_gbps", "utilization", "row_hits", "acts", "pres"),
    *("refreshes", "reads", "writes", "avg_read_latency_cycles", "energy_pj", "cpu_seconds"),
]
DEVICES = {"hbm2-8gb-x128": "dram", "sram-256kib-32x8b-1000": "sram", "nand-slc-128gb-x8-1200": "flash"}


@pytest.mark.parametrize("name", DEVICES)
def test_every_kind_has_the_same_headline(cli: Cli, name: str) -> None:
    done = cli("dram", name, "--pattern", "mix2r1w", "--requests", "300", "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    found = done.json
    more = ["channels", "detail"] if DEVICES[name] == "dram" else ["detail"]
    assert list(found) == [*HEADLINE, *more]
    # The last writes may stay in a DRAM's write buffer.
    assert (found["reads"], 0 < found["writes"] <= 100) == (200, True)
    assert 0 < found["utilization"] <= 1
    assert found["bandwidth_gbps"] == pytest.approx(found["utilization"] * found["peak_gbps"])
    bursts = found["reads"] + found["writes"] if DEVICES[name] == "dram" else 300
    moved = bursts * load_device(name, kind=Memory).request_bytes
    assert found["bandwidth_gbps"] == pytest.approx(moved / found["total_cycles"] / found["tck_ps"] * 1e3)
    assert found["energy_pj"] > 0
    if DEVICES[name] != "dram":
        assert (found["acts"], found["pres"], found["refreshes"]) == (0, 0, 0)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("pattern", ["seq", "random", "bankconf", "stride:65536"])
def test_every_kind_takes_every_pattern(cli: Cli, name: str, pattern: str) -> None:
    done = cli("dram", name, "--pattern", pattern, "--requests", "64")
    assert done.code == 0
    rows = dict(line.split("  ", 1) for line in done.out.splitlines())
    assert {"device", "pattern", "time", "bandwidth", "read latency", "energy"} <= rows.keys()
    assert name in rows["device"]
    assert not re.search(r"\bnan\b", done.out)


def test_a_file_of_any_kind_is_read(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: sram-256kib-32x8b-1000\nbanks: 4\nread_energy: 3 pJ\n")
    done = cli("dram", "mine.yaml", "--requests", "8", "--json", "--quiet", "--set", "latency=7")
    assert done.json["total_cycles"] == 2 - 1 + 7
    assert done.json["energy_pj"] == pytest.approx(24, rel=1e-2)


def test_wrong_memories_are_met_with_the_field_and_what_is_right(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "kind.yaml").write_text("kind: sran\nbanks: 4\n")
    assert "kind.yaml:1" in (done := cli("dram", "kind.yaml")).err
    assert "kind: dram, flash, sram" in done.err
    assert (done.code, done.out) == (2, "")
    wrong = cli("dram", "sram-256kib-32x8b-1000", "--set", "banks=5")
    assert "banks: 5 is not a power of two" in wrong.err
    assert "did you mean 'nand-tlc-64gb-x8-1200'" in cli("dram", "nand-tlc-64gb-x8-120").err


def test_what_must_be_dram_says_so() -> None:
    with pytest.raises(BadInput, match="kind: 'sram' is not what is needed here"):
        dram("sram-256kib-32x8b-1000")
    with pytest.raises(BadInput, match="kind: 'dram' is not what is needed here"):
        load_device("hbm2-8gb-x128", kind=Sram)
    assert isinstance(load_device("hbm2-8gb-x128"), Dram)


def test_a_dram_of_any_entry_has_the_statistics_of_its_controller() -> None:
    run = run_memory("hbm2-8gb-x128", "random", requests=500)
    assert isinstance(run, DramRun)
    other = dram("hbm2-8gb-x128", "random", requests=500)
    assert run.statistics.channels == other.statistics.channels
    assert run.measured.latencies.within(0.5) == run.statistics.read_latency(0.5)
    assert run.measured.latencies.mean == run.statistics.mean_read_latency
    assert run.measured.bytes_moved == 500 * 64


def test_a_kind_that_does_not_say_for_itself_is_told_what_to_override() -> None:
    class Mute(Memory):
        """A kind without members."""

    mute = Mute()
    for ask in ("capacity", "request_bytes", "peak", "conflict_stride"):
        with pytest.raises(Broken, match="memory kind"):
            getattr(mute, ask)
