"""The sections of a run's page that show where time, energy and bytes went."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from archsim.report import units as u
from archsim.report.activity import activity
from archsim.report.document import OpDoc, ReportDoc, by_time, cause_name, counts_energy, ranked, ratio, wait_name
from archsim.report.markup import Markup, el
from archsim.report.page import columns, folded, section
from archsim.report.roofline import roofline, unplotted
from archsim.report.rows import Row, Segment, bar_table, num, plain_table
from archsim.report.svg import OTHERS, grey, hue, key, swatch

Colours = Mapping[str, int]
MOST_ROWS = 20
"""Bars drawn before the rest is summed up in one; the table of ops always has them all."""

SHARES = frozenset(("util", "rate", "fraction", "share"))
"""Words in the names of ratios that are parts of a whole; the others are factors and counts."""

UNCLAIMED = 1e-3
"""Share of the energy from which on it is shown that no op claims it."""


def unit_colours(doc: ReportDoc) -> dict[str, int]:
    """One hue per unit, by how much of the critical path it holds; the same in every chart of the page."""
    path = dict.fromkeys(doc["units"], 0.0)
    for op in doc["by_op"]:
        if op["unit"]:
            path[op["unit"]] = path.get(op["unit"], 0.0) + op["seconds"]
    busy = {unit: use["busy_seconds"] for unit, use in doc["units"].items()}
    order = sorted(path, key=lambda unit: (-path[unit], -busy.get(unit, 0.0), unit))
    return {unit: index for index, unit in enumerate(order)}


def time_section(doc: ReportDoc, colours: Colours) -> Markup:
    """Time by cause as a cascade, time by op with what peak rates would take, and every number of every op."""
    parts = [el("h3", "What the critical path was doing"), _causes(doc)] if doc["time_by_cause"] else []
    if doc["by_op"]:
        used = {op["unit"] for op in doc["by_op"]}
        unit_key = [swatch(hue(index), unit) for unit, index in colours.items() if unit in used]
        parts += [
            el("h3", "Which op it was doing it for"),
            key(*unit_key),
            _ops(doc, colours),
            folded("all numbers of all ops", _op_table(doc)),
        ]
    caption = (
        "Shares of the critical path; they add up to the run. Of each op, solid is what its work takes at peak rates, "
        "hatched is what it took beyond that."
        if doc["lower_bound_seconds"]
        else "Shares of the critical path; they add up to the run. What the work takes at peak rates is not known."
    )
    return section("time", "Where the time went", caption, *parts)


def energy_section(doc: ReportDoc, colours: Colours) -> Markup | None:
    """Energy by component and by op; nothing where it was not counted."""
    if not counts_energy(doc):
        return None
    total = doc["energy_joules"]["total"]
    components = ranked(doc["energy_joules"]["by_component"])
    ops = ranked({op["op"]: op["energy_joules"] for op in doc["by_op"]})
    unit_of = {op["op"]: op["unit"] for op in doc["by_op"]}
    unclaimed = total - sum(joules for _, joules in ops)
    if ops and unclaimed > UNCLAIMED * total:
        ops.append(("outside all ops", unclaimed))
    left = _amounts("component", components, total, {name: _hue_of(name, colours) for name, _ in components})
    right = _amounts("op", ops, total, {op: _hue_of(unit, colours) for op, unit in unit_of.items()})
    caption = "Actions counted by the simulation, times energy per action. Each list adds up to the total."
    return section("energy", "Where the energy went", caption, columns(left, right))


def memory_section(doc: ReportDoc) -> Markup:
    """Bytes read and written by each memory, and the ratios that describe how it was used."""
    full = max((m["read"] + m["write"] for m in doc["traffic_bytes"].values()), default=0)
    peaks = doc["roof"]["bytes_per_second"] if doc["roof"] else {}
    rows = []
    for name, moved in doc["traffic_bytes"].items():
        both = moved["read"] + moved["write"]
        speed = ratio(both, doc["seconds"]) or 0.0
        bars = (
            Segment(moved["read"], grey(0), u.typeset(f"{name} read {u.size(moved['read'])}")),
            Segment(moved["write"], grey(0), u.typeset(f"{name} written {u.size(moved['write'])}"), pale=True),
        )
        of_peak = u.percent(speed / peaks[name]) if peaks.get(name) else u.MISSING
        cells = (num(u.size(moved["read"])), num(u.size(moved["write"])), num(u.rate(speed, "B")), num(of_peak))
        rows.append(Row(name, bars, cells))
    head = ("memory", "", "read", "written", "average", "of peak")
    parts = [bar_table(head, rows, full=full, caption="Bytes moved by each memory")]
    if doc["memory"]:
        parts += [el("h3", "Ratios"), _ratios(doc["memory"])]
    caption = (
        "Bytes that crossed each memory's interface: solid read, hatched written. "
        "For compute in memory that is inside the banks."
    )
    return section("memory", "Memory traffic", caption, *parts)


def roofline_section(doc: ReportDoc, colours: Colours) -> Markup | None:
    """The roofline, if there is anything to plot."""
    plot = roofline(doc, colours)
    if plot is None:
        return None
    caption = (
        "Each op by the MACs it does per byte it moves, and its rate while its unit was busy. "
        "Area is its share of the run. Under the slope memory limits it, under the flat roof the multipliers do."
    )
    return section("roofline", "Roofline", caption, el("figure", plot), unplotted(doc))


def units_section(doc: ReportDoc, colours: Colours) -> Markup:
    """Busy and waiting time of each unit, in total and over time."""
    rows = []
    for name, use in sorted(doc["units"].items(), key=lambda item: (-item[1]["utilization"], item[0])):
        waits = ranked({wait_name(why, name): s for why, s in use["waits"].items() if s > 0})
        bars = [
            Segment(
                use["busy_seconds"],
                _hue_of(name, colours),
                u.typeset(f"{name} busy {u.seconds(use['busy_seconds'])}"),
            )
        ]
        bars += [
            Segment(s, grey(1 + i), u.typeset(f"{name} waits for {why}: {u.seconds(s)}"), pale=True)
            for i, (why, s) in enumerate(waits)
        ]
        listed = ", ".join(f"{why} {u.percent(s / doc['seconds'])}" for why, s in waits if s >= doc["seconds"] / 1000)
        cells = (
            num(u.seconds(use["busy_seconds"])),
            num(u.percent(use["utilization"])),
            el("td", u.typeset(listed or "nothing"), cls="waits"),
        )
        rows.append(Row(name, bars, cells))
    parts = [
        bar_table(
            ("unit", "", "busy", "utilisation", "waits for"), rows, full=doc["seconds"], caption="Use of each unit"
        )
    ]
    if (plot := activity(doc, colours)) is not None:
        parts += [el("h3", "Over simulated time"), el("figure", plot)]
    if counted := _counters(doc):
        parts.append(folded("all waits and counters", *counted))
    caption = (
        "Solid is busy, hatched is waiting; together they are the whole run. "
        "Over time: the share of each step a unit was busy, with its mean at the right."
    )
    return section("units", "Who worked, who waited", caption, *parts)


def _causes(doc: ReportDoc) -> Markup:
    rows, at = [], 0.0
    for i, (cause, spent) in enumerate(ranked(doc["time_by_cause"])):
        share = u.percent(spent / doc["seconds"] if doc["seconds"] else 0)
        name = cause_name(cause)
        tip = u.typeset(f"{name}: {u.seconds(spent)}, {share}")
        rows.append(
            Row(name, [Segment(spent, grey(i // 2), tip)], (num(u.seconds(spent)), num(share)), start=at, title=name)
        )
        at += spent
    return bar_table(("cause", "", "time", "share"), rows, full=max(doc["seconds"], at), caption="Time by cause")


def _ops(doc: ReportDoc, colours: Colours) -> Markup:
    ops = by_time(doc["by_op"])
    rest = ops[MOST_ROWS:]
    total, rows = doc["seconds"], []
    for op in ops[:MOST_ROWS]:
        bars = _against_peak(op, _hue_of(op["unit"], colours), known=doc["lower_bound_seconds"] > 0)
        cells = (
            num(u.seconds(op["seconds"])),
            num(u.percent(op["seconds"] / total if total else 0)),
            el("td", op["unit"], cls="tag"),
        )
        rows.append(Row(el("a", op["op"], href=f"#op-{doc['by_op'].index(op)}"), bars, cells, title=op["op"]))
    if rest:
        spent = sum(op["seconds"] for op in rest)
        cells = (num(u.seconds(spent)), num(u.percent(spent / total if total else 0)), el("td", "", cls="tag"))
        rows.append(Row(f"{len(rest)} more ops", [Segment(spent, hue(OTHERS))], cells))
    full = max((row_total(row) for row in rows), default=0.0)
    return bar_table(("op", "", "time", "share", "unit"), rows, full=full, caption="Time by op")


def _against_peak(op: OpDoc, fill: str, *, known: bool) -> tuple[Segment, ...]:
    """The bar of an op: solid up to what peak rates allow, hatched beyond; all solid where no peak is known."""
    if not known:
        return (Segment(op["seconds"], fill, u.typeset(f"{op['op']}: {u.seconds(op['seconds'])}")),)
    peak = min(op["bound_seconds"], op["seconds"])
    at, beyond = u.seconds(op["bound_seconds"]), u.seconds(op["seconds"] - peak)
    return (
        Segment(peak, fill, u.typeset(f"{op['op']}: at peak rates {at}")),
        Segment(op["seconds"] - peak, fill, u.typeset(f"{op['op']}: beyond peak rates {beyond}"), pale=True),
    )


def row_total(row: Row) -> float:
    """The length of a row's bar."""
    return sum(part.amount for part in row.bar)


