"""Names, YAML and Python lead to the same design."""

from __future__ import annotations

from pathlib import Path

import pytest

import archsim
from archsim.core.errors import BadInput
from archsim.core.quantities import Frequency
from archsim.core.userfile import load_class
from archsim.models.systolic import SystolicDesign
from archsim.units.systolic import Dataflow, Systolic


def test_bundled_file_kind_and_python_are_equal(work: Path) -> None:
    (work / "mine.yaml").write_text("kind: systolic\narray: {rows: 32, dataflow: os, clock: 2 GHz}\n")
    python = SystolicDesign(array=Systolic(rows=32, dataflow=Dataflow.OS, clock=Frequency("2 GHz")))
    assert archsim.load_design("mine.yaml") == archsim.load_design(work / "mine.yaml") == python
    sets = {"array.rows": 32, "array.dataflow": "os", "array.clock": "2 GHz"}
    assert archsim.load_design("systolic", set=sets) == python
    texts = [f"{key}={value}" for key, value in sets.items()]
    assert archsim.load_design("systolic", set=texts) == python
    assert archsim.load_design("systolic", set=[f"design.{text}" for text in texts]) == python
    assert archsim.load_design(SystolicDesign(), set=sets) == python
    assert archsim.load_design(python) is python


def test_a_base_is_merged_under(work: Path) -> None:
    (work / "one.yaml").write_text("base: systolic\narray: {rows: 16, cols: 8}\n")
    (work / "two.yaml").write_text("base: one.yaml\narray: {cols: 4}\n")
    assert archsim.load_design("two.yaml") == archsim.load_design("systolic", set={"array.rows": 16, "array.cols": 4})


def test_a_class_in_a_file_from_python_yaml_and_the_command_line(work: Path) -> None:
    from archsim.ir.component import Design

    text = "./my_design.py:MyDesign"
    mine = load_class(text, Design)
    (work / "sub").mkdir()
    (work / "sub" / "my.yaml").write_text("use: ../my_design.py:MyDesign\npim: {kind: bank_mac, banks: 64}\n")
    python = mine.model_validate({"pim": {"banks": 64}})
    assert archsim.load_design("sub/my.yaml") == python
    assert archsim.load_design(text, set={"pim.banks": 64}) == python
    assert type(archsim.load_design(text)) is mine
    (work / "kind.yaml").write_text("kind: my_npu_pim\npim: {banks: 64}\n")
    assert archsim.load_design("kind.yaml") == python


def test_a_setting_keeps_the_other_defaults_of_the_design(work: Path) -> None:
    design = archsim.load_design("my_design.py:MyDesign", set={"npu.cols": 32})
    assert design.parts["npu"] == archsim.Systolic(rows=64, cols=32)
    replaced = archsim.load_design("my_design.py:MyDesign", set={"npu": {"kind": "systolic", "cols": 32}})
    assert replaced == design


def test_a_changed_file_is_read_again(work: Path) -> None:
    before = archsim.load_design("my_design.py:MyDesign")
    path = work / "my_design.py"
    path.write_text(path.read_text().replace("banks: int = 16", "banks: int = 128"))
    assert before.parts["pim"].model_dump()["banks"] == 16
    assert archsim.load_design("my_design.py:MyDesign").parts["pim"].model_dump()["banks"] == 128


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class A:\n    pass\n", r"A in bad.py is not a Design"),
        (
            "import archsim\nclass B(archsim.Design): pass\n",
            r"bad.py has no class 'A'\n   Design classes in it: B",
        ),
        ("x = 1\ny = 1 / 0\n", r"bad.py:2  ZeroDivisionError"),
        ("def f(:\n", r"bad.py:1  not Python"),
        ("import archsim\nclass A(archsim.Design):\n    x: int = 'a'\nA()\n", r"bad.py:4"),
        (
            "import archsim\nclass Own: pass\nclass A(archsim.Design):\n    x: Own = Own()\n",
            r"bad.py:3  A: Unable to .*Own.*\n   types of fields are",
        ),
        ("import archsim\nclass A(archsim.Design):\n    x: 'Never' = 1\n", r"bad.py:2  A: name 'Never' is not defined"),
        ("import nothing_of_the_kind\n", r"bad.py:1  ModuleNotFoundError"),
    ],
)
def test_errors_in_a_users_file_are_the_users(work: Path, code: str, message: str) -> None:
    (work / "bad.py").write_text(code)
    with pytest.raises(BadInput, match=message):
        archsim.load_design("bad.py:A")
    with pytest.raises(BadInput, match=message):  # and again: a file that failed is not half there
        archsim.load_design("bad.py:A")


def test_a_changed_value_loses_the_source_of_the_old_one() -> None:
    shipped = {fact.name: fact.source for fact in archsim.load_design("aim").facts()}
    changed = {fact.name: fact.source for fact in archsim.load_design("aim", set={"pim.timing.trp": "20 ns"}).facts()}
    assert changed["pim.timing.trp"] == "set by the user" != shipped["pim.timing.trp"]
    assert changed["pim.timing.tras"] == shipped["pim.timing.tras"]
