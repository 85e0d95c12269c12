"""The log of programs and traces: every command, where it went; and the row commands that a host gives itself."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import PimRun, load_device, run_memory
from archsim.core.errors import BadInput
from archsim.memory.pim.lower import play_fast
from archsim.memory.pim.player import play
from archsim.memory.pim.trace import read
from archsim.memory.records import LOG_COLUMNS

AIM = load_device("gddr6-aim").vary(channels=4)
CALM = AIM.vary(policy={"refresh": "off"})


def logged(tmp_path: Path, text: str) -> PimRun:
    file = tmp_path / "commands.trace"
    file.write_text(text)
    found = run_memory(CALM, f"trace:{file}", log=True)
    assert isinstance(found, PimRun)
    return found


def names(found: PimRun) -> list[tuple[int, str, int]]:
    return [(one.cycle, one.command, one.row) for one in found.log if one.channel == 0]


@pytest.mark.parametrize(
    ("device", "pattern"),
    [("hbm2-newton", "gemv:64x512"), ("hbm3-attacc-bank", "attention:8x64"), ("hbm2-pim-aquabolt", "add:4096")],
)
def test_the_log_of_a_kernel_is_all_its_commands(device: str, pattern: str, tmp_path: Path) -> None:
    found, plain = run_memory(device, pattern, log=True), run_memory(device, pattern)
    assert isinstance(found, PimRun)
    assert found.measured.cycles == plain.measured.cycles
    assert found.write_log(tmp_path / "log.csv") == len(found.log) > 0
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == LOG_COLUMNS
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["command"]] += int(row["channels"])
    played: Counter[str] = Counter()
    for part in found.measured.parts:
        played.update({name: count * part.channels for name, count in part.played.commands.items()})
    assert counts == played
    assert [int(row["cycle"]) for row in rows] == sorted(int(row["cycle"]) for row in rows)


def test_channels_are_named_by_the_first_that_does_the_same(tmp_path: Path) -> None:
    found = logged(tmp_path, "0,MAC16,1:0,7\n0,MAC16,3:0,7\n0,MAC16,2:0,8\n")
    assert {(one.channel, one.channels, one.row) for one in found.log} == {(1, 2, 7), (2, 1, 8)}


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["R", "W", "MAC16"]), st.integers(0, 40)), min_size=1, max_size=30))
def test_requests_beside_a_program_are_logged_where_their_address_is(drawn: list[tuple[str, int]]) -> None:
    import tempfile

    step = 2048 * AIM.channels + AIM.request_bytes
    with tempfile.NamedTemporaryFile("w", suffix=".trace") as file:
        for number, (kind, place) in enumerate(drawn):
            file.write(f"{number},MAC16,0,{place}\n" if kind == "MAC16" else f"{number},{kind},{place * step:#x}\n")
        file.flush()
        found = run_memory(AIM, f"trace:{file.name}", log=True)
    shape = AIM.shape
    seen = set()
    for one in found.log:
        if one.column >= 0:
            rank, inside = divmod(one.bank, shape.per_rank)
            seen.add((one.channel, rank, *divmod(inside, shape.banks), one.row, one.column))
    asked = {AIM.addresses.decode(place * step) for kind, place in drawn if kind == "R"}
    every = {AIM.addresses.decode(place * step) for kind, place in drawn if kind != "MAC16"}
    written = {AIM.addresses.decode(place * step) for kind, place in drawn if kind == "W"}
    assert asked - written <= seen <= every


def test_a_memory_without_commands_has_no_log(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="kept no log"):
        run_memory("gddr6-aim", "gemv:64x64").write_log(tmp_path / "log.csv")
    assert not (tmp_path / "log.csv").exists()


def test_closing_what_is_closed_is_allowed_and_costs_no_row(tmp_path: Path) -> None:
    t = CALM.cycles
    found = logged(tmp_path, "0,PRE,0\n0,RD,0,5\n")
    assert names(found) == [(0, "PRE", -1), (t["tRP"], "ACT", 5), (t["tRP"] + t["tRCDRD"], "RD", 5)]


@pytest.mark.parametrize("closer", ["PRE", "PREA"])
def test_what_a_host_closes_waits_for_what_came_before(closer: str, tmp_path: Path) -> None:
    found = logged(tmp_path, f"0,RD,0,5,40\n0,{closer},0\n")
    kinds = [name for _, name, _ in names(found)]
    assert kinds == ["ACT", *["RD"] * 40, closer]


def test_a_row_that_a_host_opens_closes_the_one_that_is_open(tmp_path: Path) -> None:
    assert [name for _, name, _ in names(logged(tmp_path, "0,ACT,0,7\n0,ACT,0,8\n"))] == ["ACT", "PRE", "ACT"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ACT", "ACT16", "PRE", "PREA", "RD", "WR", "MAC", "MAC16", "FENCE"]),
            st.integers(0, 15),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_host_row_commands_are_the_same_compiled(drawn: list[tuple[str, int, int]]) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".trace") as file:
        for number, (name, bank, row) in enumerate(drawn):
            file.write(f"{number},FENCE\n" if name == "FENCE" else f"{number},{name},{bank},{row}\n")
        file.write("100,RD,0,0\n")
        file.flush()
        (program, *_) = read(Path(file.name), AIM).programs
    slow, fast = play(AIM, program), play_fast(AIM, program, log=1 << 16)
    assert (slow.log, slow.cycles) == (fast.log, fast.cycles)
    issued = slow.commands
    assert all(issued[name] >= count for name, count in program.counts().items())
