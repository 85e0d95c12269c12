"""`archsim map` with --verify, --plot and --explain."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from archsim.api.designs import load_design
from archsim.api.mapping import mapped, verified
from archsim.api.schedule import limits, schedule
from archsim.cli import main

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command: exit code, what it prints, what it says."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["archsim", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return run


def test_verify_says_what_was_executed(call: Call) -> None:
    code, out, _ = call("map", "fusemax", "attention:1,2,1,5,9,4", "--verify")
    assert code == 0
    assert out.count("equals the plain graph") == 4
    assert "in program order" in out


def test_what_is_too_large_is_refused_before_anything_is_drawn(call: Call, tmp_path: Path) -> None:
    plot = tmp_path / "p.png"
    code, _, err = call("map", "systolic", "gpt2-xl", "--verify", "--plot", str(plot))
    assert code == 2
    assert "too large to be executed" in err
    assert not plot.exists()


def test_explain_names_the_binding_constraint(call: Call) -> None:
    code, out, _ = call("map", "pim-gpt", "gemm:16,64,64", "--explain")
    assert code == 0
    for text in ("binding constraint: pim, the busiest unit", "asic.sram is", "% full", "gap", "bound"):
        assert text in out


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_picture_is_written_and_the_same_every_time(call: Call, tmp_path: Path, form: str, start: bytes) -> None:
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{form}"
        assert call("map", "fusemax", "attention:1,2,1,70,300,16", "--plot", str(path))[0] == 0
        assert path.read_bytes().startswith(start)
    assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()
    if form == "svg":
        text = (tmp_path / "a.svg").read_text()
        assert all(unit in text for unit in ("dram", "array_2d", "array_1d", "buffer"))


def test_a_picture_of_no_known_kind_is_refused(call: Call, tmp_path: Path) -> None:
    code, _, err = call("map", "fusemax", "gemm:4,4,4", "--plot", str(tmp_path / "p.bmp"))
    assert code == 2
    assert ".png" in err


def test_a_schedule_is_what_the_units_do_and_no_more_than_fits() -> None:
    made = mapped("pim-gpt", "gpt2-small", phase="generate", generate=2, set={"asic.sram": "256 KiB"})
    drawn = schedule(made.mapping, made.design)
    for unit in ("pim", "asic"):
        own = sorted((bar.start, bar.end) for bar in drawn.bars if bar.unit == unit)
        assert own
        assert all(first[1] <= second[0] for first, second in pairwise(own))
    assert drawn.memories == ["asic.sram"]
    assert 0 < drawn.peak("asic.sram") <= drawn.capacities["asic.sram"]
    last = drawn.occupancy("asic.sram")[-1]
    assert last[1] == drawn.always.get("asic.sram", 0)  # all that came has gone
    boxes = [held for held in drawn.held if held.at is not None]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a.end <= b.start or b.end <= a.start
            shared = max(a.at or 0, b.at or 0) < min((a.at or 0) + a.size, (b.at or 0) + b.size)
            in_place = min(a.end, b.end) - max(a.start, b.start) <= max(bar.end - bar.start for bar in drawn.bars)
            assert apart or not shared or in_place, (a, b)


def test_limits_are_those_of_the_report() -> None:
    import archsim

    made = mapped("fusemax", "attention:1,4,4,512,512,64")
    found = limits(made.mapping, made.design)
    report = archsim.run("fusemax", "attention:1,4,4,512,512,64", fidelity="cycle")
    assert max(found.units.values()) / 1e12 <= report.seconds
    assert found.binding.split(",")[0] in load_design("fusemax").blocks()


def test_a_broken_mapping_stops_at_the_first_order() -> None:
    made = mapped("systolic", "gemm:3,4,5")
    assert [one.order for one in verified(made)] == ["program", "any", "any", "any"]
