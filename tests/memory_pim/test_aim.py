"""GDDR6-AiM beside runs of arkhadem/aim_simulator (tests/data/aim_reference.csv), and beside a tick-by-tick host.

The reference never refreshes, so these runs do not either. Its traces are made here from what they say.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.memory.device import Dram
from archsim.memory.pim.aim import elapsed, program
from archsim.memory.pim.aim_gemv import gemv, gemv_counts, rows_cycles, tiles
from archsim.memory.pim.aim_host import replay
from archsim.memory.pim.aim_trace import AF_FUNCTIONS, channels_of, mask_of, parse
from archsim.memory.pim.lower import play_fast
from archsim.memory.pim.player import play
from tests.memory_pim.aim_ticks import ticks

ALL = "0xffffffff"
BIAS, MACS, SUMS = f"AiM WR_BIAS 4 {ALL}", f"AiM MAC_ABK 64 {ALL} {{}}", f"AiM RD_MAC 4 {ALL}"
BROADCAST = "W CFR 0 1"
"""First line of the reference's runs of one channel: MACs take the global buffer."""


def aim(**changes: object) -> Dram:
    device = load_device("gddr6-aim", set={"policy.refresh": "off", **changes})
    assert isinstance(device, Dram)
    return device


DEVICE = aim()


def rounds(count: int, *lines: str) -> list[str]:
    return [line.format(number) for number in range(count) for line in lines]


def uni(channels: int) -> list[str]:
    """Ten rounds in which the host serves one channel after the other."""
    masks = [hex(mask_of([channel])) for channel in range(channels)]
    return [
        line
        for number in range(10)
        for mask in masks
        for line in (f"AiM WR_BIAS 4 {mask}", f"AiM MAC_ABK 64 {mask} {number}", f"AiM RD_MAC 4 {mask}")
    ]


def stack(rows: int) -> list[str]:
    return ["W GPR 0", f"AiM WR_GB 64 0 {ALL}", BIAS, BROADCAST, *rounds(rows, MACS), SUMS]


TRACES: dict[str, Sequence[str]] = {
    "MAC_ABK 64 x 1 row": [BROADCAST, *rounds(1, MACS)],
    "MAC_ABK 64 x 2 rows": [BROADCAST, *rounds(2, MACS)],
    "micro_macab_1024_16banks": rounds(1024, MACS),
    "micro_wrbias_mac_rdmac_mac_16banks": rounds(1024, BIAS, MACS.format(0), SUMS, MACS.format(1)),
    "micro_wrab_1024_1bank": rounds(1024, "AiM WR_ABK 4 0x80000000 {}"),
    "micro_wrbias_mac_af_rdaf_16banks": rounds(1024, BIAS, MACS.format(0), f"AiM AF {ALL}", f"AiM RD_AF 4 {ALL}"),
    "micro_wrgb_gbbk_bggb_16banks": rounds(
        1024, f"AiM WR_GB 64 0 {ALL}", f"AiM COPY_GBBK 64 {ALL} 0 {{}}", f"AiM COPY_BKGB 64 {ALL} 8 {{}}"
    ),
    "WR_GB 64 + 1x": [BROADCAST, f"AiM WR_GB 64 0 {ALL}", *rounds(1, BIAS, MACS, SUMS)],
    "WR_GB 64 + 8x": [BROADCAST, f"AiM WR_GB 64 0 {ALL}", *rounds(8, BIAS, MACS, SUMS)],
    "uni_1 ": uni(1),
    "uni_2 ": uni(2),
    "uni_4 ": uni(4),
    "uni_8 ": uni(8),
    "bcast_32 ": rounds(10, BIAS, MACS, SUMS),
    "weak_32 ": stack(4),
    "strong_1 ": stack(256),
}
UNPUBLISHED = "all_isr.trace"


def reference() -> dict[str, int]:
    with (Path(__file__).parents[1] / "data" / "aim_reference.csv").open() as file:
        return {row["trace"]: int(row["cycles"]) for row in csv.DictReader(file)}


