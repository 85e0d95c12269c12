"""Tables whose rows carry a bar: a chart that reads like a table, and needs neither legend nor colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archsim.report.markup import Markup, el, join
from archsim.report.svg import n
from archsim.report.units import MISSING, typeset

BAR_HEIGHT = 13
THINNEST = 0.15
"""Per cent of the width that the smallest amount still shows."""
_NUMERIC = '<td class="num"'


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a bar: its amount, its fill, and what the pointer reads on it."""

    amount: float
    fill: str
    title: str = ""
    pale: bool = False
    """Drawn hatched and light: what is not work."""


@dataclass(frozen=True, slots=True)
class Row:
    """A label, the parts of its bar, and cells of text behind it."""

    label: object
    bar: Sequence[Segment]
    cells: Sequence[Markup] = ()
    start: float = 0
    """Where the bar begins, so that rows can continue each other."""
    title: str = field(default="")


def bar_table(head: Sequence[str], rows: Sequence[Row], *, full: float, caption: str) -> Markup:
    """Rows of label, bar and cells. `full` is the amount that fills a bar; `head` names label, bar and cells."""
    numeric = {i + 2 for i, cell in enumerate(rows[0].cells) if cell.startswith(_NUMERIC)} if rows else set()
    heads = [el("th", name, scope="col", cls="num" if i in numeric else None) for i, name in enumerate(head)]
    body = [
        el(
            "tr",
            el("th", row.label, scope="row", title=row.title or None),
            el("td", bar(row.bar, full, start=row.start), cls="bar"),
            *row.cells,
        )
        for row in rows
    ]
    return el("table", el("thead", el("tr", *heads)), el("tbody", *body), cls="bars", aria_label=caption)


def bar(segments: Iterable[Segment], full: float, *, start: float = 0) -> Markup:
    """A bar as wide as its cell, drawn in per cent so that it stretches without its parts being distorted."""
    shapes: list[Markup] = []
    at = start
    for part in segments:
        if part.amount > 0 and full > 0:
            place = {
                "x": f"{n(100 * at / full)}%",
                "width": f"{max(part.amount / full * 100, 0.15):.2f}%",
                "height": BAR_HEIGHT,
            }
            tip = el("title", part.title) if part.title else None
            shapes.append(el("rect", tip, **place, fill=part.fill, opacity="0.3" if part.pale else None))
            if part.pale:
                shapes.append(el("rect", tip, **place, fill="url(#hatch)"))
            at += part.amount
    return el("svg", *shapes, width="100%", height=BAR_HEIGHT, aria_hidden="true")


def hatching() -> Markup:
    """The pattern that pale parts are filled with; stands once in every page that has bars."""
    stripe = el("rect", width="1.6", height=5, fill="var(--paper)", opacity="0.85")
    pattern = el(
        "pattern", stripe, id="hatch", width=5, height=5, patternUnits="userSpaceOnUse", patternTransform="rotate(45)"
    )
    return el("svg", el("defs", pattern), width=0, height=0, aria_hidden="true", style="position:absolute")


def num(shown: str, value: float | None = None) -> Markup:
    """A right-aligned cell whose digits line up whatever the unit; `value` is what sorting goes by, None comes last."""
    return el("td", measure(shown), cls="num", data_v="" if value is None else repr(value))


def measure(shown: str) -> Markup:
    """A number with its unit set back: `184.3 us`."""
    if shown == MISSING:
        return el("span", "\N{EN DASH}", cls="soft")
    number, gap, unit = typeset(shown).partition("\u202f")
    return join([number, el("span", gap + unit, cls="u pc" if unit == "%" else "u") if gap else None])


def plain_table(
    head: Sequence[str],
    rows: Iterable[Markup],
    *,
    caption: str,
    id_: str | None = None,
    numeric: frozenset[int] = frozenset(),
    sort: bool = False,
) -> Markup:
    """A ruled table that scrolls inside its column where it is wide. `numeric` are the columns with numbers."""
    heads = [el("th", name, scope="col", cls="num" if i in numeric else None) for i, name in enumerate(head)]
    table = el("table", el("thead", el("tr", *heads)), el("tbody", *rows), cls="grid", id=id_, data_sort=sort)
    return el("div", table, cls="scroll", tabindex=0, role="region", aria_label=caption)


def pairs(items: Iterable[tuple[str, object]], caption: str) -> Markup:
    """Names and values."""
    rows = [el("tr", el("th", name, scope="row"), el("td", value, cls="text")) for name, value in items]
    return el(
        "div",
        el("table", el("tbody", *rows), cls="grid pairs"),
        cls="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def flattened(data: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Nested data as `a.b` -> text; a list of anything but short values is told by its length."""
    out: list[tuple[str, str]] = []
    for name, value in data.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            out += flattened(value, f"{path}.") if value else [(path, "none")]
        elif isinstance(value, list | tuple):
            short = all(isinstance(v, str | int | float | bool) for v in value) and len(value) <= 24
            out.append((path, ", ".join(_told(v) for v in value) or "none" if short else f"{len(value):,} entries"))
        else:
            out.append((path, _told(value)))
    return out


def _told(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and value == round(value):
        return f"{round(value):,}"
    return "none" if value is None else str(value)
