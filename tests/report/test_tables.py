"""Tables of ops, comparisons and derived numbers."""

from __future__ import annotations

import csv
import io
import subprocess
import sys

import pandas as pd
import pytest
from rich.console import Console

from archsim.report.compare import compare, differences, show_comparison
from archsim.report.document import ReportDoc, command_line, joules_per_token, merge_phases, tokens_per_second
from archsim.report.tables import COLUMNS, ops_csv, ops_frame, ops_parquet


def test_frame_csv_and_parquet_agree(pim: ReportDoc) -> None:
    frame = ops_frame(pim)
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == len(pim["by_op"])
    assert frame["seconds"].sum() == pytest.approx(pim["seconds"])
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(ops_parquet(pim))), frame, check_dtype=False)
    rows = list(csv.DictReader(io.StringIO(ops_csv(pim))))
    assert [float(row["seconds"]) for row in rows] == [op["seconds"] for op in pim["by_op"]]
    assert [int(row["macs"]) for row in rows] == [op["macs"] for op in pim["by_op"]]


def test_tables_of_nothing(gemm: ReportDoc) -> None:
    gemm["by_op"] = []
    assert list(ops_frame(gemm).columns) == list(COLUMNS)
    assert len(pd.read_parquet(io.BytesIO(ops_parquet(gemm)))) == 0


def test_parquet_bytes_repeat(pim: ReportDoc) -> None:
    assert ops_parquet(pim) == ops_parquet(pim)


def test_merging_phases_conserves(pim: ReportDoc) -> None:
    merged = merge_phases(pim["by_op"])
    assert len(merged) == len(pim["by_op"]) // 2
    assert sum(op["seconds"] for op in merged) == pytest.approx(sum(op["seconds"] for op in pim["by_op"]))
    assert sum(op["macs"] for op in merged) == sum(op["macs"] for op in pim["by_op"])
    qkv = next(op for op in merged if op["op"] == "qkv")
    assert qkv["unit"] == "pim + asic.array"


def test_derived_numbers(pim: ReportDoc, gemm: ReportDoc) -> None:
    assert tokens_per_second(pim) == pytest.approx(1024 / pim["seconds"])
    assert joules_per_token(pim) == pytest.approx(3.4 / 1024)
    assert tokens_per_second(gemm) is None
    assert joules_per_token(gemm) is None
    assert command_line(pim).startswith("archsim run pim-gpt")
    assert command_line(gemm) == ""


def test_comparison_is_against_the_first(pim: ReportDoc) -> None:
    other: ReportDoc = {
        **pim,
        "design": "faster",
        "seconds": pim["seconds"] / 2,
        "energy_joules": {"total": 6.8, "by_component": {}},
    }
    first, second = compare([pim, other])
    assert first["speedup"] == first["energy_ratio"] == 1
    assert second["speedup"] == 2
    assert second["energy_ratio"] == pytest.approx(2)
    assert second["name"] == "faster x gpt2-xl"
    assert differences([pim, other]) == []


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("runs", [1, 2, 6])
def test_comparison_on_the_terminal(pim: ReportDoc, gemm: ReportDoc, width: int, runs: int) -> None:
    out = io.StringIO()
    docs = [pim, gemm, pim, pim, pim, pim][:runs]
    show_comparison(docs, Console(file=out, width=width))
    text = out.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    assert "1.343 s" in text
    assert "17.0 %" in text
    assert ("careful: not the same workload" in text) == (runs > 1)


def test_a_comparison_says_once_what_runs_and_how_many_times_slower(pim: ReportDoc) -> None:
    slow: ReportDoc = {**pim, "design": "slow", "seconds": 112 * pim["seconds"]}
    out = io.StringIO()
    show_comparison([pim, slow], Console(file=out, width=80))
    assert out.getvalue().startswith("gpt2-xl, generate, 1,024 tokens\n")
    assert out.getvalue().count("generate") == 1
    assert "1/112" in out.getvalue()


def test_a_comparison_may_have_nothing_to_divide_by(gemm: ReportDoc) -> None:
    gemm["seconds"] = gemm["lower_bound_seconds"] = 0.0
    (entry,) = compare([gemm])
    assert entry["speedup"] is None
    assert entry["above_bound"] is None
    show_comparison([gemm], Console(file=io.StringIO(), width=80))


def test_heavy_libraries_are_imported_late() -> None:
    code = (
        "import sys, archsim.report.folder, archsim.report.tables;"
        "import archsim.report.study_page, archsim.report.pareto_plot;"
        "print({'pandas', 'pyarrow', 'matplotlib', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
