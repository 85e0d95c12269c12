"""`archsim plan`: what it prints, and what it says to wrong input."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.mappers import solvers_gurobi as gurobi
from archsim.mappers.residency import Plan
from archsim.workloads.networks import UNIT
from tests.cli.conftest import Cli


def test_json_has_the_headline_and_the_plan(cli: Cli) -> None:
    done = cli("plan", "decoder:G2F2L1", "--json")
    assert done.code == 0
    assert done.err == ""
    found = {key: done.json[key] for key in ("objective", "lower_bound", "proved", "fragmentation", "ops")}
    assert found == {
        "objective": 96 * UNIT, "lower_bound": 96 * UNIT, "proved": True, "fragmentation": 0, "ops": 25
    }  # fmt: skip
    assert done.json["height"] <= done.json["capacity"] == 66 * UNIT
    assert len(done.json["order"]) == 25


def test_a_table_a_sketch_and_a_picture(cli: Cli) -> None:
    done = cli("plan", "decoder:G2F1", "--compare", "--plot", "out.svg", "-q")
    assert (done.code, done.err) == (0, "")
    assert "gap 0.00 %, proved, " in done.out
    assert "arena, default, greedy" in done.out
    assert "l0.norm1" in done.out
    assert "<svg" in Path("out.svg").read_text()


def test_a_file_a_network_and_a_workload(cli: Cli) -> None:
    Path("mine.yaml").write_text("tensors: {x: 4, a: 4}\nops: [{name: f, reads: [x], writes: [a]}]\n")
    done = cli("plan", "mine.yaml", "--capacity", "8", "--json")
    assert (done.code, done.json["objective"], done.json["compulsory_bytes"]) == (0, 0, 8)
    done = cli("plan", "network:resnet50", "--capacity", "peak", "--json")
    assert (done.code, done.json["objective"]) == (0, 0)
    done = cli("plan", "gpt2-small", "--prompt", "4", "--weights", "--json")
    assert (done.code, done.json["ops"]) == (0, 162)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["decoder:G2F2L1", "--capacity", "1 MiB"], 1, "B more than there are"),
        (["decoder:G2F2L1", "--capacity", "0"], 2, "capacity is 0"),
        (["decoder:G2F2L1", "--capacity", "lots"], 2, "--capacity"),
        (["decoder:G0F2L1"], 2, "groups is 0"),
        (["decoder:many"], 2, "decoder:G2F2L1"),
        (["network:resnet"], 2, "did you mean 'resnet50'"),
        *([(["decoder:G2F2L1", "--solver", "gurobi"], 2, "try: ")] if gurobi.refusal() else []),
        (["decoder:G2F2L1", "--method", "magic"], 2, "unknown method 'magic'"),
        (["decoder:G2F2L1", "--plot", "x.txt"], 2, "--plot"),
        (["nowhere.yaml"], 2, "nowhere.yaml"),
        (["decoder:G2F2L1", "--batch", "4"], 2, "does not take --batch"),
        (["decoder:G2F2L1", "--weights"], 2, "does not take --weights"),
        (["network:resnet50", "--set", "x=1", "--prompt", "3"], 2, "does not take --set, --prompt"),
        (["decoder:G99999999F2"], 2, "at most 50,000"),
        (["decoder:G2F2L1", "--time-limit", "0"], 2, "time limit in seconds is 0"),
        (["decoder:G2F2L1", "--work", "nan"], 2, "work is nan"),
        (["decoder:G2F2L1", "--seed", "99999999999"], 2, "0 to 2,147,483,647"),
        (["decoder:G2F2L1", "--solver", "cp-sat"], 2, "known solvers: cbc, gurobi, highs"),
    ],
)
def test_wrong_input_is_explained(cli: Cli, words: list[str], code: int, message: str) -> None:
    done = cli("plan", *words)
    assert done.code == code
    assert message in done.err
    assert done.out == ""


FILES = {
    "ops: []": "there are no ops",
    "ops: [{name: f}]": "no op reads or writes a tensor",
    "ops: [{name: f, reads: [x, b], writes: [a]}, {name: g, reads: [a], writes: [b]}]": "f waits for g waits for f",
    "ops: [{name: f, reads: [a], writes: [a]}]": "f waits for f",
    "ops: [{name: f, reads: [x], writes: [a]}, {name: f, reads: [a], writes: [b]}]": "two ops are named 'f'",
    "ops: [{name: f, reads: [x], writes: [a]}, {name: g, reads: [x], writes: [a]}]": "'a' is written twice",
    "ops: [{name: f, reads: x, writes: [a]}]": "a list of names",
    "ops: [{name: f, reads: [x], writes: [y]}]": "unknown tensor 'y'",
    "ops: [{name: f, reads: [x], writes: [a], after: [h]}]": "unknown op 'h'",
    "ops: [{name: f, reads: [x], writes: [a]}]\nweights: [a]": "weight 'a' is written by op 'f'",
    "ops: [{name: f, reads: [x], writes: [a]}]\nresults: [x]": "no op writes the result 'x'",
    "ops: [{name: f, reads: [x], writes: [a]}]\nextra: 1": "unknown key 'extra'",
}
"""The ops of a file whose tensors are x, a and b -> what is said about them."""


@pytest.mark.parametrize("ops", FILES)
def test_a_file_that_is_no_graph_is_explained(cli: Cli, ops: str) -> None:
    Path("bad.yaml").write_text(f"tensors: {{x: 4, a: 4, b: 4}}\n{ops}\n")
    done = cli("plan", "bad.yaml")
    assert (done.code, done.out) == (2, "")
    assert FILES[ops] in done.err
    assert "bad" in done.err


def test_sizes_below_one_and_broken_ones_are_refused(cli: Cli) -> None:
    for size in ("-4", "0", "4.5", "true", "lots"):
        Path("bad.yaml").write_text(f"tensors: {{x: {size}, a: 4}}\nops: [{{name: f, reads: [x], writes: [a]}}]\n")
        done = cli("plan", "bad.yaml")
        assert done.code == 2
        assert "tensor 'x'" in done.err


def test_the_same_plan_comes_back_from_its_json(cli: Cli) -> None:
    from archsim.api.residency import load_graph
    from archsim.mappers.residency import plan

    found = plan(load_graph("decoder:G2F2L2"), 66 * UNIT)
    assert Plan.from_json(found.to_json()) == found
    done = cli("plan", "decoder:G2F2L2", "--json")
    assert done.json["order"] == list(found.order)
