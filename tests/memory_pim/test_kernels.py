"""Kernels and traces by name: the whole work, as published, at the cost of its commands; and who is refused."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import PimRun, dram, load_device, run_memory
from archsim.core.errors import BadInput, NameTaken
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.layout import computes
from archsim.memory.pim import aim_gemv, attacc, hbm_pim, kernels, neupims, newton
from archsim.memory.pim.energy import energies
from archsim.memory.pim.lower import play_fast
from archsim.memory.pim.player import play
from archsim.memory.pim.program import Do, Loop, Program
from archsim.memory.pim.run import PimMeasured, Share, Work, replay_trace, run, same_on_all
from archsim.memory.pim.trace import Trace, read
from archsim.memory.protocol import BankState
from archsim.memory.requests import Given

DATA = Path(__file__).parents[1] / "data"
SIZED = [kernel for kernel in kernels.KERNELS if not kernel.form.endswith("FILE")]
AIM, NEWTON, HBM_PIM = load_device("gddr6-aim"), load_device("hbm2-newton"), load_device("hbm2-pim-aquabolt")
NEUPIMS, ATTACC = load_device("hbm2-neupims"), load_device("hbm3-attacc-bank")


def parse(text: str, device: Dram) -> Trace:
    with NamedTemporaryFile("w", suffix=".trace") as file:
        file.write(text)
        file.flush()
        return read(Path(file.name), device)


def rows_of(name: str) -> list[dict[str, str]]:
    with (DATA / name).open() as file:
        return list(csv.DictReader(file))


def ask(device: str | Dram, pattern: str, **settings: object) -> PimMeasured:
    found = run_memory(device, pattern, set=settings)
    assert isinstance(found, PimRun)
    return found.measured


# Is it the whole work, on all channels?


def commands(device: Dram, pattern: str) -> dict[str, int]:
    found: dict[str, int] = ask(device, pattern).detail["commands"]
    return found


def missing(wanted: dict[str, int], found: dict[str, int]) -> dict[str, tuple[int, int]]:
    return {name: (count, found.get(name, 0)) for name, count in wanted.items() if found.get(name, 0) != count}


@settings(deadline=None, max_examples=6)
@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_product_on_aim_is_that_of_every_channel(outputs: int, inputs: int) -> None:
    calm = AIM.vary(policy={"refresh": "off"})
    wanted = {name: 32 * count for name, count in aim_gemv.gemv_counts(outputs, inputs, calm).items()}
    assert not missing(wanted, commands(calm, f"gemv:{outputs}x{inputs}"))


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 2000), st.integers(1, 2000))
def test_a_product_on_newton_deals_every_output_to_one_channel(outputs: int, inputs: int) -> None:
    calm, wanted = NEWTON.vary(policy={"refresh": "off"}), Counter[str]()
    for own, channels in newton.shares(calm, outputs).items():
        if own:
            wanted.update({name: channels * count for name, count in newton.counts(calm, own, inputs).items()})
    assert not missing(wanted, commands(calm, f"gemv:{outputs}x{inputs}"))


@settings(deadline=None, max_examples=4)
@given(st.integers(1, 6000), st.integers(1, 700), st.sampled_from(["gemv", "add", "mul", "relu"]))
def test_kernels_of_hbm_pim_run_on_every_channel(size: int, inputs: int, op: str) -> None:
    if op == "gemv":
        wanted, pattern = hbm_pim.gemv_counts(size, inputs, 64), f"gemv:{size}x{inputs}"
    else:
        wanted, pattern = hbm_pim.elementwise_counts(op, size * inputs, 64), f"{op}:{size * inputs}"
    assert not missing({name: 64 * count for name, count in wanted.items()}, commands(HBM_PIM, pattern))


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 100), st.integers(1, 600), st.sampled_from([1, 2]))
def test_attention_on_attacc_takes_each_head_once(heads: int, length: int, stacks: int) -> None:
    """Also of stacks that no number of heads fills evenly."""
    one = attacc.counts("bank", 1, length)
    found = commands(ATTACC.vary(channels=16 * stacks), f"attention:{heads}x{length}")
    assert not missing({name: count * heads * stacks for name, count in one.items()}, found)


@settings(deadline=None, max_examples=6)
@given(st.integers(1, 8), st.integers(1, 600), st.integers(1, 100))
def test_attention_on_neupims_takes_each_request_once(heads: int, length: int, requests: int) -> None:
    one = neupims.counts(NEUPIMS, neupims.Attention((length,), heads))
    found = ask(NEUPIMS, f"attention:{heads}x{length}x128x{requests}")
    commands: dict[str, int] = found.detail["commands"]
    assert commands["COMPS_READRES"] == one["COMPS_READRES"] * requests
    assert commands["P_HEADER"] == one["P_HEADER"] * requests
    assert found.detail["channels_busy"] == min(32, requests)
    assert found.detail["channels_simulated"] == 1 + (requests > 32 and requests % 32 > 0)


# Does it match what is published?


@pytest.mark.parametrize(("kernel", "dims"), [("GEMV", "out=1024 in=1024"), ("ADD", "n=524288"), ("RELU", "n=4194304")])
def test_samsungs_simulator(kernel: str, dims: str) -> None:
    """Within 5 %."""
    theirs = [row for row in rows_of("pimsim_reference.csv") if (row["mode"], row["kernel"]) == ("pim", kernel)]
    (cycles,) = (int(row["value"]) for row in theirs if row["dims"] == dims)
    sizes = "x".join(part.partition("=")[2] for part in dims.split())
    assert ask("hbm2-pim-aquabolt", f"{kernel.lower()}:{sizes}").cycles == pytest.approx(cycles, rel=0.05)


@pytest.mark.parametrize("length", [512, 1024, 2048])
def test_attaccs_simulator(length: int) -> None:
    """Within 1.2 %, by preset."""
    for row in rows_of("attacc.csv"):
        if int(row["length"]) == length and row["gap"] == "6":
            found = ask(f"hbm3-attacc-{row['level']}", f"attention:{row['heads_per_stack']}x{length}")
            assert found.cycles == pytest.approx(int(row["cycles"]), rel=0.012)


def test_aim_simulator(tmp_path: Path) -> None:
    """Equal: as a trace, and as the product that the trace is."""
    (theirs,) = (int(row["cycles"]) for row in rows_of("aim_reference.csv") if "8x(" in row["trace"])
    tile = "AiM WR_BIAS 0 0xffffffff\nAiM MAC_ABK 64 0xffffffff {}\nAiM RD_MAC 0 0xffffffff\n"
    lines = "W CFR 0 1\nAiM WR_GB 64 0 0xffffffff\n" + "".join(tile.format(row) for row in range(8)) + "AiM EOC\n"
    (tmp_path / "product.trace").write_text(lines)
    calm = AIM.vary(policy={"refresh": "off"})
    of_trace, of_kernel = ask(calm, f"aim:{tmp_path / 'product.trace'}"), ask(calm, "gemv:4096x1024")
    assert of_trace.cycles == of_kernel.cycles == theirs
    assert of_trace.detail["commands"] == of_kernel.detail["commands"]
    assert of_trace.energy == pytest.approx(of_kernel.energy)


# Is energy what commands cost, and does nothing beat physics?


@pytest.mark.parametrize("kernel", SIZED, ids=lambda kernel: f"{kernel.device}-{kernel.name}")
def test_every_kernel_of_the_table_obeys_physics(kernel: kernels.Kernel) -> None:
    m = ask(kernel.device, kernel.example)
    device, record = load_device(kernel.device), m.record()
    detail = record["detail"]
    assert sum(detail["energy_by_cause_pj"].values()) == pytest.approx(record["energy_pj"])
    assert 0 < record["utilization"] < 1
    assert record["bandwidth_gbps"] == pytest.approx(record["utilization"] * record["peak_gbps"])
    assert record["reads"] + record["writes"] == m.requests
    inside = device.channels * device.shape.total * device.request_bytes / (device.cycles["tBURST"] * m.tck) * 1e3
    assert record["bandwidth_gbps"] < detail["internal_gbps"] < inside
    assert detail["channels_simulated"] == 1
    assert detail["channels_busy"] == device.channels == len(detail["units"]["channel_cycles"])
    assert max(detail["units"]["channel_cycles"]) <= record["total_cycles"]
    assert record["refreshes"] == sum(n for name, n in detail["commands"].items() if name.startswith("REF"))
    opening = {c.name for c in device.protocol.commands if c.leaves is BankState.OPEN}
    assert record["acts"] == sum(n for name, n in detail["commands"].items() if name in opening) > 0
    for name in detail["energy_not_counted"]:
        assert name == "standby" or detail["commands"][name]
        assert name not in device.pim_energy


counted = st.dictionaries(st.sampled_from([c.name for c in AIM.protocol.commands]), st.integers(0, 1 << 30))


@given(counted)
def test_a_command_costs_what_the_device_says(counts: dict[str, int]) -> None:
    """Currents there are none, so that time costs nothing; auto-precharge costs what RD and WR do."""
    found = energies(AIM, counts, 1000, 0)
    for name, energy in AIM.pim_energy.items():
        assert found.get(name, 0.0) == pytest.approx(counts.get(name, 0) * int(energy) / 1e3)
    auto = (counts.get("RDA", 0) + counts.get("WRA", 0)) * AIM.request_bytes * 8
    pj = (int(AIM.access_energy) + int(AIM.io_energy)) / 1e3
    assert sum(found.get(cause, 0.0) for cause in ("access", "io")) == pytest.approx(auto * pj)


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 8), st.integers(1, 400))
def test_a_macro_costs_what_its_parts_do(heads: int, length: int) -> None:
    task = neupims.Attention((length,), heads)
    apart = run(NEUPIMS, Work((Share(neupims.attention(NEUPIMS, task, macro=False), 1),)))
    macros = ask(NEUPIMS, f"attention:{heads}x{length}x128x1")
    for cause in ("COMP", "READRES", "GWRITE"):
        assert macros.energy[cause] == pytest.approx(apart.energy[cause])
    assert "COMPS_READRES" not in macros.detail["energy_not_counted"]


def test_standby_is_paid_by_every_rank_and_channel_for_the_whole_time() -> None:
    """By IDD2N at the least, by IDD3N at the most."""
    m = ask(NEWTON, "gemv:512x512")
    i = NEWTON.currents
    assert i is not None
    whole = m.cycles * NEWTON.ranks * NEWTON.channels * int(i.vdd) * m.tck * 1e-12
    standby = m.energy.get("active_standby", 0.0) + m.energy.get("idle_standby", 0.0)
    assert whole * int(i.idd2n) <= standby <= whole * int(i.idd3n)


# Traces of PIM commands


places = st.one_of(st.just("0"), st.builds("{}:{}".format, st.integers(0, 3), st.integers(0, 15)))
lines = st.lists(st.tuples(st.sampled_from(["MAC16", "MAC", "RDCP", "WRGB", "RDMAC16"]), places, st.integers(0, 3)))


@settings(deadline=None, max_examples=25)
@given(lines.filter(bool))
def test_equal_channels_together_are_the_channels_one_by_one(drawn: list[tuple[str, str, int]]) -> None:
    device = AIM.vary(channels=4)
    text = "".join(f"{7 * n},{name},{place},{row},2\n" for n, (name, place, row) in enumerate(drawn))
    trace = parse(text, device)
    m, alone = replay_trace(device, trace), [play(device, one) for one in trace.programs]
    assert m.cycles == max(one.cycles for one in alone)
    assert m.detail["commands"] == dict(sum((one.commands for one in alone), Counter[str]()))
    assert m.detail["channels_busy"] == sum(one.cycles > 0 for one in alone)
    assert m.detail["channels_simulated"] <= m.detail["channels_busy"]


@given(st.integers(0, 400), st.integers(0, 2000))
def test_lines_go_in_their_cycle_or_as_soon_as_what_a_fence_waits_for_is_done(at: int, later: int) -> None:
    """Cycles are those of the trace, behind a fence too."""
    text = f"0,MAC16,0,1\n0,FENCE\n{at},WRGB\n{at},FENCE\n{at + later},WRGB\n"
    trace = parse(text, AIM)
    program, alone = trace.programs[0], parse("0,MAC16,0,1\n0,FENCE\n0,WRGB\n", AIM).programs[0]
    log, soonest = play(AIM, program).log, play(AIM, alone).log
    first, second = (cycle for cycle, name, _, _ in log if name == "WRGB")
    (free,) = (cycle for cycle, name, _, _ in soonest if name == "WRGB")
    switch = AIM.cycles["nMODCH"]
    assert first == max(free, at + switch)
    assert second == max(at + later, first + AIM.cycles["nCWLGB"] + AIM.cycles["tBURST"])


def test_a_trace_of_requests_alone_goes_to_the_controller_of_any_dram(tmp_path: Path) -> None:
    (tmp_path / "ordinary.trace").write_text("0,R,0x40\n3,W,0x80\n90,R,0x100000\n")
    found = dram("gddr6-aim", f"trace:{tmp_path / 'ordinary.trace'}")
    asked = dram(AIM, Given([0x40, 0x80, 0x100000], [0, 1, 0], [0, 3, 90]))
    assert found.statistics.channels == asked.statistics.channels


def test_a_program_of_ones_own_runs_on_every_channel() -> None:
    program = aim_gemv.gemv(512, 1024, AIM)
    found = run_memory("gddr6-aim", program)
    assert found.record()["total_cycles"] == play_fast(AIM, program).cycles
    assert found.record()["detail"]["commands"]["MAC16"] == 32 * 64
    assert run(AIM, same_on_all(AIM, program)).energy == found.measured.energy


# Who is refused?

WRONG = [
    ("hbm2-8gb-x128", "gemv:64x64", "hbm2 has no kernel of this name", "gddr6-aim, hbm2-pim, newton"),
    ("sram-256kib-32x8b-1000", "attention:8x64", "sram has no kernel", "hbm3-attacc, neupims"),
    ("gddr6-aim", "relu:64", "gddr6-aim has no kernel", "gddr6-aim has gemv:OUTxIN"),
    ("gddr6-aim", "gevm:64x64", "did you mean 'gemv'", "gemv:OUTxIN"),
    ("gddr6-aim", "gemv", "0 sizes", "such as gemv:4096x4096"),
    ("gddr6-aim", "gemv:64", "1 size", "gemv:OUTxIN"),
    ("gddr6-aim", "gemv:64x64x64", "3 sizes", "gemv:OUTxIN"),
    ("gddr6-aim", "gemv:0x64", "'0' is not a size", "gemv:OUTxIN"),
    ("gddr6-aim", "gemv:64xmany", "'many' is not a size", "gemv:OUTxIN"),
    ("gddr6-aim", "gemv:1000000x1000000", "rows of every bank", "more channels"),
    ("gddr6-aim", "aim:", "names no file", "aim:FILE"),
    ("gddr6-aim", "trace:", "names no file", "trace:FILE"),
    ("hbm2-neupims", "attention:8x64x100", "head_dim: 100", "a divisor of the 512"),
    ("hbm3-attacc-bank", "attention:64x64x128x2", "4 sizes", "attention:HEADSxLENGTH"),
    ("hbm3-attacc-bank", "attention:1000000x64", "1000000 heads", "fit a stack"),
]


@pytest.mark.parametrize(("device", "pattern", "what", "right"), WRONG)
def test_wrong_kernels_are_met_with_what_is_right(device: str, pattern: str, what: str, right: str) -> None:
    with pytest.raises(BadInput) as caught:
        run_memory(device, pattern)
    assert what in str(caught.value)
    assert right in str(caught.value)
    assert pattern.partition(":")[0] in str(caught.value)


LINES = [
    ("MAC17,0,1", "unknown command 'MAC17', did you mean 'MAC1", "FENCE"),
    ("FENC", "did you mean 'FENCE'", "known commands"),
    ("FENCE,0", "FENCE with '0' behind it", "cycle,FENCE alone"),
    ("MAC16,0,16384", "row '16384'", "a number from -1 to 16383"),
    ("MAC,16,1", "bank '16'", "a number from 0 to 15"),
    ("MAC,32:0,1", "channel '32'", "a number from 0 to 31"),
    ("MAC,0,1,0", "count '0'", "a number from 1"),
    ("MAC,0,1,2,3", "6 fields", "cycle,COMMAND"),
    ("R,40,7", "has 4 fields, not 3", "cycle,R|W,hex address"),
    ("R,0x10000000000", "outside of the memory", "below 0x400000000"),
]


@pytest.mark.parametrize(("line", "what", "right"), LINES)
def test_a_wrong_line_of_a_trace_is_named(line: str, what: str, right: str, tmp_path: Path) -> None:
    lines = [f"{cycle},MAC16,0,1" for cycle in range(1, 17)]
    (tmp_path / "long.trace").write_text("\n".join([*lines, f"17,{line}", "18,FENCE"]))
    with pytest.raises(BadInput) as caught:
        run_memory("gddr6-aim", f"trace:{tmp_path / 'long.trace'}")
    assert "long.trace:17" in str(caught.value)
    assert what in str(caught.value)
    assert right in str(caught.value)


def test_attention_needs_whole_stacks_and_a_level() -> None:
    with pytest.raises(BadInput, match="8 channels"):
        run_memory(ATTACC.vary(channels=8), "attention:8x64")
    two = ATTACC.vary(pim_energy={"MACSB": "1 pJ"})
    with pytest.raises(BadInput, match=r"at 2 levels \(bank, bg\)"):
        run_memory(two, "attention:8x64")


@pytest.mark.parametrize(
    ("device", "pattern", "settings", "what"),
    [
        (HBM_PIM, "gemv:64x64", {"groups": 2}, "groups: 2"),
        (HBM_PIM, "gemv:64x64", {"rows": 1024}, "row 4096"),
        (ATTACC, "attention:8x64", {"groups": 4}, "groups: 4"),
        (ATTACC, "attention:8x64", {"rows": 1024}, "row 8192"),
        (ATTACC, "attention:8x64", {"page": "2 KiB"}, "row bytes: 4096"),
        (AIM, "gemv:64x64", {"policy": {"refresh": "per-bank"}}, "policy.refresh: per-bank"),
    ],
)
def test_a_device_that_a_kernel_does_not_fit_is_refused(
    device: Dram, pattern: str, settings: dict[str, object], what: str
) -> None:
    with pytest.raises(BadInput) as caught:
        run_memory(device.vary(**settings), pattern)
    assert what in str(caught.value)


@given(st.integers(-4, 4), st.integers(1, 40), st.integers(-3, 20000))
def test_a_program_names_rows_that_exist(step: int, count: int, base: int) -> None:
    row = Affine.var("i", step, base)
    program = Program((Loop("i", count, (Do("MAC16", row=row),)),))
    rows = [base + step * i for i in range(count)]
    if all(-1 <= one < AIM.rows for one in rows):
        assert run(AIM.vary(policy={"refresh": "off"}), same_on_all(AIM, program)).cycles > 0
    else:
        with pytest.raises(BadInput, match=r"MAC16: row -?\d+"):
            run(AIM, same_on_all(AIM, program))


def test_a_kernel_is_no_stream_of_requests() -> None:
    with pytest.raises(BadInput, match="'gemv:64x64' is played as a program"):
        dram("gddr6-aim", "gemv:64x64")
    with pytest.raises(BadInput, match="a program for a memory of the kind 'sram'"):
        run_memory("sram-256kib-32x8b-1000", aim_gemv.gemv(16, 16, AIM))


def test_a_name_is_taken_once_per_standard_and_only_computing_ones_have_any() -> None:
    with pytest.raises(NameTaken, match="kernel 'gemv' of gddr6-aim"):
        kernels.add(kernels.KERNELS[0])
    for kernel in kernels.KERNELS:
        device = load_device(kernel.device)
        assert device.standard == kernel.standard
        assert computes(device.protocol)
        assert kernel.example.startswith(f"{kernel.name}:")
    assert not computes(load_device("hbm2-8gb-x128").protocol)
