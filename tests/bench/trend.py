"""The trend file: a line per `make bench`, ratios beside rates: a change of pace shows whatever the machine."""

import csv
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

STAMP = ("date", "commit")
COLUMNS = (
    "simulated_seconds_per_cpu_second",
    "task_instances_per_cpu_second",
    "stepped_tasks_per_cpu_second",
    "stepped_commands_per_cpu_second",
    "cpu_seconds_per_design_point",
    "cpu_ratio_8192_to_1024_tokens",
    "peak_memory_mb",
    "cpu_seconds_of_help",
    "cpu_seconds_of_import",
    "cpu_seconds_of_importing_the_simulator",
    "fast_to_stepped_tasks",
)


MEMORY = (
    "random_requests_per_cpu_second_1_channel",
    "random_requests_per_cpu_second_8_channels",
    "sequential_requests_per_cpu_second_stepped",
    "cpu_seconds_of_100_million_sequential_1_channel",
    "cpu_seconds_of_100_million_sequential_8_channels",
    "cpu_ratio_100_to_1_million_sequential",
    "pim_commands_per_cpu_second",
    "hbm_pim_gemv_4096_speedup_over_its_simulator",
    "cpu_seconds_of_a_process_that_finds_machine_code",
)


def record(numbers: dict[str, float], columns: tuple[str, ...] = COLUMNS, name: str = "trend") -> None:
    """Print the numbers; append them where ARCHSIM_TREND asks for it (`make bench` does, `make test` does not)."""
    assert set(numbers) == set(columns)
    for column, value in numbers.items():
        print(f"\n{column}: {value:,.4g}", end="")
    if not os.environ.get("ARCHSIM_TREND"):
        return
    file = Path(__file__).with_name(f"{name}.csv")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=file.parent, capture_output=True, text=True, check=False
    ).stdout.strip()
    fresh = not file.exists()
    with file.open("a", newline="") as out:
        writer = csv.writer(out)
        if fresh:
            writer.writerow((*STAMP, *columns))
        stamp = datetime.now(UTC).date().isoformat()
        writer.writerow([stamp, commit or "-", *(f"{numbers[column]:.4g}" for column in columns)])
