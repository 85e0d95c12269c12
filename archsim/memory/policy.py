"""What a DRAM controller does where the standard leaves it the choice."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from archsim.core.spec import Spec


class Policy(Spec):
    """What the controller does. The defaults are those of the DRAMsim3 runs that this memory is compared with."""

    row: Literal["open", "closed", "capped"] = "open"
    """Leave a row open, close it with every column command (auto-precharge), or with the `row_cap`-th one."""
    row_cap: int = Field(16, ge=1, le=1 << 20)
    """Column commands of a row, with `row: capped`; the last one closes it (auto-precharge)."""
    hit_cap: int = Field(4, ge=0)
    """Column commands after which a row may be closed although later requests still hit it; 0 for never."""
    queue: int = Field(8, ge=1, le=1024)
    """Entries of the command queue of each bank."""
    read_queue: int = Field(32, ge=1, le=65536)
    """Reads of one channel that wait for a place in a command queue."""
    write_buffer: int = Field(32, ge=1, le=65536)
    """Writes of one channel that wait; when it is full it is drained."""
    drain_above: int = Field(8, ge=0)
    """Writes above which the buffer is drained while the command queues are empty."""
    refresh: Literal["staggered", "simultaneous", "per-bank", "same-bank", "off"] = "staggered"
    """Ranks in turn over tREFI, all ranks every tREFI, single banks in turn, the same bank of every group, or none."""
    pim: Literal["blocked", "first", "slack"] = "blocked"
    """Ordinary requests beside a PIM program on one channel: they wait until it is over (blocked), they go when no PIM
    command can (first), or that as long as the next refresh leaves room for the PIM request that waits (slack)."""
    refresh_yields: bool = False
    """While a due refresh waits until rows may close, PIM requests go on in the cycles that it leaves free."""
    pim_window: int = Field(1, ge=1, le=256)
    """PIM requests that are looked at for one that can go, the oldest first; 1 for strict order."""
