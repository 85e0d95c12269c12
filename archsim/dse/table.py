"""The result of a study as a table: one row per point in the order of the space, and the files made from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archsim.core.files import write_atomic
from archsim.dse.front import front
from archsim.dse.metrics import HEADLINE, Value
from archsim.dse.store import Row
from archsim.dse.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    import pandas


@dataclass(frozen=True)
class Table:
    """Rows of a study with its objectives. The same rows give the same bytes in every file."""

    study: Study
    rows: tuple[Row, ...]

    @cached_property
    def front(self) -> tuple[int, ...]:
        """Positions of the rows on the Pareto front."""
        return front(self.rows, self.study.objectives)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Fields of the space, status, pareto, metrics, and the reason of rows without metrics."""
        named = dict.fromkeys(name for row in self.rows for name in row.result.metrics if name not in HEADLINE)
        return (*self.study.space, "status", "pareto", *HEADLINE, *sorted(named), "reason")

    def records(self) -> list[dict[str, Value]]:
        """One mapping per row with every column; None where a row has no such number."""
        best = set(self.front)
        return [self._record(row, index in best) for index, row in enumerate(self.rows)]

    def _record(self, row: Row, on_front: bool) -> dict[str, Value]:
        known: dict[str, Value] = {
            **row.result.metrics,
            **row.settings,
            "status": row.result.status.value,
            "pareto": on_front,
            "reason": row.result.reason,
        }
        return {name: known.get(name) for name in self.columns}

    def to_csv(self) -> str:
        """Comma-separated values with a header line; numbers with every digit they have."""
        out = io.StringIO()
        writer = csv.DictWriter(out, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in record.items()} for record in self.records())
        return out.getvalue()

    def to_parquet(self) -> bytes:
        """An Apache Parquet file; a column whose values are of several types holds text."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        records = self.records()
        arrays = {name: _uniform([record[name] for record in records]) for name in self.columns}
        out = io.BytesIO()
        pq.write_table(pa.table(arrays), out)
        return out.getvalue()

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a data frame."""
        import pandas

        return pandas.DataFrame(self.records(), columns=list(self.columns))

    def save(self, folder: Path) -> None:
        """Write results.csv and results.parquet."""
        write_atomic(folder / "results.csv", self.to_csv())
        write_atomic(folder / "results.parquet", self.to_parquet())


def _cell(value: Value) -> object:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def _uniform(values: Sequence[Value]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        largest = max((abs(value) for value in values if isinstance(value, int)), default=0)
        return [None if v is None else float(v) for v in values] if float in kinds or largest >= 2**63 else list(values)
    if len(kinds) > 1:
        return [None if value is None else str(value) for value in values]
    return list(values)
