"""HTML and SVG as values: text is escaped unless it already is markup, so that no name can break a page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = frozenset({"br", "input", "meta"})
"""HTML elements without content or end tag."""


class Markup(str):
    """Text that is markup already. Only this package makes it."""

    __slots__ = ()


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """One element. `cls` is `class`, `_` in a name is `-`; an attribute of None or False is left out, True stands bare.

    >>> el("td", "a < b", cls="num", data_v=3)
    '<td class="num" data-v="3">a &lt; b</td>'
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Parts one after the other; what is not markup is escaped, None is nothing."""
    return Markup(escape(between).join(_content(part) for part in parts))


def raw(text: str) -> Markup:
    """Markup from a text of our own: a style sheet, a script. Never for anything a user named."""
    return Markup(text)


def _content(part: object) -> str:
    if part is None:
        return ""
    return part if isinstance(part, Markup) else escape(str(part))


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = "class" if name == "cls" else name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
