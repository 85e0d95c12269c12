"""A run as one HTML page that fetches nothing: headline, charts, every number behind them, and how to repeat it."""

from __future__ import annotations

from archsim.report import units as u
from archsim.report.document import (
    ReportDoc,
    above_bound,
    counts_energy,
    joules_per_token,
    mapper_gap,
    title,
    tokens_per_second,
    traffic_total,
)
from archsim.report.markup import Markup, el, join
from archsim.report.page import crossed, masthead, page, stat
from archsim.report.sections import (
    energy_section,
    memory_section,
    roofline_section,
    time_section,
    unit_colours,
    units_section,
)
from archsim.report.sections_about import facts_section, mapping_section, notes_section, provenance_section

CONTENTS = {
    "time": "Time",
    "energy": "Energy",
    "memory": "Memory",
    "roofline": "Roofline",
    "units": "Units",
    "mapping": "Mapping",
    "facts": "Assumptions",
    "notes": "Notes",
    "repeat": "Repeat",
}


MEETS = 0.0005
"""A run no further above its bound than this meets it, to the digits shown."""


def report_page(doc: ReportDoc) -> str:
    """The page of one run. Pure: the same document gives the same bytes."""
    colours = unit_colours(doc)
    sections: dict[str, Markup | None] = {
        "time": time_section(doc, colours),
        "energy": energy_section(doc, colours),
        "memory": memory_section(doc),
        "roofline": roofline_section(doc, colours),
        "units": units_section(doc, colours),
        "mapping": mapping_section(doc),
        "facts": facts_section(doc),
        "notes": notes_section(doc),
        "repeat": provenance_section(doc),
    }
    there = {anchor: made for anchor, made in sections.items() if made is not None}
    head = masthead(
        _kicker(doc),
        crossed(doc["design"], doc["workload"]),
        _lede(doc),
        stats=_stats(doc),
        contents=[(anchor, CONTENTS[anchor]) for anchor in there],
    )
    foot = el("footer", f"{doc['schema']}. All numbers are in report.json; this page is drawn from it.")
    return page(title(doc), head, el("main", *there.values()), foot)


def _kicker(doc: ReportDoc) -> str:
    gap = mapper_gap(doc)
    by = doc["mapping"].get("mapper")
    parts = [doc["phase"], f"{doc['fidelity']} model"]
    if by:
        parts.append(f"{by} mapper" + (f", gap {u.typeset(u.percent(gap))}" if gap is not None else ""))
    return "archsim run  ·  " + "  ·  ".join(parts)


def _lede(doc: ReportDoc) -> Markup:
    """The answer in one or two sentences."""
    rate, each = tokens_per_second(doc), joules_per_token(doc)
    spent = u.seconds(doc["seconds"])
    if counts_energy(doc):
        spent += f" and {u.joules(doc['energy_joules']['total'])}"
    if rate is not None:
        tokens = f"{doc['tokens']:,} token{'s' if doc['tokens'] != 1 else ''}"
        what = f"{tokens} in {spent}: {u.rate(rate, 'tokens')}"
        what += "." if each is None else f", {u.joules(each)} per token."
    else:
        what = f"{spent}."
    return join([u.typeset(what), " ", u.typeset(bound_sentence(doc))])


def bound_sentence(doc: ReportDoc) -> str:
    """How far above its bound the run is, and what the bound comes from."""
    above = above_bound(doc)
    cause = f"; it is bound by {doc['bound_by']}" if doc["bound_by"] else ""
    if above is None:
        return f"It has no lower bound: no unit says what nothing could beat{cause}."
    if above < MEETS:
        return f"That meets the lower bound for this machine{cause}."
    return f"That is {u.distance(above)} the lower bound of {u.seconds(doc['lower_bound_seconds'])}{cause}."


def _stats(doc: ReportDoc) -> list[Markup]:
    seconds, energy, moved = doc["seconds"], doc["energy_joules"]["total"], traffic_total(doc)
    above, rate, each = above_bound(doc), tokens_per_second(doc), joules_per_token(doc)
    cycles = f"{doc['cycles']:,} cycles at {u.frequency(doc['clock_hz'])}"
    bound = u.seconds(doc["lower_bound_seconds"]) if above is not None else u.MISSING
    distance = "none is known" if above is None else f"the run is {u.distance(above)} it"
    if above is not None and above < MEETS:
        distance = "the run meets it"
    watts = u.engineering(energy / seconds, "W") if seconds else u.MISSING
    out = [
        stat("Time", u.seconds(doc["seconds"]), cycles),
        stat("Lower bound", bound, distance),
    ]
    if counts_energy(doc):
        out.append(stat("Energy", u.joules(energy), f"{watts} on average"))
    if rate is not None:
        per_token = "energy is not counted at this fidelity" if each is None else f"{u.joules(each)} per token"
        out.append(stat("Throughput", u.rate(rate, "tokens"), per_token))
    achieved = u.rate(doc["macs"] / seconds, "MAC") if seconds else u.MISSING
    peak = doc["roof"]["macs_per_second"] if doc["roof"] else 0.0
    of_peak = f", {u.percent(doc['macs'] / seconds / peak)} of peak" if peak and seconds else ""
    out.append(stat("Multiply-accumulates", u.engineering(doc["macs"], "MAC"), f"{achieved}{of_peak}"))
    per_byte = u.plain(doc["macs"] / moved) if moved else u.MISSING
    out.append(stat("Bytes moved", u.size(moved), f"{per_byte} MAC per byte"))
    return out
