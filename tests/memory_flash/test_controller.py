"""The flash controller: every command legal, nothing lost, and the times that can be worked out by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.memory.flash.commands import Data
from archsim.memory.flash.device import Flash
from archsim.memory.flash.run import Controller, measured
from archsim.memory.flash.state import FlashState
from archsim.memory.measured import Measured
from archsim.memory.requests import Given, pattern
from tests.memory_flash.flash_cases import at, device, devices, pages, replayed, streams


def run(flash: Flash, stream: Given) -> Controller:
    controller = Controller(flash, stream, log=True)
    controller.run()
    return controller


def ps(found: Measured) -> int:
    return found.cycles * found.tck


EXACT = {"tck": "1 ps"}


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_every_command_is_legal_and_nothing_is_lost(data: st.DataObject) -> None:
    flash = data.draw(devices())
    stream = data.draw(streams(flash))
    controller = run(flash, stream)
    states = replayed(controller)
    writes = int(np.sum(stream.is_write))
    assert (controller.done > controller.accepted).all()
    assert (controller.accepted >= stream.arrivals * int(flash.tck)).all()
    assert all((np.diff(controller.accepted) >= 0).tolist())
    bytes_out = sum(row[5] for row in controller.log if row[3] == "DATA_OUT")
    bytes_in = sum(row[5] for row in controller.log if row[3] in ("LOAD_PLANE", "PROGRAM", "CACHE_PROGRAM"))
    assert bytes_out == (len(stream) - writes) * int(flash.page)
    assert bytes_in == writes * int(flash.page)
    found = measured(controller, 0.0)
    assert found.reads + found.events["row_hits"] == len(stream) - writes
    assert found.writes == writes
    assert (sum(found.units["die pages read"]), sum(found.units["die pages programmed"])) == (found.reads, writes)
    assert all(channel.busy <= controller.done.max() for channel in controller.channels)
    filled = sum(sum(die.programmed.values()) for state in states for die in state.dies)
    erased = sum(sum(die.programmed.values()) for channel in controller.channels for die in channel.dies)
    assert filled == erased  # both books say the same


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_run_beats_its_buses_or_its_arrays(data: st.DataObject) -> None:
    flash = data.draw(devices())
    stream = data.draw(streams(flash))
    controller = run(flash, stream)
    end, size = int(controller.done.max()), int(flash.page)
    moved = Counter(row[1] for row in controller.log if row[5])
    assert all(count * flash.transfer(size) <= end for count in moved.values())
    sensed = Counter(row[1:3] for row in controller.log if row[3] in ("READ", "CACHE_READ"))
    assert all(count * int(flash.timing.tr) <= end for count in sensed.values())
    programmed = Counter(row[1:3] for row in controller.log if row[3] in ("PROGRAM", "CACHE_PROGRAM"))
    assert all(count * int(flash.timing.tprog) <= end for count in programmed.values())


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_no_command_waits_without_a_reason(data: st.DataObject) -> None:
    """With everything in the queues at once, a picosecond earlier each command would have broken a rule.

    STATUS is always legal, and named planes wait until the array can follow.
    """
    flash = data.draw(devices()).vary(policy={"queue": 200})
    stream = data.draw(streams(flash))
    controller = run(flash, Given(stream.addresses, stream.is_write))
    states = [FlashState(flash) for _ in range(flash.channels)]
    for when, channel, die, command, place, size in sorted(controller.log, key=lambda row: row[:2]):
        early = when > 0 and states[channel].probe(command, die, place, when - 1) is None
        assert not early or command in ("STATUS", "READ_PLANE", "ERASE_PLANE")
        states[channel].issue(command, die, place, when, size)


@settings(deadline=None, max_examples=60)
@given(devices(), st.sampled_from([0.25, 0.5, 2, 4]), st.integers(0, 2**32))
def test_reads_of_any_size_are_legal_and_complete(flash: Flash, ratio: float, seed: int) -> None:
    flash = flash.vary(request=f"{int(int(flash.page) * ratio)} B")
    addresses = np.random.default_rng(seed).integers(0, min(flash.capacity, 1 << 16), 60)
    controller = run(flash, Given(addresses, None))
    replayed(controller)
    assert (controller.done > 0).all()
    assert sum(row[5] for row in controller.log if row[3] == "DATA_OUT") == 60 * flash.request_bytes
    found = measured(controller, 0.0)
    assert found.reads + found.events["row_hits"] == 60 * max(1, int(ratio))


def test_a_single_read_is_command_array_status_and_transfer() -> None:
    flash = device(**EXACT)
    found = flash.simulate(pages(flash, [5]))
    parts = at(flash, "READ").hold + int(flash.timing.tr) + at(flash, "STATUS").hold + at(flash, "DATA_OUT").hold
    assert ps(found) == parts + flash.transfer(4096) == found.latencies.longest
    # tCS + 6 tWC + tWB, tR, tCS + tWC + tWHR, tRR + 7 tWC + tCCS + tRPRE + tDQSRE + tRHW, 4096 B at 800 MB/s.
    assert ps(found) == 270_000 + 25_000_000 + 165_000 + 625_000 + 5_120_000


def test_a_single_write_is_command_data_array_and_status() -> None:
    flash = device(**EXACT)
    found = flash.simulate(pages(flash, [0], write=True))
    hold = 20_000 + 6 * 25_000 + 70_000 + 6_000 + 15_000 + 100_000
    assert ps(found) == hold + 5_120_000 + 200_000_000 + 165_000


@pytest.mark.parametrize(("tr", "planes"), [("25 us", 1), ("3 us", 1), ("45 us", 4), ("10 us", 2)])
def test_sequential_cache_reads_take_the_longer_of_array_and_bus(tr: str, planes: int) -> None:
    count = 200
    flash = device(planes=planes, blocks=64, timing={"tr": tr}, address_map="blpapldich", **EXACT)
    found = flash.simulate(pages(flash, np.arange(count * planes)))
    name = planes * at(flash, "READ").hold + (planes - 1) * at(flash, "READ_PLANE").ready
    out = at(flash, "STATUS").hold + planes * (at(flash, "DATA_OUT").hold + flash.transfer(4096))
    passing = at(flash, "CACHE_READ").ready
    period = passing + max(int(flash.timing.tr), name + out)
    first = name + int(flash.timing.tr)
    # The first cache read cannot be named while the die is still busy with the first read.
    begun = first + name + passing + (count - 2) * period
    last = max(begun + int(flash.timing.tr), begun + out + at(flash, "CACHE_END").hold)
    assert ps(found) == pytest.approx(last + passing + out, rel=1e-3)
    # What the rule of thumb says: the bus, or planes x page / tR.
    rule = min(flash.bus_rate, planes * 4096 * 1e12 / int(flash.timing.tr))
    assert 0.7 * rule < found.bandwidth < rule


def test_reads_without_cache_pay_for_array_and_transfer_one_after_the_other() -> None:
    flash = device(policy={"cache": False}, **EXACT)
    one, ten = (ps(flash.simulate(pages(flash, np.arange(n)))) for n in (1, 10))
    assert ten == 10 * one


@pytest.mark.parametrize("dies", [1, 2, 4, 8, 16])
def test_dies_fill_the_bus_until_it_is_full(dies: int) -> None:
    flash = device(dies=dies, blocks=64, policy={"cache": False}, address_map="blpapldich")
    found = flash.simulate(pages(flash, np.arange(400 * dies) % (512 * dies)))
    alone = device(policy={"cache": False}, blocks=64).simulate(pages(flash, np.arange(400))).bandwidth
    hold = at(flash, "READ").hold + at(flash, "STATUS").hold + at(flash, "DATA_OUT").hold
    full = 4096 * 1e12 / (hold + flash.transfer(4096))
    assert found.bandwidth == pytest.approx(min(dies * alone, full), rel=0.02)


def test_dies_take_turns_on_the_bus() -> None:
    flash = device(dies=4, page="16 KiB", timing={"tr": "1 us"}, address_map="blpapldich")
    controller = run(flash, pages(flash, np.arange(40)))
    moved = [row[2] for row in controller.log if row[3] == "DATA_OUT"]
    # The transfer is far longer than tR, so every die is ready whenever the bus is free.
    assert moved == [0, 1, 2, 3] * 10
    spread = np.ptp(controller.done.reshape(10, 4), axis=1)
    assert (spread < 4 * flash.transfer(16384) + 4 * 2_000_000).all()


def test_channels_add_up() -> None:
    one, four = device(blocks=64), device(blocks=64, channels=4)
    single = one.simulate(pages(one, np.arange(400)))
    found = four.simulate(pages(four, np.arange(1600)))
    assert found.cycles == single.cycles
    assert found.device.peak == 4 * single.device.peak


def test_planes_share_one_program() -> None:
    flash = device(planes=4, **EXACT)
    found = flash.simulate(pages(flash, [0, 1, 2, 3], write=True))
    load = at(flash, "PROGRAM").hold + flash.transfer(4096)
    busy = 3 * at(flash, "LOAD_PLANE").ready
    assert ps(found) == 4 * load + busy + int(flash.timing.tprog) + at(flash, "STATUS").hold
    apart = flash.vary(policy={"multi_plane": False, "cache": False})
    assert ps(apart.simulate(pages(flash, [0, 1, 2, 3], write=True))) > 4 * int(flash.timing.tprog)


def test_cache_programs_hide_the_transfer_behind_the_array() -> None:
    flash = device(blocks=64, **EXACT)
    found = flash.simulate(pages(flash, np.arange(100), write=True))
    load, passing = at(flash, "PROGRAM").hold + flash.transfer(4096), at(flash, "CACHE_PROGRAM").ready
    array = 100 * int(flash.timing.tprog) + 99 * passing
    assert ps(found) == load + array + at(flash, "STATUS").hold


def test_a_block_that_holds_data_is_erased_before_its_first_page_is_written_again() -> None:
    flash = device(address_map="blpapldich", **EXACT)
    first = flash.simulate(pages(flash, np.arange(8), write=True))
    both = flash.simulate(pages(flash, [*range(8), 0], write=True))
    again = at(flash, "ERASE").hold + int(flash.timing.tbers) + at(flash, "STATUS").hold
    again += at(flash, "PROGRAM").hold + flash.transfer(4096) + int(flash.timing.tprog) + at(flash, "STATUS").hold
    assert ps(both) - ps(first) == pytest.approx(again, rel=1e-3)
    assert both.detail["blocks_erased"] == 1


def test_small_reads_of_one_page_sense_it_once() -> None:
    flash = device(request="1 KiB", **EXACT)
    found = flash.simulate(pattern("seq", 16, flash))
    assert (found.reads, found.events["row_hits"]) == (4, 12)
    assert found.bytes_moved == 16 * 1024
    assert found.detail["commands"]["DATA_OUT"] == 16


def test_large_requests_are_split_into_pages() -> None:
    flash = device(request="16 KiB", channels=2, planes=2)
    found = flash.simulate(pattern("seq", 10, flash))
    assert (found.reads, found.bytes_moved) == (40, 10 * 16384)
    assert found.requests == 10


def test_energy_is_what_currents_and_times_say() -> None:
    flash = device()
    found = flash.simulate(pages(flash, [0, 1, 2]))
    volt_amp = 3.3 * 25e-3
    assert found.energy["read"] == pytest.approx(3 * volt_amp * 25e-6 * 1e12)
    assert found.energy["data_out"] == pytest.approx(3 * 3.3 * 10e-3 * 5.12e-6 * 1e12)
    assert found.energy["standby"] == pytest.approx(3.3 * 30e-6 * ps(found), rel=1e-3)
    write = flash.simulate(pages(flash, [0, 1, 2, 3, 4, 5, 6, 7, 0], write=True))
    assert write.energy["program"] == pytest.approx(9 * volt_amp * 200e-6 * 1e12)
    assert write.energy["erase"] == pytest.approx(1 * volt_amp * 2e-3 * 1e12)
    assert write.energy["data_in"] == pytest.approx(9 * 3.3 * 10e-3 * 5.12e-6 * 1e12)


def test_the_spare_area_takes_the_bus_and_is_no_data() -> None:
    plain, spared = device(**EXACT), device(spare="1 KiB", **EXACT)
    assert spared.transfer(4096) == plain.transfer(4096) * 5 // 4
    assert spared.peak == pytest.approx(0.8 * plain.peak)
    assert ps(spared.simulate(pages(spared, [0]))) - ps(plain.simulate(pages(plain, [0]))) == plain.transfer(1024)


def test_two_runs_are_the_same() -> None:
    flash = device(channels=2, dies=4, planes=2, blocks=64)
    first, second = (flash.simulate(pattern("random", 2000, flash)) for _ in range(2))
    assert {**first.record(), "cpu_seconds": 0} == {**second.record(), "cpu_seconds": 0}


def test_data_have_two_directions() -> None:
    flash = device()
    controller = run(flash, Given([0, 4096], [True, False]))
    assert controller.data_ps == {Data.IN: flash.transfer(4096), Data.OUT: flash.transfer(4096)}
