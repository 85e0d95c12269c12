"""The frame of every page: one file, nothing fetched, side heads, light and dark, printable, useful without script."""

from __future__ import annotations

from collections.abc import Iterable

from archsim.report.markup import Markup, el, join, raw
from archsim.report.rows import hatching, measure
from archsim.report.style import SCRIPT, STYLE
from archsim.report.units import typeset

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content security policy: even a browser that wanted to could not load anything."""


def page(title: str, *body: object, generator: str = "archsim") -> str:
    """A whole HTML document. Equal content gives equal bytes."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="generator", content=generator),
        el("title", title),
        el("style", raw(STYLE)),
    )
    main = el("body", hatching(), *body, el("script", raw(SCRIPT)))
    return f"<!DOCTYPE html>\n{el('html', head, main, lang='en')}\n"


def masthead(
    kicker: str, title: Markup, lede: object, *, stats: Iterable[Markup], contents: Iterable[tuple[str, str]]
) -> Markup:
    """What a reader sees first: what this is, the answer in a sentence, the headline numbers, and the way around."""
    links = [el("a", name, href=f"#{anchor}") for anchor, name in contents]
    return el(
        "header",
        el("p", kicker, cls="kicker"),
        el("h1", title),
        el("p", lede, cls="lede"),
        el("dl", *stats, cls="stats"),
        el("nav", *links, aria_label="Sections"),
    )


def stat(name: str, shown: str, below: str) -> Markup:
    """One headline number."""
    return el("div", el("dt", name), el("dd", measure(shown), cls="big"), el("dd", typeset(below), cls="sub"))


def section(anchor: str, heading: str, caption: str, *content: object) -> Markup:
    """A side head with a sentence on how to read it, and the content beside."""
    side = el("header", el("h2", heading), el("p", caption))
    return el("section", side, el("div", *content), id=anchor)


def columns(*parts: Markup) -> Markup:
    """Parts side by side."""
    return el("div", *(el("div", part) for part in parts), cls="cols")


def folded(summary: str, *content: object) -> Markup:
    """Detail that stays closed until asked for; printed open."""
    return el("details", el("summary", summary), *content)


def command(line: str) -> Markup:
    """A command with a button that copies it."""
    button = el("button", "copy", type="button", cls="copy", data_js=True, hidden=True)
    return el("div", el("pre", line), button, cls="run")


def crossed(one: str, other: str) -> Markup:
    """Machine and workload, with a quiet multiplication sign between."""
    return join([one, el("span", " \N{MULTIPLICATION SIGN} ", cls="times"), other])


def search_box(table: str, label: str) -> Markup:
    """A box that hides the rows of a table that do not hold its words."""
    return el(
        "input",
        type="search",
        placeholder=label,
        aria_label=label,
        data_filter=table,
        data_js=True,
        hidden=True,
        autocomplete="off",
    )
