"""The published rows that tests compare with: tests/data/fusemax_reference.csv."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

PATH = Path(__file__).parents[1] / "data" / "fusemax_reference.csv"
Row = dict[str, str]
Point = tuple[str, str, int]
"""Configuration, model, length."""


@cache
def points(kind: str) -> dict[Point, tuple[Row, dict[str, float]]]:
    """Point -> its shape columns and its metrics, of one kind of rows."""
    found: dict[Point, tuple[Row, dict[str, float]]] = {}
    with PATH.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["kind"] == kind and row["seq_len"].isdigit():
                point = row["config"], row["model"], int(row["seq_len"])
                found.setdefault(point, (row, {}))[1][row["metric"]] = float(row["value"])
    return found
