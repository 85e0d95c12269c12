"""Several runs side by side, each against the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

from rich.console import Console
from rich.text import Text

from archsim.report import units as u
from archsim.report.columns import grid, sentence, shortened
from archsim.report.document import (
    ReportDoc,
    above_bound,
    joules_per_token,
    mapper_gap,
    ratio,
    title,
    tokens_per_second,
    utilization,
)

COLUMN = 17
"""Characters a run needs where runs are columns."""


class Compared(TypedDict):
    """One run of a comparison. Ratios are to the first run: a `speedup` above 1 is faster."""

    name: str
    phase: str
    fidelity: str
    seconds: float
    speedup: float | None
    energy_joules: float
    energy_ratio: float | None
    tokens_per_second: float | None
    joules_per_token: float | None
    lower_bound_seconds: float
    above_bound: float | None
    bound_by: str
    mapper: str
    gap: float | None
    utilization: float


def compare(docs: Sequence[ReportDoc]) -> list[Compared]:
    """One entry per run, in the order given."""
    return [_compared(doc, docs[0]) for doc in docs]


def show_comparison(docs: Sequence[ReportDoc], console: Console) -> None:
    """Print the comparison: runs as columns where they fit, as rows where they do not; then what bounds each."""
    runs = compare(docs)
    for note in differences(docs):
        console.print(Text(f"careful: {note}", style="yellow"))
    console.print(Text(_what_runs(docs), style="dim"))
    cells = [[_short(shown(run)) for _, shown in _LINES] for run in runs]
    if 14 + (COLUMN + 2) * len(runs) <= console.width:
        heads = [[_short(part) for part in _fold(run["name"])] for run in runs]
        second = ["", *(head[1] for head in heads)]
        rows = [second, *([line[0], *(own[i] for own in cells)] for i, line in enumerate(_LINES))]
        console.print(grid(("", *(head[0] for head in heads)), rows, console=console))
    else:
        few = [i for i, line in enumerate(_LINES) if line[0] in _NARROW]
        rows = [[run["name"], *(own[i] for i in few)] for run, own in zip(runs, cells, strict=True)]
        console.print(grid(("run", *(_LINES[i][0] for i in few)), rows, console=console))
    for name, cause in dict.fromkeys((run["name"], run["bound_by"]) for run in runs if run["bound_by"]):
        console.print(sentence(f"{name} ", f"is bound by {cause}", console))


def _what_runs(docs: Sequence[ReportDoc]) -> str:
    """What all of them do, once: workload, phase and tokens, where these are the same."""
    workload, phase, tokens = ({doc[key] for doc in docs} for key in ("workload", "phase", "tokens"))
    parts = [str(*values) if len(values) == 1 else "" for values in (workload, phase)]
    if len(tokens) == 1 and (count := docs[0]["tokens"]):
        parts.append(f"{count:,} token{'s' if count != 1 else ''}")
    return ", ".join(part for part in parts if part)


def differences(docs: Sequence[ReportDoc]) -> list[str]:
    """Why the runs may not be comparable: another workload, phase, number of tokens or fidelity."""
    notes = []
    for what, values in (
        ("workload", [doc["workload"] for doc in docs]),
        ("phase", [doc["phase"] for doc in docs]),
        ("tokens", [f"{doc['tokens']:,}" for doc in docs]),
        ("MACs", [f"{doc['macs']:,}" for doc in docs]),
        ("fidelity", [doc["fidelity"] for doc in docs]),
    ):
        if len(set(values)) > 1:
            notes.append(f"not the same {what}: {', '.join(dict.fromkeys(values))}")
    return notes


def _compared(doc: ReportDoc, first: ReportDoc) -> Compared:
    energy = doc["energy_joules"]["total"]
    return {
        "name": title(doc),
        "phase": doc["phase"],
        "fidelity": doc["fidelity"],
        "seconds": doc["seconds"],
        "speedup": ratio(first["seconds"], doc["seconds"]),
        "energy_joules": energy,
        "energy_ratio": ratio(energy, first["energy_joules"]["total"]),
        "tokens_per_second": tokens_per_second(doc),
        "joules_per_token": joules_per_token(doc),
        "lower_bound_seconds": doc["lower_bound_seconds"],
        "above_bound": above_bound(doc),
        "bound_by": doc["bound_by"],
        "mapper": str(doc["mapping"].get("mapper", "")),
        "gap": mapper_gap(doc),
        "utilization": utilization(doc),
    }


def _or_dash(value: float | None, shown: Callable[[float], str]) -> str:
    return u.MISSING if value is None else shown(value)


def _tokens(value: float) -> str:
    return u.plain(value)


_LINES: tuple[tuple[str, Callable[[Compared], str]], ...] = (
    ("time", lambda run: u.seconds(run["seconds"])),
    ("speedup", lambda run: _or_dash(run["speedup"], u.speedup)),
    ("energy", lambda run: u.joules(run["energy_joules"])),
    ("of first", lambda run: _or_dash(run["energy_ratio"], u.speedup)),
    ("tokens/s", lambda run: _or_dash(run["tokens_per_second"], _tokens)),
    ("J/token", lambda run: _or_dash(run["joules_per_token"], u.joules)),
    ("lower bound", lambda run: u.seconds(run["lower_bound_seconds"]) if run["lower_bound_seconds"] else u.MISSING),
    ("above bound", lambda run: _or_dash(run["above_bound"], u.percent)),
    ("mapper", lambda run: run["mapper"] or u.MISSING),
    ("mapper gap", lambda run: _or_dash(run["gap"], u.percent)),
    ("busiest unit", lambda run: u.percent(run["utilization"])),
    ("fidelity", lambda run: run["fidelity"]),
)
_NARROW = frozenset({"time", "speedup", "energy", "of first", "above bound", "busiest unit"})


def _short(shown: str) -> str:
    return shortened(shown, COLUMN)


def _fold(name: str) -> tuple[str, str]:
    """`machine x workload` on two lines of a column head."""
    machine, times, workload = name.partition(" x ")
    return machine, f"{times.strip()} {workload}".strip()
