"""Columns on the terminal: numbers are always whole, names are shortened in their middle where it is narrow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap

from rich.console import Console
from rich.text import Text

GAP = 2
_UNIT = re.compile(r"(?<=\d) (?=[%A-Za-z])")
BAR_STYLE = "blue"
"""Style that marks a cell as a bar."""
LEAST = 8
"""A name is not shortened below this."""


def grid(
    head: Sequence[str], rows: Iterable[Sequence[str | Text]], *, console: Console, names: Iterable[int] = (0,)
) -> Text:
    """Rows under a dim head, without lines or trailing blanks, no wider than `console` if that is possible at all.

    The columns in `names` stand to the left and give way; the others are numbers, to the right, and never do.
    """
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    giving = set(names)
    widths = [max([len(name), *(row[i].cell_len for row in cells)]) for i, name in enumerate(head)]
    room = console.width - GAP * (len(widths) - 1) - sum(w for i, w in enumerate(widths) if i not in giving)
    for i, fitted in _fit({i: widths[i] for i in sorted(giving)}, room).items():
        widths[i] = fitted
    lines = [[Text(name, style="dim") for name in head], *cells]
    mark = "…" if speaks_unicode(console) else "~"
    to_left = giving | _bars(cells)
    return Text("\n").join(_line(line, widths, to_left, mark) for line in lines)


def _bars(cells: Sequence[Sequence[Text]]) -> set[int]:
    """Columns of bars: drawn from the left, but as wide as they are."""
    return {i for row in cells for i, cell in enumerate(row) if cell.style == BAR_STYLE}


def sentence(lead: str, text: str, console: Console) -> Text:
    """A quiet lead and a text, wrapped to `console` without parting a number from its unit."""
    bound = _UNIT.sub("\N{NO-BREAK SPACE}", lead + text)
    lines = wrap(bound, console.width, break_long_words=False, break_on_hyphens=False)
    shown = Text("\n".join(lines).replace("\N{NO-BREAK SPACE}", " "))
    shown.stylize("dim", 0, len(lead.rstrip()))
    return shown


def speaks_unicode(console: Console) -> bool:
    """Whether block characters arrive where `console` writes to."""
    return console.encoding.lower().replace("-", "").startswith("utf")


def shortened(name: str, width: int, mark: str = "…") -> str:
    """A name cut in its middle, since both its beginning and its end tell it apart.

    >>> shortened("channel.bank.array[12]", 12)
    'channe…y[12]'
    """
    if len(name) <= width:
        return name
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}{mark}{name[len(name) - tail :]}"


def _fit(wanted: dict[int, int], room: int) -> dict[int, int]:
    """Widths that fit into `room`, taken from the widest first."""
    fitted = dict(wanted)
    while sum(fitted.values()) > room and max(fitted.values(), default=0) > LEAST:
        widest = max(fitted, key=lambda i: fitted[i])
        fitted[widest] -= 1
    return fitted


def _line(cells: Sequence[Text], widths: Sequence[int], left: set[int], mark: str) -> Text:
    parts = []
    for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        shown = cell if cell.cell_len <= width else Text(shortened(cell.plain, width, mark), style=cell.style)
        blank = " " * (width - shown.cell_len)
        parts.append(Text.assemble(shown, blank) if i in left else Text.assemble(blank, shown))
    line = Text(" " * GAP).join(parts)
    line.rstrip()
    return line
