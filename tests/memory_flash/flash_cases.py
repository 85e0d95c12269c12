"""Flash devices and streams drawn at random, and small helpers the flash tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from archsim.memory.flash.commands import Times, times
from archsim.memory.flash.device import Flash
from archsim.memory.flash.run import Controller
from archsim.memory.flash.state import FlashState
from archsim.memory.requests import Given

ORDERS = ["blpadichpl", "blpaplchdi", "chdiplblpa", "diblpachpl", "pabldichpl"]


def device(**changes: Any) -> Flash:
    """One die with one plane, unless changed."""
    base = {
        **{"blocks": 4, "pages": 8, "page": "4 KiB", "pin_rate": "800 Mb/s"},
        "timing": {"tr": "25 us", "tprog": "200 us", "tbers": "2 ms", "trcbsy": "1 us", "tpcbsy": "1 us"},
    }
    return Flash.model_validate(base).vary(**changes)


def at(flash: Flash, command: str) -> Times:
    return times(flash.timing.named)[command]


def pages(flash: Flash, numbers: Any, *, write: bool = False) -> Given:
    """Requests for whole pages, by their number in the order of addresses."""
    addresses = np.asarray(numbers, dtype=np.int64) * int(flash.page)
    return Given(addresses, np.full(len(addresses), write))


def replayed(run: Controller) -> list[FlashState]:
    """Every command of a log issued to plain channels; an illegal one raises and names its rule."""
    states = [FlashState(run.device) for _ in range(run.device.channels)]
    for when, channel, die, command, place, size in sorted(run.log, key=lambda row: row[:2]):
        states[channel].issue(command, die, place, when, size)
    return states


@st.composite
def devices(draw: st.DrawFn) -> Flash:
    """Small memories with all combinations of policy, and times of every order of magnitude."""
    power = st.sampled_from([1, 2, 4])
    time = st.sampled_from(["0 ps", "7 ns", "150 ns", "2 us"])
    busy = st.sampled_from(["1 ps", "900 ns", "3 us", "45 us", "700 us"])
    names = ("trcbsy", "tpcbsy", "tdbsy", "twc", "tadl", "trhw", "tccs")
    planes = draw(power)
    return device(
        **{name: draw(power) for name in ("channels", "dies")},
        planes=planes,
        page=draw(st.sampled_from(["512 B", "16 KiB"])),
        spare=draw(st.sampled_from(["0 B", "448 B"])),
        timing={name: draw(time) for name in names} | {name: draw(busy) for name in ("tr", "tprog", "tbers")},
        address_map=draw(st.sampled_from(ORDERS)),
        policy={
            "multi_plane": draw(st.booleans()),
            "cache": draw(st.booleans()),
            "queue": draw(st.integers(planes, 12)),
        },
    )


@st.composite
def streams(draw: st.DrawFn, flash: Flash) -> Given:
    """Reads anywhere, and writes that begin blocks anew and fill them page by page, at arrivals of any density."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 120))
    fields, done, addresses = flash.addresses, dict[tuple[int, ...], int](), []
    is_write = rng.random(count) < draw(st.sampled_from([0.0, 0.3, 0.9, 1.0]))
    hot = draw(st.sampled_from([1, 4, 1 << 20]))
    for write in is_write:
        address = int(rng.integers(0, min(hot, flash.capacity // int(flash.page)))) * int(flash.page)
        if write:
            place = fields.decode(address)
            block = tuple(place[name] for name in ("ch", "di", "pl", "bl"))
            fresh = done.get(block, 0) >= flash.pages or rng.random() < 0.1
            place["pa"] = 0 if fresh else done.get(block, 0)
            done[block] = place["pa"] + 1
            address = fields.encode(place)
        addresses.append(address)
    gaps = rng.integers(0, draw(st.sampled_from([1, 300, 100_000])), count)
    return Given(np.array(addresses, dtype=np.int64), is_write, np.cumsum(gaps))
