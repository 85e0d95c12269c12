"""What `archsim.run` promises: the contract's names, determinism, and one result however it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.api.cases import prepare
from archsim.core.errors import BadInput
from archsim.ir.mappingfile import from_json, to_json

CONTRACT = {
    "schema", "design", "workload", "phase", "fidelity", "seconds", "cycles", "clock_hz", "tokens", "macs",
    "lower_bound_seconds", "bound_by", "energy_joules", "traffic_bytes", "units", "by_op", "memory", "mapping",
    "provenance",
}  # fmt: skip


def plain(report: archsim.Report) -> dict[str, Any]:
    return {name: value for name, value in report.to_json().items() if name != "provenance"}


def test_the_report_has_what_the_contract_names() -> None:
    report = archsim.run("systolic", "gpt2-small", phase="generate", prompt=4, generate=3)
    doc = report.to_json()
    assert set(doc) >= CONTRACT
    assert doc["schema"] == "archsim.report/1"
    assert set(doc["energy_joules"]) == {"total", "by_component"}
    assert all(set(moved) == {"read", "write"} for moved in doc["traffic_bytes"].values())
    assert all(set(use) == {"busy_seconds", "utilization", "waits"} for use in doc["units"].values())
    assert all(set(op) >= {"op", "seconds", "energy_joules"} for op in doc["by_op"])
    assert set(doc["mapping"]) >= {"mapper", "objective", "bound", "gap"}
    assert json.loads(json.dumps(doc)) == doc
    assert (report.design, report.workload, report.phase, report.tokens) == ("systolic", "gpt2-small", "generate", 3)
    assert report.energy.total == pytest.approx(sum(report.energy.by_component.values()))


def test_ops_become_a_table() -> None:
    report = archsim.run("systolic", "gpt2-small", phase="decode")
    frame = report.ops.to_pandas()
    assert len(frame) == len(report.ops) > 10
    assert frame["seconds"].sum() == pytest.approx(report.seconds)
    assert frame["energy_joules"].sum() == pytest.approx(report.energy.total)


def test_scalesims_cycles_and_below_them_those_of_every_multiplier_in_every_cycle() -> None:
    sets = {"array.rows": 32, "array.cols": 32, "array.dataflow": "ws"}
    for fidelity, cycles in (("roofline", 128 * 768 * 768 // (32 * 32)), ("cycle", 127_872)):
        report = archsim.run("systolic", "gemm:128,768,768", set=sets, fidelity=fidelity)
        assert (report.cycles, report.fidelity) == (cycles, fidelity)


def test_settings_reach_whom_they_are_for() -> None:
    sets = {"array.rows": 64, "design.array.cols": 32, "workload.dtype": "int8"}
    case = prepare("systolic", "gemm:4,5,6", set=sets)
    assert case.design.parts["array"] == archsim.load_design("systolic").parts["array"].vary(rows=64, cols=32)
    assert case.workload.model_dump(mode="json")["dtype"] == "int8"
    with pytest.raises(BadInput, match="mapper"):
        prepare("systolic", "gemm:4,5,6", set={"mapper.nothing": 1})


def test_objects_and_names_give_the_same_report(work: Path) -> None:
    design = archsim.load_design("systolic", set={"array.rows": 8})
    workload = archsim.load_workload("gpt2-small", phase="decode", context=7)
    named = archsim.run("systolic", "gpt2-small", phase="decode", context=7, set={"array.rows": 8})
    assert plain(archsim.run(design, workload)) == plain(named)
    assert plain(archsim.run(design, workload, context=9)) != plain(named)
    assert plain(archsim.run("my_design.py:MyDesign", workload)) != plain(named)


def test_the_key_stands_for_everything_that_decides_the_result(work: Path) -> None:
    base = prepare("systolic", "gemm:4,5,6").key
    assert prepare("systolic", "gemm:4,5,6").key == base
    assert prepare(archsim.load_design("systolic"), "gemm:4,5,6").key == base
    others = [
        prepare("systolic", "gemm:4,5,7").key,
        prepare("systolic", "gemm:4,5,6", set={"array.rows": 8}).key,
        prepare("systolic", "gemm:4,5,6", fidelity="roofline").key,
        prepare("my_design.py:MyDesign", "gemm:4,5,6").key,
    ]
    path = work / "my_design.py"
    path.write_text(path.read_text().replace("op.bytes_in *", "2 * op.bytes_in *"))
    others.append(prepare("my_design.py:MyDesign", "gemm:4,5,6").key)
    assert len({base, *others}) == 6


def test_two_processes_agree_byte_for_byte(work: Path) -> None:
    code = (
        "import archsim, json;"
        "d = archsim.run('my_design.py:MyDesign', 'gpt2-small', phase='generate', prompt=3, generate=4).to_json();"
        "d.pop('provenance'); print(json.dumps(d))"
    )
    texts = set()
    for seed in ("1", "77"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        texts.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout)
    assert len(texts) == 1


def test_fast_forward_changes_nothing() -> None:
    fast, stepped = (
        archsim.run("systolic", "gpt2-small", phase="generate", prompt=3, generate=4, fast_forward=ff)
        for ff in (True, False)
    )
    assert plain(fast) == plain(stepped)


def test_a_mapping_survives_json(work: Path) -> None:
    for design in ("my_design.py:MyDesign", "pim-gpt"):
        mapping = archsim.map(design, "gpt2-small", phase="decode", generate=3)
        text = json.dumps(to_json(mapping))
        assert from_json(json.loads(text)) == mapping


def test_compare_sets_designs_runs_and_reports_side_by_side(work: Path) -> None:
    archsim.run("systolic", "gemm:8,8,8", out="one")
    report = archsim.run("systolic", "gemm:8,8,8", set={"array.rows": 8})
    rows = archsim.compare(["one", report, "my_design.py:MyDesign", archsim.load_design("systolic")], "gemm:8,8,8")
    assert [row["name"] for row in rows] == ["systolic x gemm:8,8,8"] * 2 + [
        "my_npu_pim x gemm:8,8,8",
        "systolic x gemm:8,8,8",
    ]
    assert rows[0]["speedup"] == rows[3]["speedup"] == 1
    with pytest.raises(BadInput, match="what should it run"):
        archsim.compare(["systolic"])
