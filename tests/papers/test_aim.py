"""The GDDR6-AiM preset beside runs of arkhadem/aim_simulator (tests/data/aim_reference.csv)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from archsim import load_design, run
from archsim.memory.channel import CLOSED, Result
from archsim.models.pim_dram import PimDram
from archsim.models.pim_dram.build import channel

CYCLE_PS = 500
"""AiM counts cycles of 0.5 ns."""
ROW = 56 + 63 * 2 + 12 + 32
"""nRCDRDMAC, 64 columns at nCCD, nRTP, nRP."""


def rows(count: int) -> Result:
    """`count` full rows of all banks on an idle channel, one result each, the input vector already there."""
    design = load_design("aim", set={"pim.refresh": "off"})
    assert isinstance(design, PimDram)
    one = channel(design.pim)
    return one.multiply([(0, count, 64, 0, 0, 0)], 1, CLOSED, one.fresh_timers)


def reference(trace: str) -> int:
    with (Path(__file__).parents[1] / "data" / "aim_reference.csv").open() as file:
        return next(int(row["cycles"]) for row in csv.DictReader(file) if row["trace"].startswith(trace))


def test_a_row_takes_226_cycles() -> None:
    assert ROW == 226
    first = rows(1).free
    for count in (2, 3, 16, 1024):
        assert rows(count).free - first == ROW * (count - 1) * CYCLE_PS


@pytest.mark.parametrize(
    ("count", "trace"), [(1, "MAC_ABK 64 x 1 row"), (2, "MAC_ABK 64 x 2 rows"), (1024, "micro_macab_1024_16banks")]
)
def test_cycles_are_those_of_aim_simulator_but_for_the_last(count: int, trace: str) -> None:
    """It ends when the last command is complete (186 = 56 + 63 x 2 + 4), we where the channel is free again (185)."""
    assert abs(rows(count).free / CYCLE_PS - reference(trace)) <= 1


def test_57_percent_of_the_peak_remain() -> None:
    macs_per_second = 16 * 64 * 16 / (ROW * CYCLE_PS * 1e-12)
    assert macs_per_second == pytest.approx(145e9, rel=0.01)
    design = load_design("aim")
    assert isinstance(design, PimDram)
    assert macs_per_second / (design.roof.macs_per_second / design.pim.channels) == pytest.approx(0.566, abs=0.001)


@pytest.mark.parametrize("fast_forward", [True, False])
def test_a_whole_product_settles_at_226_cycles_a_row(fast_forward: bool) -> None:
    """Through workload, mapper and machine: 512 banks, so 512 outputs of 1024 inputs are one row each.

    The product ends in memory: per row, 16 results of each channel go back in one burst of 1 ns.
    """
    sets = {"pim.refresh": "off", "workload.dtype": "bf16"}
    times = [
        run("aim", f"gemm:1,{512 * count},1024", set=sets, fast_forward=fast_forward).total_ps
        for count in (1, 2, 8, 64)
    ]
    steps = [(time - times[0]) / CYCLE_PS for time in times]
    stored = ROW + 2
    assert steps == [0, stored, 7 * stored, 63 * stored]
