"""AttAcc beside its authors' simulator, and what its programs keep: order, counts, rows, bounds."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device, run_memory
from archsim.core.errors import BadInput, UnknownName
from archsim.memory.device import Dram
from archsim.memory.pim.attacc import BARRIER, attention, counts, least_cycles
from archsim.memory.pim.attacc_layout import CHANNELS, COLUMN, COLUMNS, LAYOUTS, ROWS, head_of, heads_of
from archsim.memory.pim.lower import play_fast
from archsim.memory.pim.player import play
from archsim.memory.pim.program import Fence

DATA = Path(__file__).parents[1] / "data"
DEVICES = {level: load_device(f"hbm3-attacc-{level}") for level in LAYOUTS}
CALM = {level: device.vary(policy={"refresh": "off"}) for level, device in DEVICES.items()}

levels = st.sampled_from(sorted(LAYOUTS))
shapes = st.tuples(st.integers(1, 60), st.integers(1, 150), st.sampled_from([32, 64, 160]), st.sampled_from([1, 2]))
"""Heads of a stack, positions, elements of a head, bytes of an element."""


def rows_of(name: str) -> list[dict[str, str]]:
    with (DATA / name).open() as file:
        return list(csv.DictReader(file))


def limited(device: Dram, gap: int) -> Dram:
    return device.vary(pim_timing={"nCCDAB": gap, "nCCDSB": gap})


@pytest.mark.parametrize("row", rows_of("attacc.csv"), ids=lambda row: "-".join(list(row.values())[:4]))
def test_cycles_are_the_references(row: dict[str, str]) -> None:
    heads, length = int(row["heads_per_stack"]), int(row["length"])
    device = limited(DEVICES[row["level"]], int(row["gap"]))
    played = play_fast(device, attention(row["level"], heads, length, compat="attacc-simulator"))
    assert played.cycles == pytest.approx(int(row["cycles"]), rel=0.012)


@pytest.mark.parametrize("row", rows_of("attacc.csv"), ids=lambda row: "-".join(list(row.values())[:4]))
def test_the_presets_do_as_the_reference_does(row: dict[str, str]) -> None:
    heads, length = int(row["heads_per_stack"]), int(row["length"])
    limit = {f"pim_timing.{name}": int(row["gap"]) for name in ("nCCDAB", "nCCDSB")}
    found = run_memory(f"hbm3-attacc-{row['level']}", f"attention:{heads}x{length}", set=limit).record()
    assert found["total_cycles"] == pytest.approx(int(row["cycles"]), rel=0.012)


@pytest.mark.parametrize("row", rows_of("attacc_counts.csv"), ids=lambda row: "-".join(list(row.values())[:3]))
def test_commands_are_as_many_as_published(row: dict[str, str]) -> None:
    """The authors count the whole stack, and one MAC per channel more, which opens the first row."""
    heads = int(row["heads_per_stack"])
    ours, busiest = counts(row["level"], heads, int(row["length"])), heads_of(heads)
    whole = {name: count * heads // busiest for name, count in ours.items()}
    assert whole[LAYOUTS[row["level"]].mac] + CHANNELS == int(row["mac"])
    assert whole["MVSB"] == int(row["mvsb"])
    assert whole["WRGB"] == int(row["wrgb"])


@settings(deadline=None, max_examples=15)
@given(levels, shapes)
def test_the_player_and_its_compiled_twin_issue_the_counts(level: str, shape: tuple[int, int, int, int]) -> None:
    heads, length, dim, size = shape
    length = length if level != "buffer" else length // 8 + 1
    program, ours = attention(level, heads, length, dim, size), counts(level, heads, length, dim, size)
    played = play(DEVICES[level], program)
    assert {name: played.commands[name] for name in ours} == ours == program.counts()
    assert play_fast(DEVICES[level], program, log=len(played.log)) == played


@given(levels, shapes)
def test_every_element_is_multiplied_and_no_row_overflows(level: str, shape: tuple[int, int, int, int]) -> None:
    heads, length, dim, size = shape
    head, read = head_of(level, length, dim, size), Counter[tuple[int, int]]()
    for item in attention(level, heads, length, dim, size).flat():
        if not isinstance(item, Fence) and item[0].command == head.layout.mac:
            read[item[0].place, item[1]] += 1
    assert max(read.values()) <= COLUMNS
    assert 0 <= min(row for _, row in read) <= max(row for _, row in read) < ROWS
    units = head.layout.along * head.layout.across
    keys = sum(count for (_, row), count in read.items() if row < ROWS // 2)
    assert keys == sum(read.values()) - keys == heads_of(heads) * head.macs
    assert head.macs * units * COLUMN >= length * dim * size


def batches(program: Iterator[object]) -> Iterator[Counter[str]]:
    """Commands between barriers."""
    found = Counter[str]()
    for item in program:
        if item is BARRIER:
            yield found
            found = Counter()
        elif isinstance(item, tuple):
            found[item[0].command] += 1
    yield found


@settings(deadline=None, max_examples=15)
@given(levels, st.integers(1, 48), st.integers(1, 200))
def test_nothing_crosses_a_barrier_but_rows(level: str, heads: int, length: int) -> None:
    program = attention(level, heads, length)
    issued = iter(play_fast(DEVICES[level], program, log=1 << 20).log)
    done = (name for _, name, _, _ in issued if name in program.counts())
    for batch in batches(program.flat()):
        assert Counter(islice(done, batch.total())) == batch
    assert next(done, None) is None


@settings(deadline=None, max_examples=60)
@given(levels, st.integers(1, 96), st.integers(1, 700), st.sampled_from([4, 6]))
def test_the_macs_bound_the_time_from_below(level: str, heads: int, length: int, gap: int) -> None:
    device, each = limited(CALM[level], gap), head_of(level, length)
    found, least = play_fast(device, attention(level, heads, length)).cycles, least_cycles(device, level, heads, length)
    per_head = counts(level, 1, length)
    t, moves = device.cycles, sum(per_head.values()) - per_head[each.layout.mac]
    reopened = (2 * each.slices + 2) * (t["tRTP"] + t["tRP"] + t["tRCDRD"])
    assert least <= found <= least + heads_of(heads) * (moves * t["tCCD_L"] + reopened)


@pytest.mark.parametrize("level", LAYOUTS)
def test_pairs_of_long_heads_hide_their_moves(level: str) -> None:
    found = play_fast(CALM[level], attention(level, 32, 4096)).cycles
    assert found <= 1.01 * least_cycles(CALM[level], level, 32, 4096)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 96), st.integers(1, 40))
def test_reading_the_values_twice_saves_a_row_only_where_they_fit_one(heads: int, hundreds: int) -> None:
    device, length = CALM["bank"], 100 * hundreds
    t, pairs = device.cycles, heads_of(heads) // 2
    honest = play_fast(device, attention("bank", heads, length)).cycles
    theirs = play_fast(device, attention("bank", heads, length, compat="attacc-simulator")).cycles
    saved = t["tRTP"] + t["tRP"] + t["tRCDRD"] - t["nCCDAB"]
    assert honest - theirs == (pairs * saved if head_of("bank", length).rows == 1 else 0)


def test_a_stack_is_the_references() -> None:
    for device in DEVICES.values():
        assert device.peak == pytest.approx(16 * 2 * 32 * 5.2e9 / 8, rel=1e-3)  # its 670.4 GB/s are 5.24 Gb/s
        assert device.capacity == 16 << 30


@pytest.mark.parametrize(
    ("level", "units", "cells"),
    [("bank", 64, 0.11 + 0.44), ("bg", 16, 0.11 + 0.44 + 1.01), ("buffer", 2, 0.11 + 0.44 + 1.01 + 1.23 + 0.5)],
)
def test_energy_of_a_mac_is_cells_and_multipliers(level: str, units: int, cells: float) -> None:
    energy = DEVICES[level].pim_energy
    assert int(energy[LAYOUTS[level].mac]) == round(1000 * units * (32 * 8 * cells + 16 * 0.32))
    assert int(energy["MVSB"]) == int(energy["MVGB"]) == round(1000 * 2 * 32 * 8 * (0.5 + 1.23 + 1.01))
    assert int(energy["WRGB"]) == round(1000 * 2 * 32 * 8 * (0.3 + 0.5 + 1.23 + 1.01))


WRONG = [
    (("bank", 0, 128), "heads_per_stack: 0"),
    (("bg", 3, 0), "length: 0"),
    (("buffer", 3, 128, -1), "head_dim: -1"),
    (("bank", 3, 128, 128, 3), "element_bytes: 3"),
    (("bank", 3, 128, 128, 0), "element_bytes: 0"),
    (("bank", 16 * 1024 + 1, 2048), "16384 fit a stack"),
    (("bank", 1, 1 << 22), "0 fit a stack"),
]


@pytest.mark.parametrize(("given", "message"), WRONG, ids=lambda x: x if isinstance(x, str) else "")
def test_wrong_sizes_are_refused(given: tuple[str, int, int], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        attention(*given)


def test_other_levels_and_memories_are_refused() -> None:
    with pytest.raises(UnknownName, match="level"):
        attention("rank", 3, 128)
    with pytest.raises(BadInput, match="hbm3-attacc"):
        least_cycles(load_device("hbm3-16gb-x32-6400"), "bank", 3, 128)
