"""Flash presets, address maps, and wrong devices and writes that are refused with field, place and rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.api.designs import bundled_names
from archsim.api.dram import load_device, run_memory
from archsim.core.errors import BadInput
from archsim.memory.device import Memory
from archsim.memory.flash.device import FIELDS, Flash
from archsim.memory.flash.parts import parts
from archsim.memory.requests import Given
from tests.memory_flash.flash_cases import device, devices, pages

GIGABITS = {"nand-tlc-64gb-x8-1200": 64, "nand-slc-128gb-x8-1200": 128, "nand-slc-32gb-x8-400": 32}
"""Per die."""


def test_every_preset_is_listed_here() -> None:
    assert {name for name in bundled_names("memories") if name.startswith("nand")} == set(GIGABITS)


@pytest.mark.parametrize("name", GIGABITS)
def test_presets_have_the_capacity_and_bus_of_their_names(name: str) -> None:
    flash = load_device(name, kind=Flash)
    assert flash.capacity == flash.channels * flash.dies * GIGABITS[name] * 2**30 // 8
    assert flash.bus_rate == int(name.rpartition("-")[2]) * 1e6


@pytest.mark.parametrize("name", GIGABITS)
def test_presets_fill_their_buses_with_sequential_reads(name: str) -> None:
    flash = load_device(name, kind=Flash)
    found = run_memory(flash, "seq", requests=20 * flash.channels * flash.dies * flash.planes).measured
    assert 0.9 < found.bandwidth / min(flash.peak, flash.array_peak) < 1


@pytest.mark.parametrize("name", GIGABITS)
def test_a_lone_page_takes_what_the_published_times_add_up_to(name: str) -> None:
    """tR and the transfer, which the sources give, and less than 2 us of commands beside them."""
    flash = load_device(name, kind=Flash)
    found = run_memory(flash, "seq", requests=1).measured
    known = int(flash.timing.tr) + flash.transfer(int(flash.page))
    assert 0 < found.cycles * 1000 - known < 2_000_000


@given(st.permutations(list(FIELDS)), st.data())
def test_address_maps_are_bijections(order: list[str], data: st.DataObject) -> None:
    flash = device(channels=4, dies=2, planes=2, address_map="".join(order))
    place = {name: data.draw(st.integers(0, (1 << flash.addresses.widths[name]) - 1)) for name in FIELDS}
    assert flash.addresses.decode(flash.addresses.encode(place)) == place
    address = data.draw(st.integers(0, flash.capacity - 1))
    assert flash.addresses.encode(flash.addresses.decode(address)) == address // 4096 * 4096


@given(devices(), st.sampled_from([0.25, 0.5, 1, 2, 4]), st.integers(0, 2**32))
def test_parts_cover_each_request_once(flash: Flash, ratio: float, seed: int) -> None:
    size = int(int(flash.page) * ratio)
    flash = flash.vary(request=f"{size} B")
    addresses = np.random.default_rng(seed).integers(0, flash.capacity // size, 20) * size
    found = list(parts(flash, Given(addresses, None)))
    covered: dict[int, list[int]] = {}
    for part in found:
        place = {"ch": part.channel, "di": part.die, "pl": part.plane, "bl": part.block, "pa": part.page}
        covered.setdefault(part.request, []).append(flash.addresses.encode(place))
    assert [sum(part.size for part in found if part.request == i) for i in range(20)] == [size] * 20
    for i, address in enumerate(addresses.tolist()):
        step = int(flash.page)
        assert covered[i] == [first for first in range(address // step * step, address + size, step)]


WRONG = {
    "pages=0": "0 is too small, must be >= 1",
    "pages=384": "pages: 384 is not a power of two",
    "channels=3": "channels: 3 is not a power of two",
    "page=0 B": "page: 0 is not a power of two",
    "request=3 KiB": "request: 3072 is not a power of two",
    "request=1 PiB": "request: 1125899906842624 B are more than the memory's",
    "pin_rate=0 b/s": "pin_rate: 0 b/s",
    "timing.tr=0 us": "tr: an array that takes no time",
    "timing.tr=45": "45 needs a unit",
    "timing.trd=45 us": "unknown key",
    "address_map=blpadichch": "'blpadichch' is not a bijection: ch (channel) is given twice",
    "address_map=blpadich": "'blpadich' is not a bijection: pl (plane of the die) is missing",
    "address_map=blpadichro": "unknown field 'ro'",
    "policy.queue=2": "policy.queue: 2 entries hold no operation of 4 planes",
    "policy.caches=true": "unknown key, did you mean 'policy.cache'?",
    "kind=flsh": "kind: 'flsh' is not a memory",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_device_is_refused_by_its_field(change: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_device("nand-tlc-64gb-x8-1200", set=[change], kind=Memory)
    assert WRONG[change] in str(caught.value)


def test_a_slow_read_beside_a_fast_program_is_odd_but_possible() -> None:
    assert device(timing={"tr": "5 ms", "tprog": "1 us"}).simulate(pages(device(), [0])).cycles > 5_000_000


def test_writes_out_of_order_name_place_and_rule() -> None:
    flash = device(address_map="blpapldich")
    with pytest.raises(BadInput, match="write 1 to page 3 of channel 0, die 0, plane 0, block 0 breaks: the pages of"):
        flash.simulate(pages(flash, [0, 3], write=True))
    with pytest.raises(BadInput, match="next to be programmed there is page 2 of 8"):
        flash.simulate(pages(flash, [0, 1, 1], write=True))


def test_without_erase_a_block_is_written_once() -> None:
    flash = device(policy={"erase": False})
    with pytest.raises(BadInput, match="a page is programmed once"):
        flash.simulate(pages(flash, [0, 0], write=True))


def test_writes_of_less_than_a_page_are_refused() -> None:
    with pytest.raises(BadInput, match="a page is programmed as a whole"):
        run_memory("nand-tlc-64gb-x8-1200", "mix2r1w", requests=9, set={"request": "4 KiB"})


def test_a_trace_keeps_its_cycles(tmp_path: Path) -> None:
    path = tmp_path / "requests.trace"
    path.write_text("0,R,0x0\n1000000,W,0x4000\n")
    found = run_memory("nand-slc-128gb-x8-1200", f"trace:{path}").measured
    alone = run_memory("nand-slc-128gb-x8-1200", Given([0x4000], [True])).measured
    assert found.cycles == 1_000_000 + alone.cycles
