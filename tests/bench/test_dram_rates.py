"""How many requests the compiled memory controller answers in a CPU second; recorded, not required."""

import subprocess
import sys
import time

import pytest

from archsim.api.dram import dram, load_device
from archsim.memory.controller import run
from archsim.memory.requests import pattern as named

CASES = [
    ("hbm2-8gb-x128", "random"),
    ("hbm2-8gb-x128", "seq"),
    ("hbm2-8gb-x128", "bankconf"),
    ("ddr4-8gb-x8-3200", "seq"),
]


@pytest.mark.bench
@pytest.mark.parametrize(("device", "pattern"), CASES)
@pytest.mark.parametrize("channels", [1, 8])
def test_requests_per_cpu_second(device: str, pattern: str, channels: int) -> None:
    count = 200_000
    memory = load_device(device, set={"channels": channels})
    found = run(memory, named(pattern, count, memory), fast_forward=False)
    rate = count / found.cpu_seconds / 1e6
    print(f"\n{device}, channels {channels}, {pattern}: {rate:.2f} million requests stepped per CPU second")
    assert found.requests == count


@pytest.mark.bench
@pytest.mark.parametrize("channels", [1, 8])
def test_a_hundred_million_sequential_requests(channels: int) -> None:
    memory = load_device("hbm2-8gb-x128", set={"channels": channels})
    few, many = (run(memory, named("seq", count, memory)) for count in (1_000_000, 100_000_000))
    ratio = many.cpu_seconds / few.cpu_seconds
    print(
        f"\n100 million sequential reads, channels {channels}: {many.cpu_seconds:.2f} CPU s, {ratio:.1f} x 1 million;"
    )
    print(f"simulated {many.simulated:,}, leapt over {many.leapt:,}")
    assert many.simulated + many.leapt == 100_000_000


@pytest.mark.bench
def test_a_second_process_starts_from_the_cache() -> None:
    dram("hbm2-8gb-x128", "seq", requests=10)
    start = time.perf_counter()
    code = "from archsim.api.dram import dram; dram('hbm2-8gb-x128', 'seq', requests=10)"
    subprocess.run([sys.executable, "-c", code], check=True)
    print(f"\na process that finds the compiled controller on disk: {time.perf_counter() - start:.1f} s")
