"""The trend file: a line per `make bench`, ratios beside rates: a change of pace shows whatever the machine."""

import csv
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(__file__).with_name("trend.csv")
COLUMNS = (
    "date",
    "commit",
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


def record(numbers: dict[str, float]) -> None:
    """Print the numbers; append them where ARCHSIM_TREND asks for it (`make bench` does, `make test` does not)."""
    assert set(numbers) == set(COLUMNS[2:])
    for name, value in numbers.items():
        print(f"\n{name}: {value:,.4g}", end="")
    if not os.environ.get("ARCHSIM_TREND"):
        return
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=FILE.parent, capture_output=True, text=True, check=False
    ).stdout.strip()
    fresh = not FILE.exists()
    with FILE.open("a", newline="") as out:
        writer = csv.writer(out)
        if fresh:
            writer.writerow(COLUMNS)
        stamp = datetime.now(UTC).date().isoformat()
        writer.writerow([stamp, commit or "-", *(f"{numbers[name]:.4g}" for name in COLUMNS[2:])])
