"""The plain channel: every rule of the command table refuses by its name, and to the picosecond where it is a time."""

from __future__ import annotations

import pytest

from archsim.core.errors import BadInput
from archsim.memory.flash.commands import BY_NAME, COMMANDS, Rule
from archsim.memory.flash.state import FlashState, Page
from tests.memory_flash.flash_cases import at, device

ORIGIN: Page = (0, 0, 0)
FLASH = device(dies=2, planes=4)


class Bench:
    """A channel, and the time up to which it was used."""

    def __init__(self) -> None:
        self.state, self.now = FlashState(FLASH), 0

    def give(self, name: str, page: Page = ORIGIN, die: int = 0) -> None:
        """Issue a command as early as it is legal."""
        while (refusal := self.state.probe(name, die, page, self.now)) is not None:
            assert refusal.earliest > self.now, refusal
            self.now = refusal.earliest
        self.now = self.state.issue(name, die, page, self.now)

    def refused(self, name: str, page: Page = ORIGIN, die: int = 0) -> Rule | None:
        """The rule that forbids it for ever; None if waiting helps."""
        refusal = self.state.probe(name, die, page, 1 << 50)
        return None if refusal is None else refusal.rule


@pytest.mark.parametrize("first", [one.name for one in COMMANDS if one.works and one.name != "CACHE_END"])
@pytest.mark.parametrize("second", ["READ", "ERASE", "STATUS", "LOAD_PLANE"])
def test_a_busy_die_takes_nothing_but_status_until_it_is_ready(first: str, second: str) -> None:
    bench = Bench()
    if first == "CACHE_READ":
        bench.give("READ")
    bench.give(first)
    state, page = bench.state, (0, 1, 0)
    ready = state.dies[0].ready
    waits = max(ready, state.dies[0].array) if second in ("READ", "ERASE") else ready
    if second == "STATUS":
        assert state.probe(second, 0, page, bench.now) is None
        return
    refusal = state.probe(second, 0, page, ready - 1)
    assert refusal is not None
    assert (refusal.rule, refusal.earliest) == (Rule.READY, ready)
    assert state.probe(second, 0, page, waits) is None
    if waits > ready:
        refusal = state.probe(second, 0, page, waits - 1)
        assert refusal is not None
        assert (refusal.rule, refusal.earliest) == (Rule.ARRAY, waits)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_bus_is_held_for_command_and_data(name: str) -> None:
    bench = Bench()
    if name in ("CACHE_READ", "CACHE_END", "DATA_OUT"):
        bench.give("READ")
    began = max(bench.now, bench.state.dies[0].ready)
    bench.now = began
    bench.give(name)
    data = FLASH.transfer(4096) if BY_NAME[name].data != "none" else 0
    assert bench.now - began == at(FLASH, name).hold + data
    refusal = bench.state.probe("STATUS", 1, ORIGIN, bench.now - 1)
    assert refusal is not None
    assert (refusal.rule, refusal.earliest) == (Rule.BUS, bench.now)
    assert bench.state.probe("READ", 1, ORIGIN, bench.now) is None


def test_commands_take_as_long_as_mqsims() -> None:
    """ReadCommandTime, ProgramCommandTime and EraseCommandTime of CMU-SAFARI/MQSim@21f1fff6
    src/ssd/ONFI_Channel_NVDDR2.cpp, with the times of its header: 290, 361 and 220 ns for one plane, 940 for a read of
    two. It counts tRR with the command; here it belongs to DATA_OUT.
    """
    named = FLASH.timing.named
    assert at(FLASH, "READ").hold + named["tRR"] == 290_000
    assert at(FLASH, "PROGRAM").hold == 361_000
    assert at(FLASH, "ERASE").hold == 220_000
    plane = at(FLASH, "READ_PLANE")
    two = plane.hold + plane.ready + at(FLASH, "READ").hold + named["tRR"]
    assert two == 940_000 + named["tCS"] + named["tWB"]


def test_a_page_that_was_never_written_may_be_read() -> None:
    bench = Bench()
    bench.give("READ", (2, 3, 7))
    bench.give("DATA_OUT", (2, 3, 7))
    assert bench.now == at(FLASH, "READ").hold + 25_000_000 + at(FLASH, "DATA_OUT").hold + FLASH.transfer(4096)


def test_a_programmed_page_is_refused_until_its_block_is_erased() -> None:
    bench = Bench()
    bench.give("PROGRAM")
    assert bench.refused("PROGRAM") is Rule.ERASED
    assert bench.refused("PROGRAM", (1, 0, 0)) is None
    bench.give("ERASE", (1, 0, 0))
    assert bench.refused("PROGRAM") is Rule.ERASED
    bench.give("ERASE")
    bench.give("PROGRAM")


def test_pages_of_a_block_are_programmed_in_order() -> None:
    bench = Bench()
    assert bench.refused("PROGRAM", (0, 0, 1)) is Rule.ORDER
    for page in range(3):
        bench.give("CACHE_PROGRAM", (0, 0, page))
    assert bench.refused("PROGRAM", (0, 0, 4)) is Rule.ORDER
    assert bench.refused("LOAD_PLANE", (0, 0, 2)) is Rule.ERASED


def test_data_come_out_of_filled_registers_only() -> None:
    bench = Bench()
    assert bench.refused("DATA_OUT") is Rule.FILLED
    assert bench.refused("CACHE_READ") is Rule.SENSED
    assert bench.refused("CACHE_END") is Rule.SENSED
    bench.give("READ")
    bench.give("CACHE_READ", (0, 0, 1))
    assert bench.refused("DATA_OUT", (0, 0, 2)) is Rule.FILLED
    assert bench.refused("CACHE_READ", (0, 0, 2)) is Rule.EMPTIED
    bench.give("DATA_OUT")
    bench.give("CACHE_END")
    bench.give("DATA_OUT", (0, 0, 1))
    assert bench.refused("CACHE_END") is Rule.SENSED


def test_multi_plane_commands_name_each_plane_once_and_one_page() -> None:
    bench = Bench()
    bench.give("READ_PLANE", (0, 1, 5))
    assert bench.refused("READ", (0, 2, 5)) is Rule.PLANES
    assert bench.refused("READ", (1, 2, 6)) is Rule.SAME_PAGE
    assert bench.refused("PROGRAM", (1, 0, 0)) is Rule.MIXED
    assert bench.refused("DATA_OUT", (0, 1, 5)) is Rule.MIXED
    assert bench.refused("ERASE_PLANE", (1, 0, 0)) is Rule.MIXED
    bench.give("READ_PLANE", (1, 2, 5))
    bench.give("READ", (2, 3, 5))
    bench.give("DATA_OUT", (1, 2, 5))
    bench.give("ERASE_PLANE", (0, 1, 0))
    bench.give("ERASE", (1, 2, 3))


@pytest.mark.parametrize("page", [(4, 0, 0), (0, 4, 0), (0, 0, 8), (-1, 0, 0)])
def test_an_address_outside_is_refused(page: Page) -> None:
    assert Bench().refused("READ", page) is Rule.OUTSIDE


def test_an_illegal_command_names_place_time_and_rule() -> None:
    bench = Bench()
    bench.give("PROGRAM", (3, 2, 0))
    with pytest.raises(BadInput) as caught:
        bench.state.issue("PROGRAM", 0, (3, 2, 0), 1 << 50)
    assert "PROGRAM to die 0, plane 3, block 2, page 0" in str(caught.value)
    assert "its block is erased before it is programmed again" in str(caught.value)
    with pytest.raises(BadInput, match="legal from"):
        bench.state.issue("READ", 0, (3, 2, 0), bench.now)
