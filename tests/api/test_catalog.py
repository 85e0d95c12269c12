"""Everything that has a name is listed, described, and can be shown."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import archsim
from archsim.api import plugins
from archsim.api.catalog import catalog, explain, list_names, show
from archsim.api.files import check_files
from archsim.api.schema import schema
from archsim.core.errors import UnknownName
from archsim.ir.component import Component

ROOT = Path(__file__).parents[2]


def test_every_listed_name_has_a_line_and_can_be_shown() -> None:
    for group, names in list_names().items():
        assert names, group
        for name, line in names.items():
            if not name.startswith("test_"):
                assert line, f"{group}: {name}"
            if group not in ("operators", "kernels"):
                assert show(name).startswith(("#", "kind")), name


@pytest.mark.parametrize("name", list(catalog()["designs"]()))
def test_what_show_prints_for_a_design_is_that_design(work: Path, name: str) -> None:
    (work / "mine.yaml").write_text(show(name))
    assert archsim.load_design("mine.yaml") == archsim.load_design(name)


@pytest.mark.parametrize("name", ["gpt2-xl", "llama-3-8b", "bert-base"])
def test_what_show_prints_for_a_model_is_that_model(work: Path, name: str) -> None:
    (work / "mine.yaml").write_text(show(name))
    assert archsim.load_workload("mine.yaml").expand() == archsim.load_workload(name).expand()


def test_unknown_names_and_groups_are_suggested() -> None:
    with pytest.raises(UnknownName, match="did you mean 'systolic'"):
        show("systolik")
    with pytest.raises(UnknownName, match="did you mean 'designs'"):
        list_names("design")


@pytest.mark.parametrize("name", list(catalog()["designs"]()))
def test_every_fact_of_a_design_has_a_source_and_a_confidence(name: str) -> None:
    facts = explain(name)
    assert any("not modelled" in fact.name for fact in facts)
    for fact in facts:
        assert fact.value, fact
        assert fact.confidence, fact


def test_every_bundled_file_passes_check() -> None:
    found = check_files(
        [str(path) for path in sorted(ROOT.glob("configs/**/*.yaml")) + sorted(ROOT.glob("sweeps/*.yaml"))]
    )
    assert [str(one.error) for one in found if one.error] == []
    assert len(found) > 40


def test_the_committed_schema_is_up_to_date() -> None:
    command = [sys.executable, "-m", "archsim.cli", "schema"]
    fresh = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "configs" / "archsim.schema.json").read_text() == fresh, (
        "archsim schema --out configs/archsim.schema.json"
    )


def test_the_schema_knows_kinds_units_and_docs() -> None:
    definitions = schema()["$defs"]
    assert definitions["Systolic"]["properties"]["kind"] == {"const": "systolic", "description": "What this is."}
    clock = definitions["Systolic"]["properties"]["clock"]
    assert "GHz" in clock["pattern"]
    assert definitions["Systolic"]["properties"]["rows"]["description"].startswith("Rows of multiply-accumulators")
    assert definitions["Study"]["properties"]["question"]["description"].startswith("What the study is meant to answer")


def test_a_broken_plugin_is_a_warning_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        EntryPoint("good", "archsim_test_plugin:register", plugins.GROUP),
        EntryPoint("bad", "no_such:x", plugins.GROUP),
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries)
    module = type(sys)("archsim_test_plugin")

    def register() -> None:
        class FromPlugin(Component, kind="from_plugin"):
            """A component of a plug-in."""

    module.register = register  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "archsim_test_plugin", module)
    with pytest.warns(plugins.PluginWarning, match="plug-in 'bad' is left out: ModuleNotFoundError"):
        plugins.register.__wrapped__()
    assert "from_plugin" in Component.registry


def test_a_mapping_written_by_hand_is_checked(work: Path) -> None:
    archsim.run("systolic", "gemm:8,8,8", out="out")
    path = work / "out" / "mapping.json"
    assert check_files([str(path)])[0].what.endswith("covers its graph, fits its design")
    text = path.read_text()
    for old, new, message in (
        ('"op": "gemm"', '"op": "gem"', "gem"),
        ('"body"', '"bdy"', "no task computes it"),
        ('"objective"', '"objectiv"', "'objective' is missing"),
        ("{", "", "not JSON"),
        ('"archsim.mapping/1"', '"archsim.mapping/0"', "this version reads"),
    ):
        path.write_text(text.replace(old, new, 1))
        assert message in str(check_files([str(path)])[0].error or ""), old
    assert json.loads(text)["schema"] == "archsim.mapping/1"
