"""The sections of a run's page that say what its numbers rest on, and how to repeat it."""

from __future__ import annotations

from archsim.report import units as u
from archsim.report.document import ReportDoc, command_line, mapper_gap
from archsim.report.markup import Markup, el
from archsim.report.page import command, search_box, section
from archsim.report.rows import flattened, pairs, plain_table


def mapping_section(doc: ReportDoc) -> Markup | None:
    """Who made the mapping and how good it is by its own measure."""
    if not doc["mapping"]:
        return None
    caption = (
        "Objective and bound are the mapper's own, in its own metric; "
        "the gap says how much better a mapping could still be by that measure."
    )
    gap = mapper_gap(doc)
    shown = doc["mapping"] if gap is None else {**doc["mapping"], "gap": u.typeset(u.percent(gap, digits=2))}
    return section("mapping", "Mapping", caption, pairs(flattened(shown), "Mapping"))


def facts_section(doc: ReportDoc) -> Markup | None:
    """Constants and assumptions, with source and confidence."""
    if not doc["facts"]:
        return None
    rows = [
        el(
            "tr",
            el("th", fact["name"], scope="row"),
            el("td", fact["value"], cls="text"),
            el("td", _trust(fact["confidence"]), fact["confidence"], cls="tag"),
            el("td", fact["source"], cls="text soft"),
        )
        for fact in doc["facts"]
    ]
    table = plain_table(
        ("name", "value", "confidence", "source"),
        rows,
        caption="Assumptions and constants",
        id_="facts-table",
        sort=True,
    )
    caption = (
        "Every number the result rests on. Full dot: exact or stated by its source; "
        "half: derived or calibrated; empty: assumed or from memory."
    )
    return section(
        "facts",
        "Assumptions and constants",
        caption,
        search_box("facts-table", "filter: name, source, assumed…"),
        table,
    )


def notes_section(doc: ReportDoc) -> Markup | None:
    """What the reader should know before quoting a number."""
    if not doc["notes"]:
        return None
    notes = [el("li", note) for note in doc["notes"]]
    return section(
        "notes", "Notes", "What is modelled, what is not, and where to be careful.", el("ul", *notes, cls="notes")
    )


def provenance_section(doc: ReportDoc) -> Markup:
    """How to repeat the run, and what it was made with."""
    line = command_line(doc)
    rest = {name: value for name, value in doc["provenance"].items() if name != "command"}
    parts = [command(line)] if line else []
    if rest:
        parts += [el("h3", "Made with"), pairs(flattened(rest), "Provenance")]
    caption = "The same command gives the same numbers, bit for bit."
    return section(
        "repeat", "Repeat this run", caption, *(parts or [el("p", "This run states no provenance.", cls="soft")])
    )


def _trust(confidence: str) -> Markup:
    """A dot that is full, half or empty."""
    words = confidence.lower()
    ring = el("circle", cx=5, cy=5, r="3.6", fill="none", stroke="currentColor")
    if words.startswith(("exact", "stated")):
        inside = el("circle", cx=5, cy=5, r="3.6", fill="currentColor")
    elif words.startswith(("derived", "calibrated")):
        inside = el("path", d="M5 1.4a3.6 3.6 0 0 0 0 7.2z", fill="currentColor")
    else:
        inside = Markup("")
    return el("svg", ring, inside, width=10, height=10, aria_hidden="true", cls="trust")
