"""How fast the memory is once its machine code is on disk; recorded, not required."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from archsim.api.dram import dram, load_device
from archsim.memory.controller import Statistics, run
from archsim.memory.pim.hbm_pim import gemv
from archsim.memory.pim.lower import play_fast
from archsim.memory.requests import pattern
from tests.bench.trend import MEMORY, record

THEIR_GEMV = 6.4
"""CPU seconds of SAITPublic/PIMSimulator for the 4096 x 4096 GEMV alone, on an idle core."""


def ask(text: str, count: int, channels: int, *, fast_forward: bool = True) -> Statistics:
    """The best of three runs of a pattern on the HBM2 reference device."""
    memory = load_device("hbm2-8gb-x128", set={"channels": channels})
    found = [run(memory, pattern(text, count, memory), fast_forward=fast_forward) for _ in range(3)]
    assert {one.requests for one in found} == {count}
    return min(found, key=lambda one: one.cpu_seconds)


def gemv_rates() -> tuple[float, float]:
    """Commands per CPU second, and how much faster the GEMV is than in its own simulator, everything included."""
    device = load_device("hbm2-pim-aquabolt")
    play_fast(device, gemv(4096, 4096, device.channels))
    start = time.process_time()
    played = [play_fast(device, gemv(4096, 4096, device.channels)) for _ in range(20)]
    each = (time.process_time() - start) / len(played)
    assert {one.cycles for one in played} == {played[0].cycles}
    return played[0].commands.total() / each, THEIR_GEMV / each


def warm_start() -> float:
    """CPU seconds of a process that simulates ten requests and finds the machine code on disk."""
    dram("hbm2-8gb-x128", "seq", requests=10)
    code = "from archsim.api.dram import dram; dram('hbm2-8gb-x128', 'seq', requests=10)"
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


@pytest.mark.bench
def test_memory_rates() -> None:
    many = 100_000_000
    one, eight = (ask("seq", many, channels) for channels in (1, 8))
    commands, speedup = gemv_rates()
    numbers = (
        *(10**6 / ask("random", 10**6, channels).cpu_seconds for channels in (1, 8)),
        10**6 / ask("seq", 10**6, 1, fast_forward=False).cpu_seconds,
        one.cpu_seconds,
        eight.cpu_seconds,
        one.cpu_seconds / ask("seq", 10**6, 1).cpu_seconds,
        commands,
        speedup,
        warm_start(),
    )
    assert one.simulated + one.leapt == eight.simulated + eight.leapt == many
    record(dict(zip(MEMORY, numbers, strict=True)), MEMORY, "memory")
