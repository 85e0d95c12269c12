"""`archsim fuse`: what it prints, and what it says to wrong input."""

from __future__ import annotations

import json

import pytest

from archsim.api.cases import load_workload
from archsim.core.quantities import Bytes
from archsim.mappers.fusion import fuse
from archsim.mappers.tiling import Level
from tests.cli.conftest import Cli


def test_json_is_what_the_library_says(cli: Cli) -> None:
    done = cli("fuse", "gpt2-small", "--prompt", "64", "--capacity", "1 MiB", "--json")
    assert (done.code, done.err) == (0, "")
    level = Level(name="chip", capacity=Bytes("1 MiB"), double_buffered=False)
    record = fuse(load_workload("gpt2-small", prompt=64).expand(), level).record()
    assert {**done.json, "seconds": 0} == {**json.loads(json.dumps(record)), "seconds": 0}
    assert done.json["bound"] <= done.json["moved"] <= done.json["unfused"]


def test_the_table_has_every_op_once_and_what_is_saved(cli: Cli) -> None:
    done = cli("fuse", "gpt2-small", "--prompt", "64", "--capacity", "1048576")
    assert "scores, softmax, values" in done.out
    assert "which runs 12 times" in done.out
    table = done.out.split("ops\n")[-1]
    assert all(table.count(op) == 1 for op in ("qkv", "kv_append", "proj", "norm1", "ffn_down", "add2"))


def test_more_room_never_moves_more(cli: Cli) -> None:
    found = [
        cli("fuse", "gpt2-small", "--prompt", "64", "--capacity", f"{kib} KiB", "--json").json["moved"]
        for kib in (16, 64, 256, 1024, 4096)
    ]
    assert found == sorted(found, reverse=True)


def test_single_operators_have_no_layer(cli: Cli) -> None:
    done = cli("fuse", "attention:1,4,4,64,64,32", "--capacity", "64 KiB", "--json")
    assert done.code == 0
    assert done.json["turns"] == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("gpt2-small", "--capacity", "much"), 2, "--capacity"),
        (("gpt2-small", "--capacity", "0"), 2, "capacity is 0 B"),
        (("gpt2-smal", "--capacity", "1 MiB"), 2, "did you mean 'gpt2-small'"),
        (("gpt2-small", "--capacity", "1 MiB", "--loop", "lair"), 2, "unknown repeat 'lair'"),
        (("gpt2-small", "--capacity", "1"), 1, "cannot run in the buffer"),
    ],
)
def test_wrong_input_is_said(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    done = cli("fuse", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
