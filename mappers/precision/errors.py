"""What each width of each op costs in accuracy, as the user measured it: a CSV file of ops, bits and errors."""

from __future__ import annotations

import csv
from pathlib import Path

from archsim.core.errors import BadInput, did_you_mean, nearest

COLUMNS = ("op", "bits", "error")
EXAMPLE = "op,bits,error\nffn_up,8,0.01\nffn_up,4,0.2"
RIGHT = f"a line of names and a line for each width of each op, such as\n{EXAMPLE}"
MOST_PROBLEMS = 10
"""Lines that are complained about at once."""

Errors = dict[str, dict[int, float]]
"""Op -> bits -> what that width adds to the error of the model."""


def read_errors(path: str | Path) -> Errors:
    """The errors of a file; columns op, bits and error in any order, others and lines that begin with # are ignored.

    Raises
    ------
    BadInput
        Not such a file; names the lines.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        what = "no such file" if isinstance(error, FileNotFoundError) else f"cannot read: {error.strerror}".lower()
        raise BadInput(what, where=str(path), right=RIGHT) from None
    except UnicodeDecodeError:
        raise BadInput("not a text file", where=str(path), right=RIGHT) from None
    return parse_errors(text, str(path))


def parse_errors(text: str, name: str) -> Errors:
    """The errors of a text; `name` is what messages call it.

    Raises
    ------
    BadInput
        Not such a text; names the lines.
    """
    rows = [(number, cells) for number, cells in enumerate(map(_cells, text.splitlines()), 1) if any(cells)]
    if not rows:
        raise BadInput("the file is empty", where=name, right=RIGHT)
    (first, titles), *rows = rows
    header = [title.lower() for title in titles]
    for column in COLUMNS:
        if column not in header:
            hint = did_you_mean(nearest(column, header))
            raise BadInput(f"no column {column!r}{hint}", where=f"{name}:{first}", right=RIGHT)
    found: Errors = {}
    problems: list[BadInput] = []
    for number, cells in rows:
        try:
            op, bits, error = _row(dict(zip(header, cells, strict=False)), f"{name}:{number}")
            if bits in found.setdefault(op, {}):
                raise BadInput(f"{op} has two errors of {bits} bits", where=f"{name}:{number}", right="one line")
            found[op][bits] = error
        except BadInput as problem:
            problems.append(problem)
    if problems:
        raise problems[0] if len(problems) == 1 else BadInput.several(problems[:MOST_PROBLEMS])
    if not found:
        raise BadInput("no op is named", where=name, right=RIGHT)
    return found


def _cells(line: str) -> list[str]:
    """The fields of a line; none where it is empty or a comment."""
    return [] if line.lstrip().startswith("#") else [cell.strip() for row in csv.reader([line]) for cell in row]


def _row(row: dict[str, str], where: str) -> tuple[str, int, float]:
    op, bits, error = (row.get(column, "") for column in COLUMNS)
    if not op:
        raise BadInput("op is missing", where=where, right="the name of an op")
    if not bits.isascii() or not bits.isdigit() or not int(bits):
        raise BadInput(f"bits is {bits!r}", where=where, right="a whole number above 0")
    try:
        number = float(error)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadInput(f"error is {error!r}", where=where, right="a number, 0 or more")
    return op, int(bits), number
