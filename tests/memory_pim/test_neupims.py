"""NeuPIMs attention beside runs of its own simulator: command counts, cycles, what a refresh may not cut."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device, run_memory
from archsim.core.errors import BadInput
from archsim.memory.device import Dram
from archsim.memory.pim.neupims import Attention, attention, counts, macro_gap, scores, tile_cycles, tile_reserve
from archsim.memory.pim.player import Played, play
from archsim.memory.pim.program import Do, Fence, Loop, Node, Program
from archsim.memory.state import DeviceState

DEVICE = load_device("hbm2-neupims")
CALM = DEVICE.vary(policy={"refresh": "off"})
with (Path(__file__).parents[1] / "data" / "neupims_pim_counts.csv").open() as file:
    RUNS = list(csv.DictReader(file))
ISSUED = ("GWRITE", "G_ACT", "PIM_PRECHARGE", "COMP", "READRES")
CHANNELS, ARRIVAL = 32, 3
"""Cycles from the operator's start to its first command in the queue: issue, interconnect, transaction queue."""


def work_of(run: dict[str, str]) -> Attention:
    return Attention((int(run["length"]),) * (int(run["requests"]) // CHANNELS), int(run["heads"]))


def macros(played: Played) -> list[int]:
    return [cycle for cycle, name, _, _ in played.log if name == "COMPS_READRES"]


@pytest.mark.parametrize("run", [run for run in RUNS if run["sub_batches"] == "off"], ids=lambda r: r["pim_cycles"])
def test_a_run_of_the_reference(run: dict[str, str]) -> None:
    work = work_of(run)
    starts = int(run["scores_start"]) + ARRIVAL, int(run["values_start"]) + ARRIVAL
    played = play(DEVICE, attention(DEVICE, work, start=starts))
    issued, last, t = played.commands, macros(played), DEVICE.cycles
    of_scores = sum(batch.count * batch.sums for batch in scores(DEVICE, work))
    assert [counts(DEVICE, work)[name] for name in ISSUED] == [int(run[name]) for name in ISSUED]
    assert issued["GWRITE"] == int(run["GWRITE"])
    assert issued["G_ACT"] == int(run["G_ACT"])
    assert issued["COMPS_READRES"] == int(run["READRES"])
    assert issued["PIM_PRECHARGE"] + DEVICE.shape.total == int(run["PIM_PRECHARGE"])  # the last tile is still open
    busy = last[of_scores - 1] - starts[0] + last[-1] - starts[1] + 2
    assert abs(busy - int(run["pim_cycles"])) <= 1
    assert 0 <= int(run["values_end"]) - (last[-1] + t["tCL"] + t["tBURST"]) <= 4  # the interconnect back


@pytest.mark.parametrize("run", [run for run in RUNS if run["sub_batches"] == "on"], ids=lambda r: r["pim_cycles"])
def test_counts_of_runs_with_traffic_beside(run: dict[str, str]) -> None:
    ours = counts(DEVICE, work_of(run))
    ours = Counter({name: 2 * count for name, count in ours.items()})  # two layers
    assert [ours[name] for name in ("GWRITE", "COMP", "READRES")] == [
        int(run[name]) for name in ("GWRITE", "COMP", "READRES")
    ]
    again = int(run["G_ACT"]) - ours["G_ACT"]
    assert again in (0, DEVICE.shape.groups)  # traffic drew out one tile, so that a refresh closed one of its ranks
    assert int(run["PIM_PRECHARGE"]) - ours["PIM_PRECHARGE"] == again * DEVICE.shape.banks


@pytest.mark.parametrize(("heads", "length", "requests"), [(1, 256, 64), (8, 256, 64), (3, 1100, 33)])
def test_a_run_by_name_reports_the_formulas(heads: int, length: int, requests: int) -> None:
    reported = run_memory("hbm2-neupims", f"attention:{heads}x{length}x128x{requests}").record()["detail"]
    one = counts(DEVICE, Attention((length,), heads))
    for name in (*ISSUED, "P_HEADER", "COMPS_READRES"):
        assert reported["commands"][name] == requests * one[name], name


works = st.builds(
    Attention,
    st.lists(st.integers(1, 2500), min_size=1, max_size=4).map(tuple),
    st.integers(1, 40),
    st.sampled_from([16, 32, 64, 128, 256, 512]),
)


@settings(deadline=None)
@given(works)
def test_counts_are_the_formulas(work: Attention) -> None:
    heads, dim = work.heads, work.head_dim
    width, outputs = heads * dim, ceil(dim / 32)
    ours, program = counts(DEVICE, work), attention(DEVICE, work).counts()
    tokens = [(length, ceil(length / 32), ceil(length / 512)) for length in work.lengths]
    tiles = sum(ceil(width / 512) * t + heads * chunks * outputs for _, t, chunks in tokens)
    columns = [sum(ceil(min(512, n - 512 * i) / 16) for i in range(chunks)) for n, _, chunks in tokens]
    assert ours["GWRITE"] == sum(ceil(width / 512) + heads * chunks for _, _, chunks in tokens)
    assert ours["P_HEADER"] == tiles
    assert ours["G_ACT"] == 8 * tiles
    assert ours["PIM_PRECHARGE"] == 32 * tiles
    assert ours["READRES"] == sum(heads * t + heads * chunks * outputs for _, t, chunks in tokens)
    assert ours["COMP"] == sum(
        heads * t * ceil(dim / 16) + heads * outputs * c for (_, t, _), c in zip(tokens, columns, strict=True)
    )
    assert {name: ours[name] for name in program} == program


small = st.builds(Attention, st.lists(st.integers(1, 100), min_size=1, max_size=2).map(tuple), st.integers(1, 3))


@settings(deadline=None, max_examples=10)
@given(small, st.integers(0, 4000), st.booleans())
def test_the_player_issues_the_counts(work: Attention, start: int, macro: bool) -> None:
    """Whatever the phase of the refreshes: no tile is opened twice, since none begins that a refresh would cut."""
    played = play(DEVICE, attention(DEVICE, work, start=(start, 0), macro=macro))
    ours, issued = counts(DEVICE, work), played.commands
    names = ("COMPS_READRES",) if macro else ("COMP", "READRES")
    for name in ("GWRITE", "P_HEADER", "G_ACT", *names):
        assert issued[name] == ours[name], name
    assert issued["PIM_PRECHARGE"] + DEVICE.shape.total == ours["PIM_PRECHARGE"]
    begun: str = ""
    for _, name, _, _ in played.log:
        begun = "" if name in ("COMPS_READRES", "COMP") else begun or name * (name in ("P_HEADER", "G_ACT"))
        assert not (name == "REF" and begun)


def unreserved(body: tuple[Node, ...]) -> tuple[Node, ...]:
    """The program with nothing left before refreshes."""
    changed: list[Node] = []
    for node in body:
        match node:
            case Do():
                changed.append(replace(node, reserve=0))
            case Loop(var, count, inner):
                changed.append(Loop(var, count, unreserved(inner)))
            case Fence():
                changed.append(node)
    return tuple(changed)


def test_without_the_reserve_refreshes_cut_tiles() -> None:
    body = attention(DEVICE, Attention((1000,), 1)).body[:2]
    kept, cut = (play(DEVICE, Program(part)).commands["G_ACT"] for part in (body, unreserved(body)))
    assert kept == 8 * ceil(1000 / 32) < cut


def test_tiles_between_two_refreshes() -> None:
    """A refresh, the rank that it kept closed opening again, then a tile every 143 cycles until one does not fit."""
    t, step = DEVICE.cycles, tile_cycles(DEVICE, 1, 8)
    every = t["tREFI"] // DEVICE.shape.ranks
    opening = (DEVICE.shape.groups - 1) * t["tFAW"] + t["tRCDRD"]
    first = DEVICE.shape.per_rank - 1 + t["tRP"] + t["tRFC"] + opening
    fit = 1 + (every - first - t["tRTP"] - tile_reserve(DEVICE, 1, 8)) // step + 1
    cycles = macros(play(DEVICE, Program(attention(DEVICE, Attention((2000,), 1)).body[:2])))
    windows = Counter(cycle // every for cycle in cycles)
    assert step == 143
    assert fit == 10
    assert [windows[n] for n in range(1, 6)] == [fit] * 5
    assert min(cycle for cycle in cycles if cycle > 2 * every) == 2 * every + first


@settings(deadline=None, max_examples=12)
@given(
    st.tuples(st.integers(6, 90), st.integers(4, 34), st.integers(1, 14), st.integers(1, 12), st.integers(0, 16)),
    st.integers(1, 3),
    st.integers(1, 16),
)
def test_cycles_of_a_tile(numbers: tuple[int, int, int, int, int], sums: int, fill: int) -> None:
    faw, rcd, rp, rtp, restore = numbers
    sheet = {"tfaw": faw, "trcdrd": rcd, "trp": rp, "trtp": rtp, "tras": rcd + restore}
    device = CALM.vary(timing=sheet, pim_timing={"nFILL": fill})
    work = Program(attention(device, Attention((96,), sums)).body[:2])  # the scores
    cycles = macros(play(device, work))
    assert {b - a for a, b in pairwise(cycles[::sums])} == {tile_cycles(device, sums, 8)}
    assert {b - a for a, b in pairwise(cycles[:sums])} <= {macro_gap(device, 8)}


def test_single_commands_lay_the_columns_open() -> None:
    """The macro's COMPs hide behind the precharges, as in the reference; single ones do not, and take the bus."""
    work = Attention((100,), 1)
    one, many = (play(CALM, attention(CALM, work, macro=macro)) for macro in (True, False))
    reads = [cycle for cycle, name, _, _ in many.log if name == "READRES"][:3]
    assert {b - a for a, b in pairwise(reads)} == {tile_cycles(CALM, 1, 8) + 8 * CALM.cycles["tBURST"]}
    assert len(many.log) - len(one.log) == counts(CALM, work)["COMP"]


def test_a_bank_has_a_row_in_each_buffer() -> None:
    state = DeviceState(DEVICE.protocol, DEVICE.cycles, DEVICE.shape)
    state.issue("G_ACT", 0, 0, 7)
    refusal = state.probe("ACT", 0, 6, 5)
    assert refusal is not None
    assert "G_ACT -> G_ACT/ACT, same rank: tFAW" in refusal.reason
    state.issue("ACT", 0, 30, 5)
    state.issue("RD", 0, 44, 5)
    state.issue("PRE", 0, 64)
    refusal = state.probe("REF", 0, 1000)
    assert refusal is not None
    assert "bank 0" in refusal.reason
    assert (state.open_rows, state.second_rows[0]) == ({}, 7)


def test_energy_follows_from_the_currents() -> None:
    i, t = DEVICE.currents, DEVICE.cycles
    assert i is not None
    act = 12 * (65 * t["tRC"] - 55 * t["tRAS"] - 40 * t["tRP"]) // 10
    read = 12 * (390 - 55) * t["tBURST"] // 10
    assert (int(i.idd0), int(i.idd3n), int(i.idd2n), int(i.idd4r)) == (65_000, 55_000, 40_000, 390_000)
    rows = DEVICE.row_bytes // DEVICE.request_bytes
    sums = 2 * DEVICE.shape.total // DEVICE.request_bytes
    pj = {name: int(energy) // 1000 for name, energy in DEVICE.pim_energy.items()}
    assert pj == {"G_ACT": 4 * act, "COMP": 4 * read, "GWRITE": rows * read, "READRES": sums * read}


@pytest.mark.parametrize(
    ("device", "work", "message"),
    [
        (DEVICE, Attention((), 1), "at least one of each"),
        (DEVICE, Attention((0,), 1), "at least one of each"),
        (DEVICE, Attention((9,), 0), "at least one of each"),
        (DEVICE, Attention((9,), 1, 96), "a divisor of the 512 operands"),
        (DEVICE.vary(rows=64), Attention((4096,), 1), "there are 64"),
        (load_device("hbm2-newton"), Attention((9,), 1), "a memory of the standard neupims"),
    ],
)
def test_wrong_work(device: Dram, work: Attention, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        attention(device, work)
    with pytest.raises(BadInput, match=message):
        counts(device, work)


def test_timings_of_the_rules_are_asked_for() -> None:
    with pytest.raises(BadInput, match="need nFILL"):
        load_device("hbm2-newton", set={"standard": "neupims"})
