"""What holds for every trace, whatever ran."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.ir.block import Block
from archsim.ir.mapping import Node, Task
from archsim.sim.ledger import BUSY, CALLS, CAUSE, SHARE, WAIT
from archsim.sim.trace import Trace


def part(trace: Trace, *start: str) -> int:
    """Sum of the accounts whose key starts like this."""
    return sum(value for key, value in trace.accounts.items() if key[: len(start)] == start)


def calls(body: tuple[Node, ...], times: int = 1) -> dict[str, int]:
    """Op -> how many task instances it has."""
    out: dict[str, int] = {}
    for node in body:
        inner = {node.op: times} if isinstance(node, Task) else calls(node.body, times * node.count)
        for op, count in inner.items():
            out[op] = out.get(op, 0) + count
    return out


def check_conserved(trace: Trace, body: tuple[Node, ...], blocks: Mapping[str, Block]) -> None:
    """Every picosecond is booked once per unit, per op and per cause; nothing is negative; no task is lost."""
    assert not {key: value for key, value in trace.accounts.items() if value < 0}
    for unit in blocks:
        assert part(trace, BUSY, unit) + part(trace, WAIT, unit) == trace.total_ps, unit
    assert part(trace, SHARE) == trace.total_ps
    told = any(key[0] == CAUSE for key in trace.accounts)  # units that price whole ops know no causes
    assert part(trace, CAUSE) == (trace.total_ps if told else 0)
    assert {op: part(trace, CALLS, op) for op in calls(body)} == calls(body)
    ends = [sample.end_ps for sample in trace.samples]
    assert ends == sorted(ends)
    assert all(end <= trace.total_ps for end in ends)