def test_every_row_of_the_reference_has_its_trace() -> None:
    assert {name for name in reference() if not name.startswith((*TRACES, UNPUBLISHED))} == set()


@pytest.mark.parametrize("name", TRACES)
def test_cycles_are_those_of_the_reference(name: str) -> None:
    isrs = parse([*TRACES[name], "AiM EOC"])
    (cycles,) = (cycles for trace, cycles in reference().items() if trace.startswith(name))
    if name.startswith("uni_"):
        assert replay(isrs, DEVICE).cycles == cycles
    else:
        one = program(isrs, 0, DEVICE)
        assert elapsed(one, play_fast(DEVICE, one)) == cycles


OPCODES = {
    **{name: "AiM {name} {size} {mask} {row}" for name in ("MAC_ABK", "EWMUL")},
    **{name: "AiM {name} {size} {mask} {bank} {row}" for name in ("MAC_SBK", "COPY_BKGB", "COPY_GBBK")},
    **{name: "AiM {name} 4 {mask}" for name in ("WR_BIAS", "RD_MAC", "RD_AF")},
    **{name: "AiM {name} 4 {mask} {bank} {row}" for name in ("WR_SBK", "RD_SBK")},
    **{"WR_ABK": "AiM WR_ABK 4 {one} {row}", "WR_GB": "AiM WR_GB {size} 0 {mask}", "AF": "AiM AF {mask}"},
    **{"EWADD": "AiM EWADD 4 0 4", "SYNC": "AiM SYNC", "GPR": "W GPR 3", "CFR": "W CFR 2 {row}"},
}


@st.composite
def traces(draw: st.DrawFn, channels: int, most: int = 10) -> list[str]:
    """Any instructions, few rows and banks so that they meet."""
    rng = draw(st.randoms(use_true_random=False))
    lines = []
    for name in draw(st.lists(st.sampled_from(sorted(OPCODES)), min_size=1, max_size=most)):
        some = rng.sample(range(channels), rng.randint(1, channels))
        numbers = {"mask": mask_of(some), "one": mask_of(some[:1]), "size": rng.choice([1, 1, 2, 3, 40])}
        line = OPCODES[name].format(name=name, **numbers, bank=rng.choice([0, 1, 5]), row=rng.randrange(3))
        lines += [line] * rng.choice([1, 1, 1, 3, 40] if name == "GPR" else [1])
    return [*lines, "AiM EOC"]


GAPS = st.fixed_dictionaries(
    {
        "pim_timing.nMODCH": st.integers(1, 60),
        "pim_timing.nRCDRDMAC": st.integers(30, 70),
        "timing.trp": st.integers(20, 40),
        "timing.twr": st.integers(5, 60),
        "timing.trtp": st.integers(4, 40),
        "timing.tccd_l": st.integers(2, 5),
    }
)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3).flatmap(lambda channels: st.tuples(st.just(channels), traces(channels))), GAPS)
def test_the_host_does_what_one_does_that_looks_at_every_cycle(
    case: tuple[int, list[str]], gaps: dict[str, int]
) -> None:
    channels, lines = case
    device, isrs = aim(**gaps), parse(lines)
    found = replay(isrs, device)
    cycles, logs = ticks(isrs, device, channels)
    assert found.cycles == cycles
    assert {n: [entry[:2] for entry in one.log] for n, one in found.channels.items()} == {
        n: logs[n] for n in found.channels
    }


@settings(max_examples=25, deadline=None)
@given(traces(1))
def test_a_channel_alone_needs_no_host(lines: list[str]) -> None:
    isrs = parse(lines)
    one, found = program(isrs, 0, DEVICE), replay(isrs, DEVICE).channels.values()
    expected = [entry[:3] for played in found for entry in played.log]
    assert [entry[:3] for entry in play(DEVICE, one).log] == expected
    assert [entry[:3] for entry in play_fast(DEVICE, one, log=10_000).log] == expected


