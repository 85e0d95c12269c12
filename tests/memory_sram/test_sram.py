"""The scratchpad: equal to the plain one cycle by cycle, its closed form equal to the kernel, never above its peak."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.designs import bundled_names
from archsim.api.dram import load_device, run_memory
from archsim.core.errors import BadInput
from archsim.memory.device import Memory
from archsim.memory.offered import affine, chunks
from archsim.memory.requests import Given, pattern
from archsim.memory.sram import Sram
from archsim.memory.sram_stream import unhindered
from tests.memory_sram.oracle import told

PRESETS = [name for name in bundled_names("memories") if name.startswith("sram")]


def device(**changes: Any) -> Sram:
    base = {"banks": 8, "rows": 64, "word": "8 B", "tck": "1 ns"}
    return Sram.model_validate(base | changes)


@st.composite
def devices(draw: st.DrawFn) -> Sram:
    banks, ports = draw(st.sampled_from([1, 2, 4, 8])), draw(st.integers(0, 2))
    apart = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    if not ports and not all(apart):
        apart = (1, 1)
    total = ports + sum(apart)
    return device(
        banks=banks,
        **{"ports": ports, "read_ports": apart[0], "write_ports": apart[1]},
        latency=draw(st.integers(1, 5)),
        width=draw(st.integers(0, banks * total)),
        queue=draw(st.integers(total, total + 3)),
        address_map=draw(st.sampled_from(["roba", "baro"])),
    )


@st.composite
def streams(draw: st.DrawFn) -> Given:
    count = draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    addresses = rng.integers(0, draw(st.sampled_from([1, 8, 64, 512])), count) * draw(st.sampled_from([8, 64]))
    gaps = rng.integers(0, draw(st.sampled_from([1, 2, 30])), count)
    return Given(addresses % 512, rng.random(count) < draw(st.sampled_from([0.0, 0.4, 1.0])), np.cumsum(gaps))


@settings(deadline=None, max_examples=200)
@given(devices(), streams())
def test_the_kernel_does_what_the_plain_scratchpad_does(sram: Sram, stream: Given) -> None:
    found, plain = sram.simulate(stream), told(sram, stream)
    assert found.cycles == plain.cycles
    assert dict(zip(found.latencies.cycles, found.latencies.reads, strict=True)) == Counter(plain.latencies)
    assert found.latencies.longest == max(plain.latencies, default=0)
    assert found.units == {"bank reads": tuple(plain.reads), "bank writes": tuple(plain.writes)}


@settings(deadline=None, max_examples=100)
@given(devices(), streams())
def test_no_bank_does_more_than_its_ports_and_requests_of_a_bank_stay_in_order(sram: Sram, stream: Given) -> None:
    plain, found = told(sram, stream), sram.simulate(stream)
    assert all(count <= sram.bank_ports for cycles in plain.accesses for count in Counter(cycles).values())
    banks = sram.addresses.part("ba", stream.addresses)
    for bank in range(sram.banks):
        own = [number for number in plain.order if banks[number] == bank]
        assert own == sorted(own)
    assert found.reads + found.writes == found.requests == len(stream)
    assert found.requests <= sram.taken * found.cycles


@settings(deadline=None, max_examples=150)
@given(devices(), st.integers(0, 40), st.integers(1, 400))
def test_the_closed_form_is_what_the_kernel_does(sram: Sram, words: int, count: int) -> None:
    stream = pattern(f"stride:{8 * words}", count, sram)
    one_by_one = Given(np.arange(count) * 8 * words % sram.capacity, np.zeros(count), np.zeros(count, dtype=np.int64))
    found, stepped = sram.simulate(stream), sram.simulate(one_by_one)
    assert (found.cycles, found.units) == (stepped.cycles, stepped.units)
    assert found.latencies.mean == stepped.latencies.mean
    assert found.detail == stepped.detail
    if unhindered(sram, stream) is not None:
        assert found.latencies.longest == sram.latency
        assert found.cycles == -(-count // sram.taken) - 1 + sram.latency


@pytest.mark.parametrize("name", PRESETS)
def test_presets_stream_at_their_peak_and_conflict_at_one_port(name: str) -> None:
    sram = load_device(name, kind=Sram)
    cycles = int(sram.tck) * 1e-12
    seq = run_memory(sram, "seq", requests=10_000 * sram.banks).measured
    assert seq.bandwidth / sram.peak > 0.99 * (sram.ports + sram.read_ports) / sram.bank_ports
    assert sram.peak == pytest.approx(sram.banks * sram.bank_ports * int(sram.word) / cycles)
    clash = run_memory(sram, "bankconf", requests=sram.rows).measured
    assert clash.cycles == sram.rows - 1 + sram.latency
    assert sorted(clash.units["bank reads"])[-1] == sram.rows


def test_a_billion_sequential_reads_take_the_closed_form() -> None:
    found = run_memory("sram-8mib-64x16b-1000", "seq", requests=10**9).measured
    assert found.cycles == 10**9 // 64 - 1 + 3
    assert sum(found.units["bank reads"]) == 10**9


def test_random_reads_find_the_throughput_of_queues_and_full_banks() -> None:
    """With deep queues the busiest bank decides; with one entry the crossbar stalls at the first clash."""
    deep = device(banks=32, rows=1024, queue=4096).simulate(pattern("random", 20_000, device(banks=32, rows=1024)))
    assert deep.cycles <= deep.detail["busiest_bank_accesses"] + 40
    shallow = device(banks=32, rows=1024, queue=1)
    found = shallow.simulate(pattern("random", 20_000, shallow))
    # The birthday problem: requests until two of 32 banks agree, 6.77 on average (sum of 32! / (32 - k)! / 32^k).
    until = sum(np.prod([(32 - i) / 32 for i in range(k)]) for k in range(1, 33))
    assert found.detail["accesses_per_cycle"] == pytest.approx(until, rel=0.03)


def test_separate_ports_let_reads_and_writes_pass_at_once() -> None:
    stream = Given(np.zeros(200, dtype=np.int64), np.arange(200) % 2 == 1)
    shared, apart = device().simulate(stream), device(ports=0, read_ports=1, write_ports=1).simulate(stream)
    assert (shared.cycles, apart.cycles) == (200, 100)


def test_energy_counts_accesses_and_time() -> None:
    sram = device(read_energy="2 pJ", write_energy="3 pJ", leakage="5 uW")
    found = sram.simulate(Given([0, 8, 16], [False, False, True]))
    assert found.energy["read"] == 4.0
    assert found.energy["write"] == 3.0
    assert found.energy["leakage"] == pytest.approx(8 * 5e-6 * found.cycles * 1e-9 * 1e12)


@given(devices(), st.data())
def test_address_maps_are_bijections(sram: Sram, data: st.DataObject) -> None:
    place = {"ro": data.draw(st.integers(0, sram.rows - 1)), "ba": data.draw(st.integers(0, sram.banks - 1))}
    assert sram.addresses.decode(sram.addresses.encode(place)) == place
    address = data.draw(st.integers(0, sram.capacity - 1))
    assert sram.addresses.encode(sram.addresses.decode(address)) == address // 8 * 8


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["seq", "random", "mix2r1w", "bankconf", "stride:24"]), st.integers(1, 500), st.integers(1, 200))
def test_chunks_are_the_whole_stream(text: str, count: int, size: int) -> None:
    memory = load_device("hbm2-8gb-x128", kind=Memory)
    stream = pattern(text, count, memory)
    whole, parts = next(chunks(stream, memory)), list(chunks(stream, memory, size))
    assert np.array_equal(np.concatenate([part.addresses for part in parts]), whole.addresses)
    assert np.array_equal(np.concatenate([part.is_write for part in parts]), whole.is_write)
    assert (affine(stream, memory) is not None) == (text in ("seq", "bankconf", "stride:24"))


@pytest.mark.parametrize("text", ["seq", "random", "mix2r1w", "bankconf", "stride:192"])
def test_the_dram_controller_sees_the_same_requests(text: str) -> None:
    """Listed one by one, a pattern takes the DRAM controller exactly as long as the pattern it makes itself."""
    memory = load_device("hbm2-8gb-x128")
    stream = pattern(text, 3000, memory)
    listed = next(chunks(stream, memory))
    one, other = memory.simulate(stream), memory.simulate(Given(listed.addresses, listed.is_write))
    assert (one.cycles, one.latencies.mean, one.energy) == (other.cycles, other.latencies.mean, other.energy)


WRONG = {
    "banks=3": "banks: 3 is not a power of two",
    "rows=0": "0 is too small, must be >= 1",
    "word=6 B": "word: 6 is not a power of two",
    "address_map=roro": "'roro' is not a bijection: ro (row: the word within its bank) is given twice",
    "address_map=ro": "'ro' is not a bijection: ba (bank) is missing",
    "address_map=rabo": "unknown field 'ra'",
    "ports=0": "ports: 0 read and 0 write ports and none that does both",
    "ports=9": "queue: 4 entries keep 9 ports waiting",
    "tck=0 ns": "tck: a clock without a period",
    "latency=0": "0 is too small",
    "bank=4": "unknown key, did you mean 'banks'?",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_scratchpad_is_refused_by_its_field(change: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_device("sram-256kib-32x8b-1000", set=[change], kind=Memory)
    assert WRONG[change] in str(caught.value)
