"""Naming a workload, and what is said when that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.graph import DType
from archsim.workloads import Operator, Transformer, load_shape, load_workload

CUSTOM = '''
"""A workload of one's own."""
from archsim.ir.graph import Graph
from archsim.ir.workload import Workload


class Nothing(Workload, kind="test_nothing"):
    """Computes nothing."""

    width: int = 3
    """How much of it."""

    def expand(self) -> Graph:
        return Graph("nothing", (), {})


class Other:
    """No workload."""
'''


def transformer(text: str, **options: Any) -> Transformer:
    workload = load_workload(text, **options)
    assert isinstance(workload, Transformer)
    return workload


def test_a_model_name_with_options() -> None:
    workload = transformer("gpt2-xl", phase="generate", batch=2, prompt=3, generate=4)
    assert workload == Transformer(model=load_shape("gpt2-xl"), phase="generate", batch=2, prompt=3, generate=4)
    assert transformer("gpt2").label == "gpt2-small"
    assert transformer("bert-base").phase_name == "prefill"


@pytest.mark.parametrize(
    "sets",
    [
        ["workload.dtype=int8", "workload.model.layers=2"],
        ["dtype=int8", "model.layers=2"],
        {"workload.dtype": "int8", "workload.model.layers": 2},
        {"workload": {"dtype": "int8", "model": {"layers": 2}}},
    ],
)
def test_settings_reach_every_field(sets: Any) -> None:
    workload = transformer("gpt2", sets=sets)
    assert (workload.dtype, workload.model.layers, workload.model.d_model) == (DType.INT8, 2, 768)


def test_an_operator() -> None:
    assert load_workload("gemm:128,768,64", sets=["workload.dtype=int8"]) == Operator(
        op="gemm:128,768,64", dtype=DType.INT8
    )


def test_yaml_of_a_shape(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("base: gpt2-small\nname: mine\nlayers: 3\n")
    workload = transformer(str(file), phase="prefill", prompt=7)
    assert (workload.label, workload.model.layers, workload.tokens) == ("mine", 3, 7)


def test_yaml_of_a_workload(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: gpt2-small\nname: mine\nlayers: 3\n")
    file = tmp_path / "work.yaml"
    file.write_text("kind: transformer\nmodel: mine.yaml\nphase: decode\ncontext: 9\ndtype: int8\n")
    workload = transformer(str(file), batch=2, sets=["workload.model.layers=4"])
    assert (workload.label, workload.model.layers, workload.cached, workload.batch) == ("mine", 4, 9, 2)
    file.write_text("kind: op\nop: softmax:4,8\n")
    assert load_workload(str(file)) == Operator(op="softmax:4,8")


def test_a_class_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(CUSTOM)
    workload = load_workload(f"{file}:Nothing", sets=["workload.width=5"])
    assert workload.expand().macs == 0
    assert workload.model_dump() == {"kind": "test_nothing", "width": 5}
    with pytest.raises(BadInput, match="Other"):
        load_workload(f"{file}:Other")
    with pytest.raises(BadInput, match=r"unknown key, did you mean 'workload\.width'"):
        load_workload(f"{file}:Nothing", sets=["workload.widthh=5"])


@pytest.mark.parametrize(
    ("text", "options", "where", "says"),
    [
        ("gpt2xl", {}, "", "unknown model 'gpt2xl', did you mean 'gpt2-xl'?"),
        ("", {}, "", "unknown model ''"),
        ("gem:1,2,3", {}, "", "unknown operator 'gem', did you mean 'gemm'?"),
        ("gemm:128,768", {}, "", "gemm:128,768: needs M,N,K, got 2 sizes"),
        ("gemm", {}, "", "gemm: needs M,N,K"),
        ("gemm:1,2,3", {"batch": 2}, "--batch 2", "workload.batch: unknown key"),
        ("copy:3", {}, "", "copy:3 is no whole number of bf16 elements"),
        ("gpt2", {"generate": 0}, "--generate 0", "workload.generate: 0 is too small"),
        ("gpt2", {"prompt": -4}, "--prompt -4", "workload.prompt: -4 is too small"),
        ("gpt2", {"batch": 0}, "--batch 0", "workload.batch: 0 is too small"),
        ("gpt2", {"context": -1}, "--context -1", "workload.context: -1 is too small"),
        ("gpt2", {"phase": "prefil"}, "--phase prefil", "did you mean 'prefill'?"),
        ("gpt2", {"phase": "decode", "prompt": 8}, "--prompt 8", "try: --context 8 | --phase generate"),
        ("gpt2", {"phase": "prefill", "generate": 8}, "--generate 8", "a prefill makes no tokens"),
        ("gpt2", {"phase": "generate", "context": 8}, "--context 8", "try: --prompt 8 | --phase decode"),
        ("gpt2", {"phase": "prefill", "context": 8}, "--context 8", "try: --prompt 8 | --phase decode"),
        ("gpt2", {"prompt": 4, "context": 8}, "--context 8", "nothing is cached before the prompt"),
        ("bert-base", {"phase": "generate"}, "--phase generate", "bert-base is an encoder, it has no phase generate"),
        ("bert-base", {"phase": "decode"}, "--phase decode", "bert-base is an encoder, it has no phase decode"),
        ("bert-base", {"generate": 2}, "--generate 2", "try: a decoder such as gpt2-small"),
        ("gpt2", {"sets": ["workload.dtype=bf17"]}, "--set workload.dtype=bf17", "did you mean 'bf16'?"),
        ("gpt2", {"sets": ["workload.dtpe=bf16"]}, "--set workload.dtpe=bf16", "did you mean 'workload.dtype'?"),
        (
            "gpt2",
            {"sets": ["workload.model.heds=2"]},
            "--set workload.model.heds=2",
            "did you mean 'workload.model.heads'?",
        ),
        ("gpt2", {"sets": ["workload.model=gtp2"]}, "--set workload.model=gtp2", "did you mean 'gpt2'?"),
        ("gpt2", {"sets": "workload.batch=2"}, "", "sets='workload.batch=2' is one text"),
        ("missing.yaml", {}, "missing.yaml", "cannot read: no such file"),
        ("missing.py:Work", {}, "", "no such file: missing.py"),
    ],
)
def test_a_wrong_workload_teaches(text: str, options: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_workload(text, **options)
    assert caught.value.exit_code == 2
    assert caught.value.where == where
    assert says in str(caught.value)
    assert not caught.value.problems


def test_errors_in_files_name_their_line(tmp_path: Path) -> None:
    shape = tmp_path / "shape.yaml"
    shape.write_text("base: gpt2-small\nname: mine\nheds: 3\n")
    with pytest.raises(BadInput, match="did you mean 'heads'") as caught:
        load_workload(str(shape))
    assert caught.value.where.endswith("shape.yaml:3")

    work = tmp_path / "work.yaml"
    work.write_text("kind: transformer\nmodel: gtp2\n")
    with pytest.raises(UnknownName, match="did you mean 'gpt2'") as unknown:
        load_workload(str(work))
    assert unknown.value.where.endswith("work.yaml:2")

    work.write_text("kind: transformr\nmodel: gpt2\n")
    with pytest.raises(BadInput, match="transformr") as kind:
        load_workload(str(work))
    assert kind.value.where.endswith("work.yaml:1")

    shape.write_text("base: gtp2\nname: mine\n")
    with pytest.raises(BadInput, match="did you mean 'gpt2'"):
        load_workload(str(shape))


def test_listing_models_is_cheap() -> None:
    code = (
        "import sys, archsim.workloads as w; w.models(); sys.exit('pydantic' in sys.modules or 'yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