@settings(deadline=None)
@given(traces(3))
def test_every_column_is_one_command(lines: list[str]) -> None:
    isrs = parse(lines)
    for channel, played in replay(isrs, DEVICE).channels.items():
        asked: Counter[str] = Counter()
        for isr in isrs:
            asked[isr.form.command] += isr.size * (channel in isr.channels)
        assert {name: played.commands[name] for name in asked if name} == {name: n for name, n in asked.items() if name}


@given(st.sets(st.integers(0, 31)))
def test_masks_and_channels_say_the_same(channels: set[int]) -> None:
    assert set(channels_of(mask_of(channels))) == channels


@settings(max_examples=30)
@given(st.integers(1, 20_000), st.integers(1, 9_000))
def test_counts_of_a_product_are_what_is_played(outputs: int, inputs: int) -> None:
    groups, chunks = tiles(outputs, inputs, DEVICE)
    found = play_fast(DEVICE, gemv(outputs, inputs, DEVICE))
    assert found.commands == {name: count for name, count in gemv_counts(outputs, inputs, DEVICE).items() if count}
    assert groups * 512 >= outputs > (groups - 1) * 512
    assert chunks * 1024 >= inputs > (chunks - 1) * 1024


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 2_000), st.integers(1, 2_500))
def test_a_product_is_its_instructions(outputs: int, inputs: int) -> None:
    (groups, chunks), lines = tiles(outputs, inputs, DEVICE), [BROADCAST]
    for chunk in range(chunks):
        size = -(-min(1024, inputs - 1024 * chunk) // 16)
        lines.append(f"AiM WR_GB {size} 0 {ALL}")
        for group in range(groups):
            lines += [BIAS, f"AiM MAC_ABK {size} {ALL} {chunk * groups + group}", SUMS]
    found, one = replay(parse([*lines, "AiM EOC"]), DEVICE), gemv(outputs, inputs, DEVICE)
    played = play_fast(DEVICE, one, log=100_000)
    assert played.log == found.channels[0].log
    assert elapsed(one, played) == found.cycles


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(1, 64), GAPS)
def test_rows_have_a_closed_form(rows: int, size: int, gaps: dict[str, int]) -> None:
    device = aim(**gaps)
    one = program(parse([*(f"AiM MAC_ABK {size} {ALL} {row}" for row in range(rows)), "AiM EOC"]), 0, device)
    assert elapsed(one, play_fast(device, one)) == rows_cycles(rows, size, device)


def test_a_tile_of_a_product_takes_286_cycles() -> None:
    def cycles(groups: int) -> int:
        return play_fast(DEVICE, gemv(512 * groups, 1024, DEVICE)).cycles

    assert {cycles(groups + 1) - cycles(groups) for groups in range(1, 6)} == {286}


def test_refresh_takes_its_share() -> None:
    """A refresh of 120 ns every 1.9 us, with rows closed before it and opened after it."""
    on, off = (play_fast(device, gemv(512 * 64, 1024, device)) for device in (load_device("gddr6-aim"), DEVICE))
    assert on.commands["REF"] == on.cycles // 3800
    lost = (on.cycles - off.cycles) / on.commands["REF"]
    assert 240 <= lost <= 240 + 32 + 56 + 2 * 32 + 12
    assert on.commands["MAC16"] == off.commands["MAC16"]


def test_energy_is_the_published_one() -> None:
    """66.3 mW x 44.5 ns for each bank of a row, three reads' power for 256 products."""
    energy = {name: int(value) / 1e3 for name, value in DEVICE.pim_energy.items()}
    assert energy["ACT16"] == pytest.approx(16 * 66.3 * 44.5)
    assert energy["MAC16"] / 256 == pytest.approx(3 * 438.15 / 256)
    assert energy["RDMAC16"] == pytest.approx(438.15 * 1.25 + 5.5 * 256, rel=1e-6)
    named = {command.name for command in DEVICE.protocol.commands}
    assert named - set(energy) == {"PRE", "PRE4", "PREA", "RDA", "WRA", "REF", "REFPB", "TMOD"}


