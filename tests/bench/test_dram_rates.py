"""How many requests the compiled memory controller answers in a CPU second; recorded, not required."""

import subprocess
import sys
import time

import pytest

from archsim.api.dram import dram

CASES = [
    ("hbm2-8gb-x128", "random"),
    ("hbm2-8gb-x128", "seq"),
    ("hbm2-8gb-x128", "bankconf"),
    ("ddr4-8gb-x8-3200", "seq"),
]


@pytest.mark.bench
@pytest.mark.parametrize(("device", "pattern"), CASES)
def test_requests_per_cpu_second(device: str, pattern: str) -> None:
    count = 200_000
    found = dram(device, pattern, requests=count, set={"channels": 1}).record()
    print(f"\n{device} {pattern}: {count / found['cpu_seconds'] / 1e6:.2f} million requests per CPU second")
    assert found["reads"] + found["writes"] == count


@pytest.mark.bench
def test_a_second_process_starts_from_the_cache() -> None:
    dram("hbm2-8gb-x128", "seq", requests=10)
    start = time.perf_counter()
    code = "from archsim.api.dram import dram; dram('hbm2-8gb-x128', 'seq', requests=10)"
    subprocess.run([sys.executable, "-c", code], check=True)
    print(f"\na process that finds the compiled controller on disk: {time.perf_counter() - start:.1f} s")
