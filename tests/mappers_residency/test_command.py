"""`archsim plan`: what it prints, and what it says to wrong input."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert "proved the least" in done.out
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
        (["decoder:G2F2L1", "--solver", "gurobi"], 2, "pip install gurobipy"),
        (["decoder:G2F2L1", "--method", "magic"], 2, "unknown method 'magic'"),
        (["decoder:G2F2L1", "--plot", "x.txt"], 2, "--plot"),
        (["nowhere.yaml"], 2, "nowhere.yaml"),
    ],
)
def test_wrong_input_is_explained(cli: Cli, words: list[str], code: int, message: str) -> None:
    done = cli("plan", *words)
    assert done.code == code
    assert message in done.err
    assert done.out == ""


def test_the_same_plan_comes_back_from_its_json(cli: Cli) -> None:
    from archsim.api.residency import load_graph
    from archsim.mappers.residency import plan

    found = plan(load_graph("decoder:G2F2L2"), 66 * UNIT)
    assert Plan.from_json(found.to_json()) == found
    done = cli("plan", "decoder:G2F2L2", "--json")
    assert done.json["order"] == list(found.order)
