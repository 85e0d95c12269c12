"""Attention of one decode step on one NeuPIMs channel: what its requests have to do, as a program and as counts.

The keys and values of a request lie in one channel. A *tile* is one row of every bank, announced by a header and worked
on by one macro per sum. Scores: one token per bank, a row holds that token's keys of several heads. Values: one output
per bank, tokens along the row. Source: casys-kaist/NeuPIMs (f299af3), NeuPIMSLogitSoftmax.cc and NeuPIMSAttend.cc.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.program import Do, Fence, Loop, Node, Program

OPERAND_BYTES = 2
LANES = 16
"""Operands that a bank multiplies per COMP (`pim_comp_coverage` of the reference's memory_configs/neupims.json)."""
LEAST_COMPS = 6
"""COMPs that the reference's estimate assumes at least (`EstimatePIMOperationLatency`)."""


@dataclass(frozen=True, slots=True)
class Attention:
    """The decode attention of the requests whose keys and values lie in one channel."""

    lengths: tuple[int, ...]
    """Tokens so far of each request."""
    heads: int
    """Attention heads on this chip."""
    head_dim: int = 128
    """Operands of one head of one token; a row of a bank holds whole heads."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tiles that share one vector: one tile for each of `count` rows, with `sums` macros of `comps` COMPs."""

    count: int
    sums: int
    comps: int
    row: int


def operands(device: Dram) -> int:
    """Operands of one row of one bank."""
    return device.row_bytes // OPERAND_BYTES


def macro_gap(device: Dram, comps: int) -> int:
    """Cycles from a macro of so many COMPs to the next one: its COMPs, or the adder tree's depth, and the READRES."""
    t = device.cycles
    return max(t["tBURST"], t["tCCD_S"]) * (max(comps, t["nFILL"]) + 1)


def tile_cycles(device: Dram, sums: int, comps: int) -> int:
    """Cycles from the first macro of a tile to that of the next one, without refresh and other traffic.

    The rows close one by one, the header takes a slot, the groups of a rank open tFAW apart (the ranks side by side),
    and the sense amplifiers settle. tRAS and tRP pass meanwhile, as they do with 32 banks.
    """
    t, shape = device.cycles, device.shape
    computing = t["tRCDRD"] + (sums - 1) * macro_gap(device, comps)
    closing = t["tRTP"] + shape.total + 1
    return (shape.groups - 1) * t["tFAW"] + max(shape.ranks - 1 + computing + closing, t["tFAW"])


def tile_reserve(device: Dram, sums: int, comps: int) -> int:
    """Cycles that the reference's controller wants before the next refresh to begin a tile with.

    It estimates tRTP for each bank to close, tFAW for every second group activation, and the COMPs and READRESs as far
    as the header says them, in powers of two; it begins if more than that is left after its first cycle.
    """
    t, shape = device.cycles, device.shape
    total = _power(sums * comps) if sums > 1 else _power(2 * comps - 1)
    closing = shape.total * t["tRTP"]
    opening = t["tFAW"] * (shape.ranks * shape.groups // 2 - 1) + t["tRCDRD"]
    computing = max(t["tBURST"], t["tCCD_S"]) * max(total, LEAST_COMPS)
    reading = max(t["tBURST"], t["tCCD_L"]) * (_power(sums) - 1)
    return closing + opening + computing + reading + 2


def vector_reserve(device: Dram) -> int:
    """Cycles that the reference's controller wants before the next refresh for a GWRITE whose row is closed."""
    t = device.cycles
    return t["tRP"] + t["tRCDRD"] + t["tGWRITE"] + 2


def scores(device: Dram, work: Attention, row: int = 1) -> Iterator[Batch]:
    """Query times keys, request by request: a row of each bank holds one token's keys of as many heads as fit.

    Parameters
    ----------
    device
        The memory.
    work
        The requests of its channel.
    row
        The first row that holds keys.
    """
    per_row = operands(device) // work.head_dim
    for length in work.lengths:
        tiles = -(-length // device.shape.total)
        for first in range(0, work.heads, per_row):
            yield Batch(tiles, min(per_row, work.heads - first), -(-work.head_dim // LANES), row)
            row += tiles


def values(device: Dram, work: Attention, row: int = 1) -> Iterator[Batch]:
    """Scores times values, request by request and head by head: a row of each bank holds one output's tokens."""
    tiles = -(-work.head_dim // device.shape.total)
    for length in work.lengths:
        for _ in range(work.heads):
            for first in range(0, length, operands(device)):
                tokens = min(operands(device), length - first)
                yield Batch(tiles, 1, -(-tokens // LANES), row)
                row += tiles


def attention(
    device: Dram, work: Attention, *, softmax: int = 0, start: tuple[int, int] = (0, 0), macro: bool = True
) -> Program:
    """The program of the channel: scores, the softmax elsewhere, values.

    Parameters
    ----------
    device
        A memory of the standard neupims.
    work
        The requests of this channel. Channels with the same lengths run the same program.
    softmax
        Cycles from the last sum to the first value: what the softmax takes outside of the memory.
    start
        Cycles from the program's beginning before which the host asks neither for the scores nor for the values.
    macro
        One command per sum; false issues its COMPs and its READRES one by one, as Newton does.

    Raises
    ------
    BadInput
        The requests are none, heads do not fill rows evenly, or keys and values need more rows than there are.
    """
    head, tail = (tuple(_nodes(device, *part, macro)) for part in zip(_checked(device, work), start, strict=True))
    return Program((*head, Fence(extra=softmax, restarts=False), *tail))


def counts(device: Dram, work: Attention) -> Counter[str]:
    """How often each command is issued, in closed form; a macro counts as its COMPs and its READRES too.

    The rows of the last tile are closed by the refreshes after the program; they are counted.
    """
    found: Counter[str] = Counter()
    for batch in (batch for part in _checked(device, work) for batch in part):
        sums = batch.count * batch.sums
        found += Counter(GWRITE=1, P_HEADER=batch.count, COMPS_READRES=sums, READRES=sums, COMP=sums * batch.comps)
    tiles, shape = found["P_HEADER"], device.shape
    return found + Counter(G_ACT=tiles * shape.ranks * shape.groups, PIM_PRECHARGE=tiles * shape.total)


def _checked(device: Dram, work: Attention) -> tuple[list[Batch], list[Batch]]:
    """The batches of scores and of values, if they are possible."""
    if device.standard != "neupims":
        raise BadInput(f"device: {device.standard} has no second row buffer", right="a memory of the standard neupims")
    if not work.lengths or min(work.lengths) < 1 or work.heads < 1:
        raise BadInput(f"attention: lengths {work.lengths}, {work.heads} heads", right="at least one of each, from 1")
    per_row = operands(device)
    if work.head_dim < 1 or per_row % work.head_dim:
        raise BadInput(f"head_dim: {work.head_dim} operands", right=f"a divisor of the {per_row} operands of a row")
    first = list(scores(device, work))
    used = first[-1].row + first[-1].count
    second = list(values(device, work, used))
    used = second[-1].row + second[-1].count
    if used > device.rows:
        what = f"lengths: keys and values take {used} rows of each bank, and there are {device.rows}"
        raise BadInput(what, right="fewer or shorter requests per channel")
    return first, second


def _nodes(device: Dram, batches: Iterable[Batch], start: int, macro: bool) -> Iterator[Node]:
    """A vector and its tiles, batch after batch, the first one from `start` on. The vectors lie in row 0 of bank 0."""
    for batch in batches:
        row = Affine.var("tile", 1, batch.row)
        header = Do("P_HEADER", reserve=tile_reserve(device, batch.sums, batch.comps))
        hold = macro_gap(device, batch.comps)
        work: tuple[Node, ...] = (Do("COMPS_READRES", row=row, count=batch.sums, hold=hold),)
        if not macro:
            work = (Loop("sum", batch.sums, (Do("COMP", row=row, count=batch.comps), Do("READRES", row=row))),)
        yield Do("GWRITE", row=Affine(0), reserve=vector_reserve(device), start=start)
        yield Loop("tile", batch.count, (header, *work))


def _power(number: int) -> int:
    """The largest power of two that is not above the number."""
    return 1 << (number.bit_length() - 1)
