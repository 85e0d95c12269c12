"""Every bank is refreshed as often as its standard asks, whatever the traffic."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.memory.controller import run
from archsim.memory.device import Dram
from archsim.memory.requests import Given, pattern
from tests.memory_dram.refreshing import in_time

PRESETS = ["ddr4-16gb-x8-3200", "ddr5-16gb-x8-4800", "gddr6-16gb-x16-16000", "gddr6-8gb-x16-14000", "gddr6-aim"]
PRESETS += ["hbm2-8gb-x128", "hbm2-8gb-x64-2400", "hbm2e-16gb-x64-3600", "hbm3-16gb-x32-6400", "lpddr4-8gb-x16-2400"]
PRESETS += ["lpddr4-16gb-x16-4266", "lpddr5-16gb-x16-6400", "lpddr5-16gb-x16-8533"]


def device_of(name: str, refresh: str, ranks: int, **timing: int) -> Dram | None:
    """A preset with another refresh policy; None where the standard has none, or where it does not fit."""
    try:
        return load_device(name).vary(channels=1, ranks=ranks, policy={"refresh": refresh}, timing=timing)
    except BadInput:
        return None


KINDS = ["per-bank", "same-bank", "staggered", "simultaneous"]
CASES = [(one, kind, ranks) for one in PRESETS for kind in KINDS for ranks in (1, 2) if device_of(one, kind, ranks)]


def test_every_preset_has_the_refreshes_of_its_standard() -> None:
    for name in PRESETS:
        kinds = {kind for one, kind, ranks in CASES if one == name and ranks == 1}
        assert {"staggered", "simultaneous"} <= kinds
        assert ("same-bank" in kinds) == name.startswith("ddr5")
        assert ("per-bank" in kinds) == (not name.startswith("ddr"))


@pytest.mark.parametrize(("name", "refresh", "ranks"), CASES)
def test_no_bank_is_left_out_under_random_traffic(name: str, refresh: str, ranks: int) -> None:
    device = device_of(name, refresh, ranks)
    assert device is not None
    found = run(device, pattern("random", 9000, device), log=200_000)
    assert found.cycles > 3 * device.cycles["tREFI"]
    in_time(found)


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(PRESETS), st.sampled_from(["per-bank", "same-bank", "staggered"]), st.data())
def test_what_fits_is_done_and_what_does_not_is_refused(name: str, refresh: str, data: st.DataObject) -> None:
    trefi = data.draw(st.integers(1500, 6000))
    timing = {"trefi": trefi, "trfc": data.draw(st.integers(50, 1400)), "trrefd": data.draw(st.integers(1, 60))}
    timing |= {"trfcpb": data.draw(st.integers(20, 50))}
    ranks = data.draw(st.sampled_from([1, 2]))
    timing = timing if refresh == "per-bank" else {key: timing[key] for key in ("trefi", "trfc")}
    if (device := device_of(name, refresh, ranks, **timing)) is None:
        return
    addresses = [data.draw(st.integers(0, device.capacity - 1)) for _ in range(20)]
    stream = Given(addresses * 40, [data.draw(st.booleans()) for _ in range(20)] * 40, range(0, 8000, 10))
    with suppress(BadInput):  # refreshes may leave no time for requests
        in_time(run(device, stream, log=200_000))