WRONG = {
    "AiM MAC_ABK 64 0xffffffff": "t:1  MAC_ABK with 2 numbers\n   MAC_ABK size mask row",
    "AiM MACABK 1 1 1": "t:1  unknown opcode 'MACABK', did you mean 'MAC_ABK'?",
    "AiM": "t:1  unknown opcode ''",
    "AiM MAC_ABK x 1 0": "t:1  size 'x'\n   a number from 1",
    "AiM MAC_ABK 0 1 0": "t:1  size '0'",
    "AiM MAC_ABK 1 0 0": "t:1  mask '0'",
    "AiM WR_ABK 0 3 0": "t:1  WR_ABK to 2 channels\n   a mask with one bit",
    "MAC_ABK 1 1 0": "t:1  'MAC_ABK 1 1 0' is no instruction\n   AiM OPCODE",
    "W CFR 3 0": "t:1  configuration register 3\n   0 (broadcast)",
    f"W CFR 2 {AF_FUNCTIONS}": "t:1  activation function 8\n   0 to 7",
    "AiM EOC\nAiM SYNC": "t:2  'AiM SYNC' comes after EOC",
    "# nothing": "t  the trace does not end with EOC",
    "AiM MAC_SBK 1 1 16 0\nAiM EOC": "t:1  MAC_SBK: bank 16\n   at most 15",
    "AiM MAC_ABK 65 1 0\nAiM EOC": "t:1  MAC_ABK: columns 65\n   at most 64",
    "AiM MAC_ABK 1 1 16384\nAiM EOC": "t:1  MAC_ABK: row 16384\n   at most 16383",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_line_is_named_and_put_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"^t") as error:
        replay(parse(text.splitlines(), "t"), DEVICE)
    assert WRONG[text] in str(error.value)


def test_a_channel_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="MAC_ABK: channel 31"):
        replay(parse(["AiM MAC_ABK 1 1 0", "AiM EOC"]), aim(channels=16))


def test_other_memories_are_told_apart() -> None:
    ordinary = load_device("gddr6-16gb-x16-16000")
    assert isinstance(ordinary, Dram)
    with pytest.raises(ValueError, match="gddr6 has no command for it"):
        gemv(1, 1, ordinary)


def test_nothing_takes_the_two_cycles_of_its_end() -> None:
    isrs = parse(["AiM EOC"])
    one = program(isrs, 0, DEVICE)
    assert elapsed(one, play(DEVICE, one)) == replay(isrs, DEVICE).cycles == 2


def test_a_channel_that_others_keep_waiting_is_told_to_replay() -> None:
    with pytest.raises(ValueError, match="RD_MAC waits for channels 31 and not for 0") as error:
        program(parse(["AiM RD_MAC 4 1", "AiM EOC"]), 0, DEVICE)
    assert "aim_host.replay" in str(error.value)


@pytest.mark.parametrize(("outputs", "inputs", "message"), [(0, 1, "0 x 1"), (512 * 16384, 1025, "32768 rows")])
def test_a_product_that_cannot_be_is_refused(outputs: int, inputs: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gemv(outputs, inputs, DEVICE)


@settings(max_examples=20, deadline=None)
@given(traces(1, most=14), st.integers(700, 2_000))
def test_refresh_between_instructions_leaves_none_undone(lines: list[str], interval: int) -> None:
    device, isrs = aim(**{"policy.refresh": "staggered", "timing.trefi": interval}), parse(lines)
    played = play(device, program(isrs, 0, device))
    asked = sum(isr.size for isr in isrs if isr.channels)
    rows = {"ACT", "ACT16", "PRE", "PREA", "REF", "TMOD"}
    assert sum(count for name, count in played.commands.items() if name not in rows) == asked
    assert played.commands["REF"] >= played.cycles // interval - 1
    assert play_fast(device, program(isrs, 0, device)).commands == played.commands
