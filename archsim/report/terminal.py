"""A run on the terminal, in 80 columns: how long, how much, what limited it, and where it went."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.text import Text

from archsim.report import units as u
from archsim.report.columns import BAR_STYLE, grid, sentence, speaks_unicode
from archsim.report.document import (
    OpDoc,
    ReportDoc,
    above_bound,
    by_time,
    cause_name,
    counts_energy,
    joules_per_token,
    mapper_gap,
    merge_phases,
    ranked,
    title,
    tokens_per_second,
    utilization,
    wait_name,
)

BAR = 12
"""Width of a bar in characters."""
MOST_OPS = 14
"""Rows before the phases of an op are shown as one row, and then before the rest is summed up."""
MOST_UNITS = 10
MUCH_ENERGY = 0.05
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show(doc: ReportDoc, console: Console, *, where: str = "") -> None:
    """Print a run to `console`; `where` is the path of the page to open next."""
    console.print(summary(doc, console))
    if where:  # on one line whatever the width, so that it can be clicked and copied
        console.print(Text.assemble(("report: ", "dim"), where), soft_wrap=True)


def summary(doc: ReportDoc, console: Console) -> RenderableType:
    """The same as something rich can print, made for the width and the characters of `console`."""
    parts: list[RenderableType] = [*_headline(doc), "", _units(doc, console)]
    if doc["by_op"]:
        parts += ["", _ops(doc, console)]
    if doc["time_by_cause"]:
        parts += ["", _causes(doc, console)]
    parts += ["", sentence("", _bound(doc), console)]
    parts += [sentence("note: ", note, console) for note in doc["notes"]]
    return Group(*parts)


def bar(share: float, *, width: int = BAR, ascii_only: bool = False) -> str:
    """A bar of eighths of a character; what is not zero shows at least one.

    >>> bar(0.5, width=4), bar(0.001, width=4), bar(0.5, width=4, ascii_only=True)
    ('██  ', '▏   ', '##  ')
    """
    share = min(1.0, max(0.0, share))
    if ascii_only:
        return ("#" * max(round(share * width), 1 if share else 0)).ljust(width)
    eighths = max(round(share * width * 8), 1 if share else 0)
    full, part = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(width)


def _headline(doc: ReportDoc) -> list[Text]:
    gap, mapper = mapper_gap(doc), doc["mapping"].get("mapper")
    model = f"{doc['fidelity']} model"
    if mapper:
        model += f", {mapper} mapper" + (f" (gap {u.percent(gap)})" if gap is not None else "")
    tokens = f", {doc['tokens']:,} token{'s' if doc['tokens'] != 1 else ''}" if doc["tokens"] else ""
    numbers = [u.seconds(doc["seconds"]), f"{doc['cycles']:,} cycles at {u.frequency(doc['clock_hz'])}"]
    if counts_energy(doc):
        numbers.append(u.joules(doc["energy_joules"]["total"]))
    rate, each = tokens_per_second(doc), joules_per_token(doc)
    if rate is not None:
        numbers.append(u.rate(rate, "tokens"))
    if each is not None:
        numbers.append(f"{u.joules(each)}/token")
    return [
        Text.assemble((title(doc), "bold"), f", {doc['phase']}{tokens}   ", (model, "dim")),
        Text.assemble((numbers[0], "bold"), "   " + "   ".join(numbers[1:])),
    ]


def _units(doc: ReportDoc, console: Console) -> Text:
    units = sorted(doc["units"].items(), key=lambda item: (-item[1]["utilization"], item[0]))
    rows: list[list[str | Text]] = []
    for name, use in units[:MOST_UNITS]:
        waits = (
            [f"{wait_name(why, name)} {u.percent(s / doc['seconds'])}" for why, s in ranked(use["waits"])[:2] if s > 0]
            if doc["seconds"]
            else []
        )
        rows.append(
            [
                name,
                _bar(use["utilization"], console),
                u.seconds(use["busy_seconds"]),
                u.percent(use["utilization"]),
                ", ".join(waits),
            ]
        )
    if len(units) > MOST_UNITS:
        rows.append(
            [f"{len(units) - MOST_UNITS} more", "", "", f"<= {u.percent(units[MOST_UNITS][1]['utilization'])}", ""]
        )
    return grid(("unit", "", "busy", "of run", "waits for"), rows, console=console, names=(0, 4))


def _ops(doc: ReportDoc, console: Console) -> Text:
    ops = by_time(doc["by_op"] if len(doc["by_op"]) <= MOST_OPS else merge_phases(doc["by_op"]))
    total = doc["energy_joules"]["total"]
    # What costs much energy is named even where it takes no time: standby, refresh.
    named = [op for i, op in enumerate(ops) if i < MOST_OPS or op["energy_joules"] > MUCH_ENERGY * total]
    rest = [op for op in ops if op not in named]
    rows = [_op_row(op, doc, console) for op in named]
    if rest:
        spent, energy = sum(op["seconds"] for op in rest), sum(op["energy_joules"] for op in rest)
        rows.append([f"{len(rest)} more", "", u.seconds(spent), _share(spent, doc["seconds"]), u.joules(energy), ""])
    return grid(("op", "", "time", "share", "energy", "unit"), rows, console=console, names=(0, 5))


def _op_row(op: OpDoc, doc: ReportDoc, console: Console) -> list[str | Text]:
    share = op["seconds"] / doc["seconds"] if doc["seconds"] else 0.0
    return [
        op["op"],
        _bar(share, console),
        u.seconds(op["seconds"]),
        u.percent(share),
        u.joules(op["energy_joules"]),
        Text(op["unit"], style="dim"),
    ]


def _causes(doc: ReportDoc, console: Console) -> Text:
    """In one sentence that wraps, since causes are few and only their shares matter."""
    causes = [
        f"{cause_name(cause)} {_share(spent, doc['seconds'])}"
        for cause, spent in ranked(doc["time_by_cause"])
        if spent > 0
    ]
    return sentence("time: ", ", ".join(causes), console)


def _bound(doc: ReportDoc) -> str:
    above = above_bound(doc)
    cause = f"; bound by {doc['bound_by']}" if doc["bound_by"] else ""
    # Without causes, what bounds the run is its busiest unit, which says how busy it is.
    said = not doc["time_by_cause"] or ", busy " in doc["bound_by"]
    used = f"; busiest unit {u.percent(utilization(doc))} busy" if doc["units"] and not said else ""
    if above is None:
        return f"no lower bound is known: no unit says what nothing could beat{cause}{used}."
    return f"{u.distance(above)} the lower bound of {u.seconds(doc['lower_bound_seconds'])}{cause}{used}."


def _share(part: float, whole: float) -> str:
    return u.percent(part / whole if whole else 0)


def _bar(share: float, console: Console) -> Text:
    return Text(bar(share, ascii_only=not speaks_unicode(console)), style=BAR_STYLE)
