"""The ops of a run as a table for pandas, CSV and Parquet: one row per op, base units in the column names."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from archsim.report.document import OpDoc, ReportDoc

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = tuple(OpDoc.__annotations__)
"""`op`, `kind`, `unit`, then numbers: seconds, joules, MACs and bytes."""


def ops_frame(doc: ReportDoc) -> pd.DataFrame:
    """One row per op in program order."""
    import pandas as pd

    return pd.DataFrame(list(doc["by_op"]), columns=list(COLUMNS))


def ops_csv(doc: ReportDoc) -> str:
    """The same as CSV; floats are written so that they read back exactly."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(dict(op) for op in doc["by_op"])
    return out.getvalue()


def ops_parquet(doc: ReportDoc) -> bytes:
    """The same as a Parquet file. Built without pandas, which would be half of a short run's wall time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    kinds = {"op": str, "kind": str, "unit": str, "macs": int, "bytes": int}
    schema = pa.schema([(name, types[kinds.get(name, float)]) for name in COLUMNS])
    table = pa.Table.from_pylist([dict(op) for op in doc["by_op"]], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    contents: bytes = sink.getvalue().to_pybytes()
    return contents
