"""HBM-PIM beside Samsung's simulator, and its commands: order, counts, refresh, sets of banks.

Source of tests/data/pimsim_reference.csv: runs of SAITPublic/PIMSimulator dev b464dde, PIMBenchFixture, 64 channels.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archsim.api.dram import dram, load_device, run_memory
from archsim.core.errors import BadInput, UnknownName
from archsim.memory.device import Dram
from archsim.memory.pim import hbm_pim
from archsim.memory.pim.hbm_pim import elementwise, gemv, tile_cycles
from archsim.memory.pim.hbm_pim_kernels import OPERATIONS, PARK_ROW
from archsim.memory.pim.player import Played, play
from archsim.memory.pim.program import Do, Loop, Program
from archsim.memory.requests import Given
from archsim.memory.state import DeviceState

DEVICE = load_device("hbm2-pim-aquabolt")
QUIET = DEVICE.vary(policy={"refresh": "off"})
COLUMNS = {command.name for command in DEVICE.protocol.commands if command.column} - {"RD"}
SHAPES = st.tuples(st.integers(1, 400), st.integers(1, 700), st.sampled_from([1, 2, 4]))


def rows(mode: str) -> list[dict[str, str]]:
    with (Path(__file__).parents[1] / "data" / "pimsim_reference.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["mode"] == mode]


def sizes(row: dict[str, str]) -> list[int]:
    return [int(part.split("=")[1]) for part in row["dims"].split()]


def of_row(row: dict[str, str]) -> Program:
    numbers = sizes(row)
    if row["kernel"] == "GEMV":
        return gemv(numbers[0], numbers[1], 64)
    return elementwise(row["kernel"].lower(), numbers[0], 64)


@pytest.mark.parametrize("row", rows("pim"), ids=lambda row: f"{row['kernel']}-{row['dims']}")
def test_cycles_are_the_references(row: dict[str, str]) -> None:
    assert play(DEVICE, of_row(row)).cycles == pytest.approx(int(row["value"]), rel=0.02)


def test_fewer_outputs_than_a_tile_take_as_long_as_a_tile() -> None:
    whole = play(DEVICE, gemv(4096, 1024, 64)).cycles
    assert [play(DEVICE, gemv(out, 1024, 64)).cycles for out in (64, 1024, 2048)] == [whole] * 3
    assert play(DEVICE, gemv(4097, 1024, 64)).cycles > 1.8 * whole


def column_commands(log: list[tuple[int, str, int, int]]) -> list[tuple[str, int]]:
    return [(name, row) for _, name, _, row in log if name in COLUMNS]


@settings(max_examples=15, deadline=None)
@given(SHAPES, st.integers(500, 3900))
def test_columns_come_in_the_order_of_the_program(shape: tuple[int, int, int], interval: int) -> None:
    """The units step at each column, so no barrier and no refresh may change their order."""
    device = DEVICE.vary(timing={"trefi": interval})
    program = gemv(*shape)
    wanted = [(item[0].command, item[1]) for item in program.flat() if isinstance(item, tuple)]
    assert column_commands(play(device, program).log) == [one for one in wanted if one[0] in COLUMNS]


@settings(max_examples=15, deadline=None)
@given(SHAPES)
def test_gemv_issues_what_the_closed_form_says(shape: tuple[int, int, int]) -> None:
    played = play(DEVICE, gemv(*shape))
    wanted = hbm_pim.gemv_counts(*shape)
    assert {name: played.commands[name] for name in wanted} == wanted


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(OPERATIONS), st.integers(1, 100_000), st.sampled_from([1, 4, 16]))
def test_elementwise_issues_what_the_closed_form_says(op: str, n: int, channels: int) -> None:
    assume(n / channels < 40_000)
    played = play(DEVICE, elementwise(op, n, channels))
    wanted = hbm_pim.elementwise_counts(op, n, channels)
    assert {name: played.commands[name] for name in wanted} == wanted


def starts_of_tiles(played: Played) -> list[int]:
    return [cycle for cycle, name, _, _ in played.log if name == "WRGRF"][::8]


@settings(max_examples=20, deadline=None)
@given(
    st.fixed_dictionaries(
        {"tcl": st.integers(12, 24), "tcwl": st.integers(4, 10), "trp": st.integers(10, 20), "trc": st.just(0)}
        | {"trcdrd": st.integers(10, 20), "trcdwr": st.integers(8, 16), "twr": st.integers(10, 20)}
        | {"trtp": st.integers(2, 6), "twtr_l": st.integers(6, 12), "tras": st.integers(28, 36)}
    ),
    st.integers(4, 6),
)
def test_a_tile_takes_what_the_closed_form_says(timing: dict[str, int], step: int) -> None:
    device = QUIET.vary(timing=timing, pim_timing={"nCCDAB": step})
    starts = starts_of_tiles(play(device, gemv(64, 8 * 128, 1)))
    even, odd = tile_cycles(device)
    assert np.diff(starts[1:4]).tolist() == [even] * 2  # the first one waits for the rows of the start
    assert np.diff(starts[4:]).tolist() == [odd] * 3


def test_the_closed_form_at_the_references_timings() -> None:
    assert tile_cycles(DEVICE) == (341, 388)


def test_each_rank_is_refreshed_in_its_turn() -> None:
    played = play(DEVICE, gemv(4096, 4096, 64))
    refreshes = [(cycle, bank) for cycle, name, bank, _ in played.log if name == "REF"]
    assert [bank for _, bank in refreshes] == [0, 16] * (len(refreshes) // 2)
    assert len(refreshes) == played.cycles // 1950
    assert all(0 <= cycle - 1950 * nth < 80 for nth, (cycle, _) in enumerate(refreshes, 1))


def test_only_the_first_rank_computes() -> None:
    played = play(QUIET, elementwise("add", 500_000, 64))
    assert {bank for _, _, bank, _ in played.log} <= set(range(16))
    assert Counter(row for _, name, _, row in played.log if name == "RD") == {PARK_ROW: 32}


def test_even_and_odd_banks_have_rows_of_their_own() -> None:
    state = DeviceState(DEVICE.protocol, DEVICE.cycles, DEVICE.shape)
    state.issue("ACTH", 0, 0, 5)
    state.issue("ACTH", 1, 100, 9)
    assert state.open_rows == {bank: 9 if bank % 2 else 5 for bank in range(16)}
    state.issue("HAB", 0, 150, 5)
    state.issue("RDH", 1, 200, 9)
    refusal = state.probe("RDH", 0, 203, 5)
    assert refusal is not None
    assert refusal.earliest == 204
    with pytest.raises(BadInput, match="needs row 9 of bank 0 open, and row 5 is"):
        state.issue("RDH", 0, 300, 9)
    state.issue("PREH", 0, 300)
    assert set(state.open_rows) == set(range(1, 16, 2))


def test_columns_of_sets_need_all_bank_mode_and_those_of_banks_the_other() -> None:
    state = DeviceState(DEVICE.protocol, DEVICE.cycles, DEVICE.shape)
    state.issue("ACTH", 0, 0, 5)
    assert "needs mode 1" in str(state.probe("RDH", 0, 100, 5))
    state.issue("RD", 0, 100, 5)
    state.issue("HAB", 0, 150, 5)
    assert "needs mode 0" in str(state.probe("RD", 0, 200, 5))
    state.issue("SB", 0, 200, 5)
    assert state.probe("RD", 0, 300, 5) is None


@pytest.mark.parametrize("body", [(Do("RDH"),), (Do("HAB"), Do("SB"), Do("WRH")), (Do("HAB"), Do("RD"))])
@pytest.mark.parametrize("looped", [False, True])
def test_a_program_that_finds_the_wrong_mode_is_refused(body: tuple[Do, ...], looped: bool) -> None:
    program = Program((Loop("i", 2, body),) if looped else body)
    with pytest.raises(BadInput, match=f"{body[-1].command} needs mode"):
        run_memory(DEVICE, program)


def test_requests_do_not_meet_all_bank_mode(tmp_path: Path) -> None:
    (tmp_path / "both.trace").write_text("0,HAB\n0,R,0x0\n")
    with pytest.raises(BadInput, match="HAB beside ordinary requests"):
        run_memory(DEVICE, f"trace:{tmp_path / 'both.trace'}")


def host_cycles(device: Dram, row: dict[str, str]) -> int:
    """The same work by reads and writes of the host, one kind after the other, as the reference does it."""
    numbers, kernel = sizes(row), row["kernel"]
    vectors = {"GEMV": 0, "RELU": 1}.get(kernel, 2)
    if kernel == "GEMV":
        out, inp = numbers
        phases = [(2 * out * inp + 2 * inp, 0), (2 * out, 1), (2 * inp, 0), (2 * out, 1)]
    else:
        phases = [(2 * vectors * numbers[0], 0), (2 * numbers[0], 1)]
    total = start = 0
    for size, write in phases:
        count = size // device.request_bytes
        stream = Given(start + device.request_bytes * np.arange(count), np.full(count, write))
        total += dram(device, stream).statistics.cycles
        start += size
    return total


@pytest.mark.parametrize(
    "row",
    rows("host_stream"),
    ids=lambda row: f"{row['kernel']}-{row['dims']}",
)
def test_the_host_alone_takes_what_the_reference_says(row: dict[str, str]) -> None:
    assert host_cycles(DEVICE, row) == pytest.approx(int(row["value"]), rel=0.05)


@pytest.mark.parametrize(
    ("build", "wrong"),
    [
        (lambda: gemv(0, 128, 64), "GEMV of 0 x 128"),
        (lambda: gemv(1 << 20, 1 << 12, 1), "rows of every bank"),
        (lambda: elementwise("add", 0, 64), "add of 0 numbers"),
        (lambda: elementwise("relu", 1 << 30, 1), "rows of every bank"),
        (lambda: play(load_device("hbm2-8gb-x128"), gemv(64, 128, 1)), "unknown command 'PREA'"),
        (lambda: play(DEVICE, Program((Do("RDH", 99),))), "place 99"),
        (lambda: DEVICE.vary(pim_timing={"nCCDAB": 4, "nMAC": 2}), "nMAC: no rule of hbm2-pim needs it"),
    ],
)
def test_what_cannot_be_is_named(build: object, wrong: str) -> None:
    assert callable(build)
    with pytest.raises(BadInput, match=wrong):
        build()


def test_an_unknown_operation_names_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="unknown operation 'sub'") as caught:
        elementwise("sub", 10, 1)
    assert "relu" in str(caught.value)
