"""Writes the table of docs/mappers.md: ``python docs/make_mappers.py``, about four minutes.

How good the default mapper of every design is, and how long it takes.

Every pair of design and workload is mapped in a process of its own, twice: first cold, with all modules loaded on the
way, then again, when the mapping is found. Times are CPU seconds of the machine that ran this.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from archsim.core.marked import with_marked

TARGET = Path(__file__).parent / "mappers.md"
WORKLOADS: dict[str, tuple[str, dict[str, object]]] = {
    "GPT-2 small, decode at 1024": ("gpt2-small", {"phase": "decode", "context": 1024}),
    "GPT-2 small, prefill of 1024": ("gpt2-small", {"phase": "prefill", "prompt": 1024}),
    "BERT base, 512 x 8": ("bert-base", {"prompt": 512, "batch": 8}),
    "Llama 2 7B, decode at 2048": ("llama-2-7b", {"phase": "decode", "context": 2048}),
    "Llama 2 7B, prefill of 2048": ("llama-2-7b", {"phase": "prefill", "prompt": 2048}),
}
CHILD = """
import json, sys, time
import archsim
from archsim.core.errors import ArchsimError
started = time.process_time()
design, workload, options = json.loads(sys.argv[1])
try:
    choice = archsim.map(design, workload, **options).choice
    cold, begun = time.process_time() - started, time.process_time()
    archsim.map(design, workload, **options)
    again = time.process_time() - begun
    print(json.dumps([choice.mapper, choice.metric, choice.gap, cold, again]))
except ArchsimError as error:
    print(json.dumps([type(error).__name__, str(error.what)]))
"""


def measured(design: str, workload: str, options: dict[str, object]) -> list[Any]:
    """Mapper, metric, gap, CPU seconds cold and again; or the kind of refusal and its reason."""
    argument = json.dumps([design, workload, options])
    done = subprocess.run([sys.executable, "-c", CHILD, argument], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def alternatives(design: str, workload: str, options: dict[str, Any]) -> dict[str, float]:
    """Seconds by every mapper that can, on spatial arrays by every exact dataflow in its steady state.

    The default comes first.
    """
    import archsim
    from archsim.api.cases import prepare
    from archsim.core.errors import ArchsimError
    from archsim.ir.mapper import Mapper
    from archsim.units.spatial.dataflows import DATAFLOWS

    default = prepare(design, workload, **options)
    if default.mapper.kind == "spatial":
        flow = default.design.capabilities()[0].dataflow  # type: ignore[union-attr]
        ways = {name: {"fidelity": "roofline", "set": {"mapper.dataflow": name}} for name in [flow, *DATAFLOWS]}
    else:
        others = [name for name, kind in Mapper.registry.items() if kind().accepts(default.design)]
        ways = {name: {"mapper": name} for name in [default.mapper.kind, *others]}
    found = {}
    for name, way in ways.items():
        try:
            found[name] = archsim.run(design, workload, **options, **way).seconds  # type: ignore[arg-type]
        except ArchsimError:
            continue
    return found


def row(design: str, label: str, found: list[Any], seconds: dict[str, float]) -> str:
    """One line of the table."""
    if len(found) == 2:
        return f"| {design} | {label} | refused: {found[1]} | | | | |"
    mapper, metric, gap, cold, again = found
    default = next(iter(seconds.values()))
    best = min(seconds, key=lambda name: seconds[name])
    over = default / seconds[best] - 1
    known = f"{over:.1%} over `{best}`" if over > 0 else "none better"
    times = f"{cold:.2f} / {1000 * again:.0f} ms"
    return f"| {design} | {label} | {mapper} | {metric.split(' (')[0]} | {gap:.1%} | {known} | {times} |"


def designs() -> list[str]:
    """Every bundled design."""
    from archsim.api.catalog import list_names

    return list(list_names("designs")["designs"])


def table() -> list[str]:
    """The lines of the table, measured."""
    lines = []
    for design in designs():
        for label, (workload, options) in WORKLOADS.items():
            found = measured(design, workload, options)
            seconds = alternatives(design, workload, options) if len(found) > 2 else {}
            lines.append(row(design, label, found, seconds))
            print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure all pairs and write the table into the page."""
    head = (
        "| design | workload | mapper | objective | gap to its bound | time | CPU s cold / again |\n" + "|---" * 7 + "|"
    )
    made = "".join(f"{line}\n" for line in (head, *table()))
    TARGET.write_text(with_marked(TARGET.read_text(), "designs", made))


if __name__ == "__main__":
    main()
