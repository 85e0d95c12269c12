"""GEMV on Newton: counts, and the cycles of a tile in closed form."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory.pim.newton import counts, gemv, shares, tile_cycles
from archsim.memory.pim.player import play
from archsim.memory.pim.program import Do, Program

DEVICE = load_device("hbm2-newton")
CALM = DEVICE.vary(policy={"refresh": "off"})


def test_a_tile_of_sixteen_banks() -> None:
    """Four group activations under tFAW, tRCD, one column every two cycles, tRTP, tRP: nothing else shows."""
    one = CALM.vary(ranks=1)
    t = one.cycles
    assert tile_cycles(one, 32) == 3 * t["tFAW"] + t["tRCDRD"] + 32 * 2 + t["tRTP"] + t["tRP"] == 187
    assert play(one, gemv(one, 160, 512)).cycles - play(one, gemv(one, 16, 512)).cycles == 9 * 187


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from([1, 2]),
    st.integers(3, 32),
    st.tuples(st.integers(6, 60), st.integers(4, 30), st.integers(4, 30), st.integers(5, 90), st.integers(1, 12)),
)
def test_cycles_of_a_tile(ranks: int, columns: int, numbers: tuple[int, int, int, int, int]) -> None:
    faw, rcd, rp, ras, rtp = numbers
    assume(ras >= rcd)
    sheet = {"tfaw": faw, "trcdrd": rcd, "trp": rp, "tras": ras, "trtp": rtp, "trc": ras + rp}
    device = CALM.vary(ranks=ranks, timing=sheet)
    played = play(device, gemv(device, 3 * device.shape.total, 16 * columns))
    reads = [cycle for cycle, name, _, _ in played.log if name == "READRES"]
    assert {b - a for a, b in pairwise(reads)} == {tile_cycles(device, columns)}


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 130), st.integers(1, 1100), st.booleans())
def test_the_player_issues_the_counts(outputs: int, inputs: int, refresh: bool) -> None:
    device = DEVICE if refresh else CALM
    issued, ours = play(device, gemv(device, outputs, inputs)).commands, counts(device, outputs, inputs)
    again = issued["PREA"] - ours["PREA"]
    assert {name: issued[name] for name in ours} == {**ours, "PREA": issued["PREA"]}
    assert 0 <= again <= issued["REF"] * refresh  # what a refresh finds open it closes
    assert ours["COMP"] == ceil(outputs / 32) * sum(ceil(min(512, inputs - i) / 16) for i in range(0, inputs, 512))


def test_no_group_is_opened_before_the_banks_of_its_rank_are_closed() -> None:
    """What closes a rank would close again what was opened in it too soon."""
    program = Program((Do("GWRITE", 0, Affine(0)), Do("COMP", 0, Affine(3)), Do("READRES", 0, Affine(3))))
    played = play(CALM, program)
    assert played.commands == {"ACT": 1, "GWRITE": 1, "PREA": 1, "G_ACT": 8, "COMP": 1, "READRES": 1}
    names = [name for _, name, bank, _ in played.log if bank < CALM.shape.per_rank]
    assert names.index("PREA") < names.index("G_ACT")


@given(st.integers(1, 20_000), st.sampled_from([1, 4, 32]))
def test_every_output_lies_in_one_channel(outputs: int, channels: int) -> None:
    found = shares(DEVICE.vary(channels=channels), outputs)
    assert sum(size * times for size, times in found.items()) == outputs
    assert sum(found.values()) == channels
    assert max(found) - min(found) <= DEVICE.shape.total


@pytest.mark.parametrize(
    ("outputs", "inputs", "message"), [(0, 9, "0 outputs"), (9, 0, "of 0 inputs"), (32 * 40_000, 9, "there are 32768")]
)
def test_wrong_shapes(outputs: int, inputs: int, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        gemv(DEVICE, outputs, inputs)


def test_other_memories_are_refused() -> None:
    with pytest.raises(BadInput, match="no commands of Newton"):
        gemv(load_device("hbm2-neupims"), 1, 1)
