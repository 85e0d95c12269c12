"""`archsim precision`: does a run with the chosen widths take what was promised, and is wrong input said?"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from archsim.api.cases import load_workload
from archsim.api.designs import load_design
from archsim.api.running import run
from archsim.api.widths import choose_widths
from archsim.core.errors import BadInput
from archsim.mappers.precision.errors import Errors, parse_errors
from archsim.mappers.precision.prices import price
from tests.cli.conftest import Cli

TABLE = """\
op,bits,error
qkv,8,0.01
qkv,4,0.2
proj,8,0.01
proj,4,0.1
ffn_up,8,0.02
ffn_up,4,0.3
ffn_down,8,0.02
ffn_down,4,0.4
"""
ERRORS: Errors = parse_errors(TABLE, "table")
SLOW = {"array.bandwidth": "256 MB/s"}
"""So little that weights are what takes time."""


@pytest.mark.parametrize("metric", ["seconds", "bytes"])
def test_a_run_with_the_chosen_widths_takes_what_was_promised(metric: str) -> None:
    found = choose_widths("systolic", "gpt2-small", ERRORS, 0.3, metric=metric, set=SLOW)
    assert found.found.error <= 0.3
    assert found.found.bound <= found.found.objective
    assert found.before.time_ps is not None
    assert found.after.time_ps is not None
    assert found.after.time_ps < found.before.time_ps
    assert run("systolic", "gpt2-small", set=SLOW).seconds == pytest.approx(found.before.time_ps / 1e12, rel=1e-12)
    assert run("systolic", found.workload, set=SLOW).seconds == pytest.approx(found.after.time_ps / 1e12, rel=1e-12)


def test_no_choice_within_the_budget_takes_less_time() -> None:
    budget, design = 0.3, load_design("systolic", set=SLOW)
    found = choose_widths(design, "gpt2-small", ERRORS, budget)
    best = None
    for bits in product((16, 8, 4), repeat=len(ERRORS)):
        if sum(ERRORS[op].get(width, 0.0) for op, width in zip(ERRORS, bits, strict=True)) > budget + 1e-12:
            continue
        types = {16: "bf16", 8: "int8", 4: "int4"}
        sets = {f"workload.precision.{op}": types[width] for op, width in zip(ERRORS, bits, strict=True)}
        prices = price(load_workload("gpt2-small", set=sets).expand(), design)
        time = sum(one.time_ps or 0 for one in prices.values())
        best = time if best is None else min(best, time)
    assert found.after.time_ps == best


def test_the_file_it_writes_is_what_it_chose(cli: Cli) -> None:
    Path("e.csv").write_text(TABLE)
    args = ("systolic", "gpt2-small", "--errors", "e.csv", "--budget", "0.3", "--metric", "bytes")
    done = cli("precision", *args, "--out", "mine.yaml", "--json")
    assert (done.code, done.err) == (0, "")
    chosen = done.json["precision"]
    assert done.json["moved_bytes"]["after"] < done.json["moved_bytes"]["before"]
    assert {op: done.json["bits"][op] for op in chosen} == {op: int(t.strip("intbf")) for op, t in chosen.items()}
    assert load_workload("mine.yaml") == load_workload(
        "gpt2-small", set={f"precision.{o}": t for o, t in chosen.items()}
    )
    assert cli("check", "mine.yaml").code == 0
    said = cli("precision", *args).out
    assert "run it: archsim run systolic gpt2-small --set workload.precision.qkv=" in said


def test_units_that_price_nothing_count_the_bytes_of_weights() -> None:
    found = choose_widths("pim-gpt", "gpt2-small", {"ffn_up": {4: 0.1}}, 0.1)
    layers, elements = 12, 768 * 3072
    assert found.before.time_ps is None
    assert found.before.moved - found.after.moved == layers * elements * 3 // 2
    assert "do not price ops" in found.notes[0]
    with pytest.raises(BadInput, match="do not price ops"):
        choose_widths("pim-gpt", "gpt2-small", {"ffn_up": {4: 0.1}}, 0.1, metric="seconds")


def test_a_width_that_does_not_help_is_not_taken() -> None:
    found = choose_widths("systolic", "gpt2-small", ERRORS, 1.0)
    assert not found.workload.precision
    assert "makes an op faster" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", (), "the file is empty"),
        ("op,bits\nqkv,4\n", (), "no column 'error'"),
        ("op,bits,error\nqkv,x,0\n", (), "e.csv:2  bits is 'x'"),
        ("op,bits,error\nqkv,4,-1\n", (), "e.csv:2  error is '-1'"),
        ("op,bits,error\nqkv,4,1\nqkv,4,2\n", (), "e.csv:3  qkv has two errors of 4 bits"),
        ("op,bits,error\nqkv,3,1\n", (), "qkv cannot have 3 bits"),
        ("op,bits,error\nffn_gate,4,1\n", (), "unknown op 'ffn_gate'"),
        ("op,bits,error\nlm_head,4,1\n", (), "lm_head shares its table with embed"),
        (TABLE, ("--budget", "-1"), "budget is -1"),
        (TABLE, ("--metric", "joules"), "unknown metric 'joules'"),
        (TABLE, ("--out", "mine.txt"), "a name that ends in .yaml"),
    ],
)
def test_wrong_input_is_said(cli: Cli, text: str, words: tuple[str, ...], said: str) -> None:
    Path("e.csv").write_text(text)
    budget = () if "--budget" in words else ("--budget", "1")
    done = cli("precision", "systolic", "gpt2-small", "--errors", "e.csv", *budget, *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_an_operator_has_no_widths_and_a_small_budget_is_code_1(cli: Cli) -> None:
    Path("e.csv").write_text("op,bits,error\nqkv,16,0.5\nqkv,8,0.7\n")
    done = cli("precision", "systolic", "gemm:8,8,8", "--errors", "e.csv", "--budget", "1")
    assert (done.code, "has no widths to choose" in done.err) == (2, True)
    done = cli("precision", "systolic", "gpt2-small", "--errors", "e.csv", "--budget", "0.1")
    assert done.code == 1
    assert "even the least errors add up to 0.5" in done.err