def _op_table(doc: ReportDoc) -> Markup:
    head = ("op", "kind", "unit", "time", "share", "busy", "at peak", "energy", "MACs", "bytes", "MAC/B", "MAC/s busy")
    rows = []
    for index, op in enumerate(doc["by_op"]):
        intensity, speed = ratio(op["macs"], op["bytes"]), ratio(op["macs"], op["busy_seconds"])
        share = ratio(op["seconds"], doc["seconds"]) or 0.0
        cells = (
            num(u.seconds(op["seconds"]), op["seconds"]),
            num(u.percent(share), share),
            num(u.seconds(op["busy_seconds"]), op["busy_seconds"]),
            num(u.seconds(op["bound_seconds"]), op["bound_seconds"]),
            num(u.joules(op["energy_joules"]), op["energy_joules"]),
            num(u.engineering(op["macs"], "", digits=4).strip(), op["macs"]),
            num(u.size(op["bytes"]), op["bytes"]),
            num(u.MISSING if intensity is None else u.plain(intensity), intensity),
            num(u.MISSING if speed is None else u.engineering(speed, ""), speed),
        )
        rows.append(
            el(
                "tr",
                el("th", op["op"], scope="row"),
                el("td", op["kind"], cls="tag"),
                el("td", op["unit"], cls="tag"),
                *cells,
                id=f"op-{index}",
            )
        )
    return plain_table(head, rows, caption="All ops", id_="ops-table", numeric=frozenset(range(3, 12)), sort=True)


