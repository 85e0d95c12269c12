"""NAND flash as tables: the commands, how long each holds the channel and keeps its die busy, and what it needs.

A command is one phase on the channel bus: cycles of command and address, then data where it has any. After it the die
is busy; meanwhile the bus serves other dies. Times are sums of data sheet names, in the words of ONFI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from archsim.memory.protocol import evaluate


class Data(StrEnum):
    """Which way a page's bytes go over the channel bus."""

    NONE = "none"
    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True)
class FlashCommand:
    """One phase on the channel bus, and what the die does after it."""

    name: str
    meaning: str
    hold: str
    """How long command and address take the bus, data not counted."""
    ready: str = "0"
    """How long the die then takes no further command but STATUS (R/B# is low)."""
    array: str = "0"
    """How long the array is then at work. Both count from the end on the bus, or from when the array was free."""
    data: Data = Data.NONE
    then: tuple[str, ...] = ()
    """Commands that may follow, where this one only names one more plane for them."""

    @property
    def works(self) -> bool:
        """Whether it uses the array or its registers, and so waits for the array to be free."""
        return self.array != "0"


ADDRESSED, LATCHED = "tCS + 6 * tWC + tWB", "tCS + 6 * tWC + tADL + tWPST + tWPSTH + tWB"
BLOCK, BARE = "tCS + 4 * tWC + tWB", "tCS + tWC + tWB"
CHOSEN = "tRR + 7 * tWC + tCCS + tRPRE + tDQSRE + tRHW"
READS, PROGRAMS, ERASES = ("READ", "CACHE_READ"), ("PROGRAM", "CACHE_PROGRAM"), ("ERASE",)

COMMANDS = (
    FlashCommand("READ_PLANE", "name one more plane of the next read", ADDRESSED, "tDBSY", then=READS),
    FlashCommand("READ", "sense a page of each named plane", ADDRESSED, "tR", "tR"),
    FlashCommand("CACHE_READ", "pass sensed pages on, sense the next", ADDRESSED, "tRCBSY", "tRCBSY + tR"),
    FlashCommand("CACHE_END", "pass the last sensed pages on", BARE, "tRCBSY", "tRCBSY"),
    FlashCommand("STATUS", "ask the die whether it is done", "tCS + tWC + tWHR"),
    FlashCommand("DATA_OUT", "choose register and column, move bytes out", CHOSEN, data=Data.OUT),
    FlashCommand("LOAD_PLANE", "move in one more plane's page", LATCHED, "tDBSY", data=Data.IN, then=PROGRAMS),
    FlashCommand("PROGRAM", "move in the last page, write all", LATCHED, "tPROG", "tPROG", Data.IN),
    FlashCommand("CACHE_PROGRAM", "the same, ready early", LATCHED, "tPCBSY", "tPCBSY + tPROG", Data.IN),
    FlashCommand("ERASE_PLANE", "name one more plane of the next erase", BLOCK, "tDBSY", then=ERASES),
    FlashCommand("ERASE", "erase a block of each named plane", BLOCK, "tBERS", "tBERS"),
)
BY_NAME: Mapping[str, FlashCommand] = {command.name: command for command in COMMANDS}


class Rule(StrEnum):
    """What a command needs, as a refusal quotes it."""

    BUS = "the channel bus carries one command or transfer at a time"
    READY = "a die that is busy (R/B# low) takes no command but STATUS"
    ARRAY = "READ and ERASE need an idle array: tPROG of a cache program is over"
    FILLED = "DATA_OUT needs that page in the register of its plane"
    SENSED = "CACHE_READ and CACHE_END need sensed pages to pass on"
    EMPTIED = "the cache register is read out before it takes the next page"
    ERASED = "a page is programmed once; its block is erased before it is programmed again"
    ORDER = "the pages of a block are programmed in order, without a gap"
    PLANES = "a multi-plane command names each plane once"
    SAME_PAGE = "a multi-plane read or program names the same page number in every plane"
    MIXED = "planes that are named wait for the command they were named for"
    OUTSIDE = "the address lies in the device"


@dataclass(frozen=True, slots=True)
class Times:
    """A command with the numbers of a device in, in ps."""

    hold: int
    ready: int
    array: int


def times(timing: Mapping[str, int]) -> dict[str, Times]:
    """Every command with numbers in.

    Parameters
    ----------
    timing
        Data sheet name -> ps.
    """
    return {
        one.name: Times(evaluate(one.hold, timing), evaluate(one.ready, timing), evaluate(one.array, timing))
        for one in COMMANDS
    }
