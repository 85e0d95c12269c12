"""What `archsim show`, `explain`, `check` and the documentation say about memories is what the tables say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsim.api.catalog import explain, list_names, show
from archsim.api.designs import bundled_names
from archsim.api.dram import load_device
from archsim.api.files import check_files
from archsim.api.memories import standards_table
from archsim.api.schema import schema
from archsim.core.errors import BadInput
from archsim.memory.bounds import bind
from archsim.memory.device import Dram
from archsim.memory.protocol import Protocol
from archsim.memory.standards.ordinary import ORDINARY

NAMES = ["ddr5-16gb-x8-4800", "gddr6-8gb-x16", "hbm2-8gb-x128", "lpddr4-16gb-x16-4266"]
README = Path(__file__).parents[2] / "archsim" / "memory" / "standards" / "README.md"


@pytest.mark.parametrize("name", NAMES)
def test_what_show_prints_for_a_memory_is_that_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(show(name, set={"timing.trp": 25}))
    assert load_device(path) == load_device(name, set={"timing.trp": 25})
    assert show(str(path)).partition("\n")[2] == show(name, set={"timing.trp": 25}).partition("\n")[2]


@pytest.mark.parametrize("name", NAMES)
def test_show_prints_every_rule_with_its_number(name: str) -> None:
    device = load_device(name)
    lines = [" ".join(line.split()) for line in show(name).splitlines() if line.startswith("#   ")]
    for bound in bind(device.protocol, device.cycles, device.shape):
        start = f"# {'/'.join(bound.rule.preceding)} {'/'.join(bound.rule.following)} "
        assert any(line.startswith(start) and f" {bound.rule.gap} {bound.gap}" in line for line in lines), bound


def test_show_prints_what_follows_from_the_organisation() -> None:
    text = show("hbm2-8gb-x128", set={"channels": 1})
    assert "1 channel of 1 rank of 4 bank groups of 4 banks of 32,768 rows of 2 KiB" in text
    assert "32.0 GB/s" in text
    assert f"{32 * (1 - 260 / 3900):.1f} GB/s by consecutive addresses (93.3 %)" in text


@pytest.mark.parametrize("protocol", ORDINARY, ids=lambda protocol: protocol.name)
def test_a_standard_can_be_shown_and_is_listed(protocol: Protocol) -> None:
    text = show(protocol.name)
    facts = {fact.name: fact.value for fact in explain(protocol.name)}
    assert all(facts[f"{protocol.name}.{timing}"] for timing in protocol.timings)
    for rule in protocol.rules:
        assert rule.gap in text
    assert protocol.name in list_names("standards")["standards"]


def test_the_documented_table_of_rules_is_the_tables() -> None:
    assert standards_table() in README.read_text(encoding="utf-8"), "archsim show standards"


@pytest.mark.parametrize("name", bundled_names("memories"))
def test_every_memory_can_be_explained_and_shown(name: str) -> None:
    facts = explain(name)
    assert len({fact.name for fact in facts}) == len(facts)
    assert all(fact.value and fact.source and fact.confidence for fact in facts)
    assert show(name).startswith(f"# {name}: ")


def test_a_changed_value_is_the_users() -> None:
    facts = {fact.name: fact for fact in explain("hbm2-8gb-x128", set={"timing.trp": 15})}
    assert (facts["dram.timing.trp"].source, facts["dram.timing.trp"].confidence) == ("set by the user", "assumed")
    assert facts["dram.timing.tras"].source == "HBM2_8Gb_x128.ini of DRAMsim3 29817593"
    assert facts["dram.timing.trtrs"].source == "DRAMsim3's default"
    assert "not modelled" in facts


def test_a_memory_file_over_a_bundled_one_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: hbm2-8gb-x128\nchannels: 2\ntiming:\n  trc: 20\n")
    (wrong,) = check_files([str(path)])
    assert "trc: 20 cycles are less than tras + trp = 34 + 14 = 48" in str(wrong.error)
    path.write_text("base: hbm2-8gb-x128\nchannels: 2\n")
    (right,) = check_files([str(path)])
    assert right.error is None
    assert right.what == "memory hbm2"
    path.write_text("base: hbm2-8gb-x128\nrow: 2\n")
    (unknown,) = check_files([str(path)])
    assert "row: unknown key, did you mean 'rows'?" in str(unknown.error)
    assert "mine.yaml:2" in str(unknown.error)


def test_the_schema_knows_memories() -> None:
    found = schema()
    assert {"$ref": "#/$defs/memory"} in found["anyOf"]
    fields = found["$defs"]["Dram"]["properties"]
    assert fields["kind"] == {"const": "dram", "description": "What this is."}
    assert fields.keys() - {"kind", "base"} == Dram.model_fields.keys()
    assert json.dumps(found["$defs"]["Timing"]["properties"]["trp"]["description"]) == '"PRECHARGE to ACTIVATE."'


def test_a_name_that_is_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="did you mean 'hbm2-8gb-x128'"):
        show("hbm2-8gb-128")
