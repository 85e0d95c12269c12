"""How fast the simulator is. Rates are recorded, never asserted: only that the work was done is checked."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from archsim.api.cases import prepare
from archsim.api.lowering import lower
from archsim.sim.machine import elaborate
from archsim.sim.trace import Trace
from tests.bench.trend import record

T = TypeVar("T")


def cpu_of(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of this process, and the result."""
    start = time.process_time()
    result = work()
    return max(time.process_time() - start, 1e-6), result


def child(*arguments: str, folder: Path) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a Python process of its own."""
    errors = folder / "errors"
    with errors.open("wb") as talk:
        env = {**os.environ, "ARCHSIM_RUNS": str(folder)}
        process = subprocess.Popen([sys.executable, *arguments], env=env, stdout=subprocess.DEVNULL, stderr=talk)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, errors.read_text()
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def simulate(model: str, tokens: int, *, fast: bool, sets: dict[str, object] | None = None) -> Trace:
    case = prepare("pim-gpt", model, phase="generate", prompt=1, generate=tokens, set=sets)
    mapping = lower(case)[1]
    return elaborate(case.design).run(mapping, fast_forward=fast)


@pytest.mark.bench
def test_rates(tmp_path: Path) -> None:
    case = prepare("pim-gpt", "gpt2-xl", phase="generate", prompt=1, generate=1024)
    mapping = lower(case)[1]
    fast, trace = cpu_of(lambda: elaborate(case.design).run(mapping))
    simulate("gpt2-small", 1, fast=False)  # compiles
    slow, stepped = cpu_of(lambda: simulate("gpt2-small", 2, fast=False))
    channels = (8, 16, 32, 64)
    points, _ = cpu_of(lambda: [simulate("gpt2-xl", 128, fast=True, sets={"pim.channels": n}) for n in channels])
    cli = ("-m", "archsim.cli")
    main = (*cli, "run", "pim-gpt-8k", "gpt2-xl", "--phase", "generate", "--prompt", "1", "--json", "--generate")
    short, memory = child(*main, "1024", folder=tmp_path)
    long, _ = child(*main, "8192", folder=tmp_path)
    help_, _ = child(*cli, "--help", folder=tmp_path)
    bare, _ = child("-c", "pass", folder=tmp_path)
    light, _ = child("-c", "import archsim", folder=tmp_path)
    whole, _ = child("-c", "import archsim.api.running, archsim.sim.machine", folder=tmp_path)
    assert trace.effort.method == "fast-forward"
    assert stepped.effort.method == "stepped"
    record(
        {
            "simulated_seconds_per_cpu_second": trace.total_ps / 1e12 / fast,
            "task_instances_per_cpu_second": trace.effort.tasks / fast,
            "stepped_tasks_per_cpu_second": stepped.effort.tasks / slow,
            "stepped_commands_per_cpu_second": stepped.effort.events / slow,
            "cpu_seconds_per_design_point": points / len(channels),
            "cpu_ratio_8192_to_1024_tokens": long / short,
            "peak_memory_mb": memory,
            "cpu_seconds_of_help": help_,
            "cpu_seconds_of_import": light - bare,
            "cpu_seconds_of_importing_the_simulator": whole - bare,
            "fast_to_stepped_tasks": (trace.effort.tasks / fast) / (stepped.effort.tasks / slow),
        }
    )
