"""Keys in rows of the array."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archsim.ir.affine import Affine, affine
from archsim.ir.mapping import Range


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key for each row of the array."""

    start: int
    keys: Affine
    times: int = 1
    """Rows of the array it may grow to while the context does; it takes as long from the beginning."""

    @property
    def span(self) -> Range:
        """Its keys."""
        return Range(affine(self.start), self.keys + self.start)


KeyRows = tuple[KeyRow, ...]


def key_rows(rows: int, least: int, most: int, keys: Affine) -> KeyRows:
    """Keys in rows of `rows`; what is left, or grows from `least` to `most` keys, is one row at the end."""
    whole = least // rows if least == most else (least - 1) // rows
    out = [KeyRow(i * rows, affine(rows)) for i in range(whole)]
    if most > whole * rows:
        out.append(KeyRow(whole * rows, keys - whole * rows, -(-(most - whole * rows) // rows)))
    return tuple(out)


def moved(rows: KeyRows, by: int) -> KeyRows:
    """The rows `by` keys further."""
    return tuple(replace(row, start=row.start + by) for row in rows)
