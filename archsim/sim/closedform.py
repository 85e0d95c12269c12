"""A closed form as a trace, so that one report serves formulas and simulations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archsim.core.errors import Broken
from archsim.ir.block import Block
from archsim.ir.closedform import ClosedForm
from archsim.ir.mapping import Node, Task, instances
from archsim.sim.close import IDLE
from archsim.sim.ledger import BUSY, CALLS, COUNT, HELD, SHARE, WAIT, Key
from archsim.sim.trace import Effort, Trace


def trace(closed: ClosedForm, body: tuple[Node, ...], blocks: Mapping[str, Block]) -> Trace:
    """The books of a closed form: every unit's time adds up to the run, the shares of the ops too.

    What a unit is not busy it waits for the busiest other one.

    Raises
    ------
    Broken
        A unit that is busy for longer than the run, or that the machine does not have.
    """
    accounts: Counter[Key] = Counter()
    total, busy = closed.total_ps, Counter(dict.fromkeys(blocks, 0))
    for op in closed.ops:
        accounts[SHARE, op.op] += op.ps
        accounts[HELD, op.op] += sum(op.busy_ps.values())
        busy.update(op.busy_ps)
        for unit, counters in op.counters.items():
            for name, count in counters.items():
                accounts[COUNT, op.op, unit, name] += count
    for unit, time in busy.items():
        if unit not in blocks:
            raise Broken(f"a closed form names unit {unit!r}", right=f"units: {', '.join(blocks)}")
        if not 0 <= time <= total:
            raise Broken(f"{unit!r} is busy for {time} ps of a run of {total} ps", right="no more than the run")
        accounts[BUSY, unit] = time
        if time < total:
            accounts[WAIT, unit, _busiest(busy, unit)] = total - time
    for name, times in _calls(body).items():
        accounts[CALLS, name] = times
    effort = Effort(instances(body), 0, 0, "closed form")
    return Trace(total, dict(sorted(accounts.items())), {}, (), effort)


def _busiest(busy: Mapping[str, int], besides: str) -> str:
    others = {unit: time for unit, time in busy.items() if unit != besides and time}
    return max(sorted(others), key=lambda unit: others[unit]) if others else IDLE


def _calls(body: tuple[Node, ...], times: int = 1) -> Counter[str]:
    out: Counter[str] = Counter()
    for node in body:
        out += Counter({node.op: times}) if isinstance(node, Task) else _calls(node.body, times * node.count)
    return out