def _amounts(what: str, amounts: Sequence[tuple[str, float]], total: float, fills: Mapping[str, str]) -> Markup:
    if len(amounts) > MOST_ROWS:
        rest = amounts[MOST_ROWS - 6 :]
        amounts = [*amounts[: MOST_ROWS - 6], (f"{len(rest)} more", sum(amount for _, amount in rest))]
    full = max((amount for _, amount in amounts), default=0.0)
    rows = []
    for name, amount in amounts:
        share = u.percent(amount / total if total else 0)
        tip = u.typeset(f"{name}: {u.joules(amount)}, {share}")
        rows.append(
            Row(
                name,
                [Segment(amount, fills.get(name, hue(OTHERS)), tip)],
                (num(u.joules(amount)), num(share)),
                title=name,
            )
        )
    return bar_table((f"by {what}", "", "energy", "share"), rows, full=full, caption=f"Energy by {what}")


def _ratios(memory: Mapping[str, float]) -> Markup:
    rows = []
    for name, value in memory.items():
        is_share = 0 <= value <= 1 and not SHARES.isdisjoint(re.split(r"[_.]", name))
        bars = [Segment(value, grey(2), f"{name}: {value}")] if is_share else []
        rows.append(Row(name.replace("_", " "), bars, (num(u.percent(value) if is_share else u.plain(value)),)))
    return bar_table(("ratio", "", "value"), rows, full=1.0, caption="Memory ratios")


def _counters(doc: ReportDoc) -> list[Markup]:
    waits = [
        el("tr", el("th", unit, scope="row"), el("td", wait_name(why, unit)), num(u.seconds(spent), spent))
        for unit, use in doc["units"].items()
        for why, spent in use["waits"].items()
    ]
    counts = [
        el("tr", el("th", unit, scope="row"), el("td", name), num(f"{value:,}", value))
        for unit, values in doc["counters"].items()
        for name, value in values.items()
    ]
    last = frozenset({2})
    tables = (
        [plain_table(("unit", "waits for", "time"), waits, caption="Waits", numeric=last, sort=True)] if waits else []
    )
    if counts:
        tables.append(plain_table(("unit", "counter", "value"), counts, caption="Counters", numeric=last, sort=True))
    return tables


def _hue_of(name: str, colours: Colours) -> str:
    """The colour of a unit, or of what belongs to it by name: `pim.activate` to `pim`."""
    owners = [unit for unit in colours if name == unit or name.startswith(f"{unit}.")]
    return hue(colours[max(owners, key=len)]) if owners else hue(OTHERS)
