"""Writes the table of docs/mappers.md: ``python docs/make_mappers.py [DESIGN...]``, about five minutes for all.

With designs, their rows are measured anew and all others stay.

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
    "attention 1 x 8, 1 to 65536": ("attention:1,8,2,1,65536,128", {}),
    "attention 4 x 12, 512 to 512": ("attention:4,12,12,512,512,64", {}),
}
HEAD = ("design", "workload", "mapper", "objective", "gap to its bound", "time", "with `auto`", "CPU s cold / again")
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
    """Seconds by every mapper that can, on spatial arrays by every exact dataflow, event by event.

    The default comes first.
    """
    import archsim
    from archsim.api.cases import prepare
    from archsim.core.errors import ArchsimError
    from archsim.ir.mapper import Mapper
    from archsim.mappers.spatial.offers import EXACT

    default = prepare(design, workload, **options)
    if default.mapper.kind == "spatial":
        flow = default.design.capabilities()[0].dataflow  # type: ignore[union-attr]
        ways = {name: {"set": {"mapper.dataflow": name}} for name in [flow, *(each.name for each in EXACT)]}
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


def automatic(design: str, workload: str, options: dict[str, Any], default: float) -> str:
    """What ``mapper.dataflow=auto`` takes on spatial arrays, and how much less time than the default's."""
    import archsim

    settings: dict[str, Any] = {**options, "set": {"mapper.dataflow": "auto"}}
    plans: Any = archsim.map(design, workload, **settings).choice.options["plans"]
    names = dict.fromkeys(plan["dataflow"] for name, plan in plans.items() if name.endswith("scores"))
    less = 1 - archsim.run(design, workload, **settings).seconds / default
    return f"{less:.1%} less: {', '.join(f'`{name}`' for name in names)}" if less > 0 else "no less"


def row(design: str, label: str, found: list[Any], seconds: dict[str, float], auto: str = "") -> str:
    """One line of the table."""
    if len(found) == 2:
        return f"| {design} | {label} | refused: {found[1]} | | | | | |"
    mapper, metric, gap, cold, again = found
    default = next(iter(seconds.values()))
    best = min(seconds, key=lambda name: seconds[name])
    over = default / seconds[best] - 1
    known = f"{over:.1%} over `{best}`" if over > 0 else "none better"
    times = f"{cold:.2f} / {1000 * again:.0f} ms"
    return f"| {design} | {label} | {mapper} | {metric.split(' (')[0]} | {gap:.1%} | {known} | {auto} | {times} |"


def designs() -> list[str]:
    """Every bundled design."""
    from archsim.api.catalog import list_names

    return list(list_names("designs")["designs"])


def rows(design: str) -> list[str]:
    """The lines of a design, measured."""
    lines = []
    for name, (workload, asked) in WORKLOADS.items():
        label, options = name, asked
        found = measured(design, workload, options)
        if found[0] == "DoesNotFit" and workload == "llama-2-7b":
            lines.append(row(design, label, found, {}))
            label, options = f"One layer of {label}", {**options, "set": {"workload.model.layers": 1}}
            found = measured(design, workload, options)
        seconds = alternatives(design, workload, options) if len(found) > 2 else {}
        spatial = len(found) > 2 and found[0] == "spatial"
        auto = automatic(design, workload, options, next(iter(seconds.values()))) if spatial else ""
        lines.append(row(design, label, found, seconds, auto))
        print(lines[-1], flush=True)
    return lines


def kept(design: str, page: str) -> list[str]:
    """The lines of a design as they stand on the page."""
    return [line for line in page.splitlines() if line.startswith(f"| {design} | ")]


def main(chosen: list[str]) -> None:
    """Measure the chosen designs, or all, and write the table into the page."""
    page = TARGET.read_text()
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for design in designs():
        lines += rows(design) if design in chosen or not chosen else kept(design, page)
    TARGET.write_text(with_marked(TARGET.read_text(), "designs", "".join(f"{line}\n" for line in lines)))


if __name__ == "__main__":
    main(sys.argv[1:])
