"""`archsim place`: what it prints for each kind of file, its pictures, and what it says to wrong input."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.api.schema import schema
from tests.cli.conftest import Cli

KV = "kind: kv\ncontexts: [17, 900, 3000]\nkv_heads: 2\ntoken_bytes: 4\nchannels: 4\n"
EXPERTS = "kind: experts\nloads: {hot: 90, warm: 40, cold: 2}\nbytes: 1 KiB\ndevices: 2\ncapacity: 2 KiB\nspare: 1\n"
TENSORS = """\
kind: tensors
items:
  - {name: a, load: 30, size: 3 KiB}
  - {name: b, load: 40, size: 2 KiB}
  - {name: c, load: 10, only: [slr1]}
bins:
  - {name: slr0, capacity: 4 KiB}
  - {name: slr1, capacity: 4 KiB, speed: 0.5}
together: [{items: [a, c], cost: 3}]
"""
OPS = """\
kind: ops
ops:
  - {name: norm, times: {npu: 2}}
  - {name: up, times: {npu: 12, pim: 10}}
  - {name: gate, times: {npu: 12, pim: 10}}
  - {name: sum, times: {npu: 1}, after: [norm]}
results:
  - {maker: norm, users: [up, gate], cost: 1}
  - {maker: up, users: [sum], cost: 1}
  - {maker: gate, users: [sum], cost: 1}
"""


@pytest.mark.parametrize(
    ("text", "objective", "unit"), [(KV, 12000, " B"), (EXPERTS, 85, " tokens"), (TENSORS, 80, ""), (OPS, 15, "")]
)
def test_every_kind_is_placed_and_proved(cli: Cli, text: str, objective: int, unit: str) -> None:
    Path("mine.yaml").write_text(text)
    done = cli("place", "mine.yaml", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.json
    assert (found["objective"], found["gap"]) == (objective, pytest.approx(0, abs=1e-5))
    assert set(found["places"].values()) <= set(found["loads"])
    said = cli("place", "mine.yaml").out
    assert f"objective  {objective:,}{unit}\n" in said
    assert f"bound {objective:,}, gap 0.00 %, proved, " in said
    assert all(place in said for place in found["places"])


def test_the_picture_has_the_bound(cli: Cli) -> None:
    Path("mine.yaml").write_text(KV)
    assert cli("place", "mine.yaml", "--plot", "out.svg").code == 0
    assert "<svg" in Path("out.svg").read_text()


def test_what_does_not_fit_is_code_1_and_says_by_how_much(cli: Cli) -> None:
    Path("mine.yaml").write_text(TENSORS.replace("4 KiB}", "2 KiB}").replace("4 KiB,", "1 KiB,"))
    done = cli("place", "mine.yaml")
    assert done.code == 1
    assert "item 'a' is larger than every unit that takes it" in done.err


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (KV, ("--method", "luck"), "unknown method 'luck'"),
        (KV, ("--plot", "a.gif"), "cannot draw 'a.gif'"),
        (KV, ("--time-limit", "0"), "seconds is 0"),
        (KV.replace("kind: kv\n", ""), (), "kind is missing"),
        (KV.replace("kind: kv", "kind: vk"), (), "vk"),
        (KV.replace("channels", "channel"), (), "mine.yaml:5"),
        (KV.replace("4\nchannels", "0\nchannels"), (), "mine.yaml:4"),
        (TENSORS.replace("[slr1]", "[slr2]"), (), "unknown bin 'slr2'"),
        (TENSORS.replace("[a, c]", "[a, d]"), (), "unknown item 'd'"),
        (OPS.replace("after: [norm]", "after: [nrom]"), (), "unknown step 'nrom'"),
    ],
)
def test_wrong_input_is_said(cli: Cli, text: str, words: tuple[str, ...], said: str) -> None:
    Path("mine.yaml").write_text(text)
    done = cli("place", "mine.yaml", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_check_and_schema_know_the_kinds(cli: Cli) -> None:
    for kind, text in (("kv", KV), ("experts", EXPERTS), ("tensors", TENSORS), ("ops", OPS)):
        Path("mine.yaml").write_text(text)
        assert f"placement of kind {kind}" in cli("check", "mine.yaml").out
    definitions = schema()["$defs"]
    assert definitions["KvPlacement"]["required"][0] == "kind"
    assert len(definitions["placement"]["anyOf"]) == 4
