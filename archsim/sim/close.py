"""Closing the books.

Idle time gets its reason, refreshes their accounts, so that every unit's time adds up to the run.
"""

from __future__ import annotations

from collections.abc import Mapping

from archsim.ir.block import Block
from archsim.ir.report import Sample
from archsim.sim.ledger import BUSY, CAUSE, COUNT, SHARE, WAIT, Key, Ledger
from archsim.sim.trace import REFRESH, Effort, Trace

IDLE = "end"
"""Reason of time after a unit's last task, where it never waited or waited for several units."""


def close(
    total: int,
    ledger: Ledger,
    refreshes: Mapping[str, int],
    frozen: int,
    over: Mapping[str, int],
    samples: tuple[Sample, ...],
    blocks: Mapping[str, Block],
    effort: Effort,
) -> Trace:
    """A trace from a ledger (single lane) in which refreshes are not booked yet.

    `frozen` is the part of the critical path in which nothing but a refresh went on; `over` is how long a unit is still
    busy when the last result is there.
    """
    accounts = ledger.totals()
    if frozen:
        _add(accounts, (SHARE, REFRESH), frozen)
        _add(accounts, (CAUSE, "t_" + REFRESH), frozen)
    for name, block in blocks.items():
        spent = 0
        if block.calendar is not None and refreshes.get(name):
            spent = refreshes[name] * block.calendar.duration
            _add(accounts, (WAIT, name, REFRESH), spent)
            for counter, value in block.refreshed(refreshes[name]).items():
                _add(accounts, (COUNT, REFRESH, name, counter), value)
        if over.get(name):
            _add(accounts, (BUSY, name), -over[name])
        reasons = [key for key in accounts if key[:2] == (WAIT, name) and key[2] != REFRESH]
        waited = sum(accounts[key] for key in reasons)
        rest = total - accounts.get((BUSY, name), 0) - spent - waited
        if rest:
            _add(accounts, reasons[0] if len(reasons) == 1 else (WAIT, name, IDLE), rest)
    return Trace(total, dict(sorted(accounts.items())), dict(refreshes), samples, effort)


def _add(accounts: dict[Key, int], key: Key, value: int) -> None:
    accounts[key] = accounts.get(key, 0) + value
