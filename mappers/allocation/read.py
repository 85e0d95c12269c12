"""Buffers from a CSV file of the form that MiniMalloc reads (google/minimalloc@2026acb, src/converter.cc)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from archsim.core.errors import BadInput, did_you_mean, nearest
from archsim.mappers.allocation.buffer import Buffer, Gap

ALIASES = {"buffer": "id", "buffer_id": "id", "begin": "lower", "start": "lower", "end": "upper"}
"""Other names of columns. `end` is the last time of a life, `upper` the time after it; so are the ends of its gaps."""
NEEDED = ("id", "lower", "upper", "size")
OPTIONAL = ("alignment", "gaps", "offset")
EXAMPLE = "id,lower,upper,size\nb1,0,3,4"
MOST_PROBLEMS = 10
"""Lines that are complained about at once."""
_GAP = re.compile(r"(-?\d+)-(-?\d+)(?:@(\d+):(\d+))?")


def read_buffers(path: str | Path) -> list[Buffer]:
    """The buffers of a file, in its order.

    Columns in any order: id, lower, upper (exclusive) or end (inclusive), size; optionally alignment, gaps such as
    ``3-5 8-9@0:64`` (from, until, and the window of bytes needed meanwhile), and offset where that is fixed.
    Names that mean the same are in `ALIASES`; other columns are ignored.

    Raises
    ------
    BadInput
        Not such a file; names the lines.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        what = "no such file" if isinstance(error, FileNotFoundError) else f"cannot read: {error.strerror}".lower()
        raise BadInput(what, where=str(path), right="a CSV file of buffers, such as\n" + EXAMPLE) from None
    except UnicodeDecodeError:
        raise BadInput("not a text file", where=str(path), right="a CSV file of buffers, such as\n" + EXAMPLE) from None
    return parse_buffers(text, str(path))


def parse_buffers(text: str, name: str) -> list[Buffer]:
    """The buffers of a text; `name` is what errors call it.

    Raises
    ------
    BadInput
        Not such a text; names the lines.
    """
    reader = csv.reader(text.splitlines())
    rows = _rows(reader, name)
    line, header = next(rows, (1, []))
    if not header:
        raise BadInput("the file is empty", where=name, right="a line of names and a line per buffer:\n" + EXAMPLE)
    columns = _columns(header, f"{name}:{line}")
    inclusive = any(title.strip() == "end" for title in header)
    buffers: list[Buffer] = []
    problems: list[BadInput] = []
    seen: dict[str, int] = {}
    for line, row in rows:
        try:
            buffer = _buffer(row, columns, int(inclusive), f"{name}:{line}")
            if buffer.id in seen:
                what = f"id {buffer.id!r} was already on line {seen[buffer.id]}"
                raise BadInput(what, where=f"{name}:{line}", right="one line per buffer, each with an id of its own")
            seen[buffer.id] = line
            buffers.append(buffer)
        except BadInput as error:
            problems.append(error)
            if len(problems) == MOST_PROBLEMS:
                break
    if problems:
        raise problems[0] if len(problems) == 1 else BadInput.several(problems)
    if not buffers:
        raise BadInput("there are no buffers below the line of names", where=name, right=EXAMPLE)
    return buffers


def _rows(reader: Iterable[list[str]], name: str) -> Iterator[tuple[int, list[str]]]:
    """Lines with something in them, and their numbers."""
    line = 0
    try:
        for line, row in enumerate(reader, 1):
            if any(cell.strip() for cell in row):
                yield line, row
    except csv.Error as error:
        raise BadInput(f"not a CSV file: {error}", where=f"{name}:{line + 1}", right=EXAMPLE) from None


def _columns(header: list[str], where: str) -> dict[str, int]:
    titles = [ALIASES.get(title.strip(), title.strip()) for title in header]
    missing = [title for title in NEEDED if title not in titles]
    known = [*NEEDED, *OPTIONAL, *ALIASES]
    strange = [title for title in titles if title not in known and nearest(title, known) is not None]
    right = f"columns {', '.join(NEEDED)}, and perhaps {', '.join(OPTIONAL)}, such as\n{EXAMPLE}"
    if missing:
        hint = did_you_mean(nearest(missing[0], strange))
        raise BadInput(f"column {missing[0]!r} is missing{hint}", where=where, right=right)
    if strange:
        raise BadInput(f"column {strange[0]!r}{did_you_mean(nearest(strange[0], known))}", where=where, right=right)
    twice = [title for title in dict.fromkeys(titles) if titles.count(title) > 1]
    if twice:
        raise BadInput(f"column {twice[0]!r} is there twice", where=where, right=right)
    return {title: index for index, title in enumerate(titles)}


def _buffer(row: list[str], columns: Mapping[str, int], later: int, where: str) -> Buffer:
    if len(row) != len(columns):
        raise BadInput(f"{len(row)} fields", where=where, right=f"{len(columns)}, as on the first line")
    cells = {title: row[index].strip() for title, index in columns.items()}
    numbers = {title: _whole(cells[title], title, where) for title in ("lower", "upper", "size")}
    given = {title: _whole(cells[title], title, where) for title in ("alignment", "offset") if cells.get(title)}
    gaps = tuple(_gap(text, later, where) for text in cells.get("gaps", "").split())
    try:
        return Buffer(
            cells["id"],
            numbers["lower"],
            numbers["upper"] + later,
            numbers["size"],
            alignment=given.get("alignment", 1),
            gaps=gaps,
            offset=given.get("offset"),
        )
    except BadInput as error:
        raise BadInput(f"{error.where}: {error.what}", where=where, right=error.right) from None


def _whole(text: str, title: str, where: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        raise BadInput(f"{title} is {text!r}", where=where, right="a whole number")
    return int(text)


def _gap(text: str, later: int, where: str) -> Gap:
    found = _GAP.fullmatch(text)
    if found is None:
        raise BadInput(
            f"gap {text!r}", where=where, right="from-until, such as 3-5, or with a window of bytes 3-5@0:64"
        )
    lower, upper, low, high = found.groups()
    return Gap(int(lower), int(upper) + later, None if low is None else (int(low), int(high)))
