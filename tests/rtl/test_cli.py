"""The commands of RTL: does a user get what was asked for, and is wrong input answered?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archsim.hdl.export import emit
from archsim.units.cores import names
from archsim.units.cores.dot_tree import DotTree

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

WRONG = [
    ("emit dot_treee", "unknown unit 'dot_treee', did you mean 'dot_tree'?"),
    ("emit dot_tree --set lanes=0", "--set lanes=0  dot_tree.lanes: 0 is too small, must be >= 1"),
    ("emit dot_tree --set lanes=12", "12 is no power of two\n   a tree has 8 or 16 lanes"),
    ("emit dot_tree --set lanes=four", "'four' is not a whole number"),
    ("emit dot_tree --set format=int7", "'int7' is not one of bf16, fp16, int8"),
    ("emit dot_tree --set width=9", "dot_tree.width: unknown key"),
    ("emit pim_bank --set mac.lanes=3", "pim_bank.mac.lanes: 3 is no power of two"),
    ("emit pim_bank --set columns=48", "48 is no power of two\n   a buffer has 32 or 64 columns"),
    ("emit", "UNIT is missing"),
    ("emit dot_tree --all", "--all takes no UNIT"),
    ("emit dot_tree --set lanes=1 --out /proc/nothing", "cannot write"),
    ("verify dot_tree --backend questa", "unknown backend 'questa'\n   amaranth, verilator, icarus"),
    ("verify dot_tree --backend amaranth --record", "contracts are measured on exported Verilog"),
    ("synth dot_tree --target asicc", "asicc"),
    ("synth dot_tree --liberty /nowhere.lib", "/nowhere.lib"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_wrong_input_is_answered(cli: Cli, words: str, said: str) -> None:
    done = cli("rtl", *words.split())
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_list_is_a_table_and_json(cli: Cli) -> None:
    rows = json.loads(cli("rtl", "list", "--json").out)
    assert [row["name"] for row in rows] == list(names())
    shown = cli("rtl", "list").out.splitlines()
    assert len(shown) == len(rows) + 1
    assert max(map(len, shown)) <= 120


def test_emit_writes_one_file_named_as_its_module(cli: Cli, tmp_path: Path) -> None:
    done = cli("rtl", "emit", "dot_tree", "--set", "lanes=2", "--set", "format=int8", "--out", str(tmp_path))
    assert done.code == 0
    path = tmp_path / "dot_tree_lanes_2_format_int8.v"
    assert done.out.strip() == str(path)
    text = path.read_text(encoding="utf-8")
    assert text == emit(DotTree(lanes=2, format="int8"))
    assert "\nmodule dot_tree_lanes_2_format_int8(" in text
    assert str(Path(__file__).parents[2]) not in text


def test_verify_says_what_was_measured(cli: Cli) -> None:
    words = ("rtl", "verify", "dot_tree", "--set", "lanes=2", "--set", "format=int8", "--backend", "amaranth", "--json")
    verdict = json.loads(cli(*words).out)
    assert (verdict["latency"], verdict["interval"], verdict["tests"], verdict["seed"]) == (6, 1, 3, 1)
