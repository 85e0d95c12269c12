"""AttAcc's attention as a program: scores, softmax and context of a head, two heads hand in hand.

A stack has 16 channels and gives each whole heads, so the channels do the same, and the one with most heads decides.
The mapping is that of attacc_simulator@c600051, pim_ramulator_src/trace_gen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.attacc_layout import CHANNELS, ROWS, Head, head_of, heads_of
from archsim.memory.pim.program import Do, Fence, Loop, Node, Program

BARRIER = Fence(done=False, rows=True)
"""Commands keep their order across it; rows may be opened ahead."""


def _spread(items: list[Node], steps: int, first: int = 0) -> list[list[Node]]:
    """Deal the items out evenly to the steps from `first` on."""
    parts = steps - first
    bounds = [0] * (first + 1) + [(part + 1) * len(items) // parts for part in range(parts)]
    return [items[bounds[step] : bounds[step + 1]] for step in range(steps)]


def _softmax(head: Head, steps: int) -> list[list[Node]]:
    """Softmax at the first step, and its results spread over the later half."""
    moves = _spread(head.probabilities(), steps, steps // 2)
    return [[Do("SFM"), *moves[0]], *moves[1:]]


def _stream(macs: list[list[Node]], sources: tuple[int, ...], beside: list[list[Node]]) -> Iterator[Node]:
    """Steps with a barrier after each: MACs, the results of the step before, and what else goes beside them."""
    results = [Do("MVSB", bank) for bank in sources]
    for step, batch in enumerate(macs):
        yield from batch
        if step:
            yield from results
        yield from beside[step]
        yield BARRIER
    yield from results


def _pair(head: Head, keys: Affine, values: Affine, second_values: Affine) -> Iterator[Node]:
    """Two heads: what one moves goes beside the MACs of the other."""
    batches, slices, layout = head.batches, head.slices, head.layout
    yield from head.query()
    yield BARRIER
    yield from _stream(head.scores(keys), layout.scores, _spread(head.query(), batches))
    yield from _stream(head.scores(keys + head.rows), layout.scores, _softmax(head, batches))
    yield from _stream(head.context(values), layout.outputs, _softmax(head, slices))
    yield from _stream(head.context(second_values), layout.outputs, [[]] * slices)


def _alone(head: Head, keys: Affine, values: Affine) -> Iterator[Node]:
    """One head without a partner: nothing hides the query and the softmax."""
    yield from head.query()
    yield BARRIER
    yield from _stream(head.scores(keys), head.layout.scores, [[]] * head.batches)
    yield BARRIER
    yield Do("SFM")
    yield from head.probabilities()
    yield BARRIER
    yield from _stream(head.context(values), head.layout.outputs, [[]] * head.slices)


def attention(
    level: str,
    heads_per_stack: int,
    length: int,
    head_dim: int = 128,
    element_bytes: int = 2,
    *,
    compat: Literal["none", "attacc-simulator"] = "none",
) -> Program:
    """Attention of one new token over all heads that a stack holds, on its busiest channel.

    Parameters
    ----------
    level
        Where the units are: bank, bg (every bank group) or buffer (one per pseudo channel on the buffer die).
    heads_per_stack
        Heads, of all requests of the batch, whose keys and values lie in the stack.
    length
        Positions of the context.
    head_dim
        Elements of a key.
    element_bytes
        Bytes of an element.
    compat
        attacc-simulator: the second head of a pair reads the first one's values, as that project's traces do. It saves
        an activation where the values fit one row.

    Raises
    ------
    BadInput
        A size is not positive, elements do not fill a column evenly, or the banks do not have that many rows.
    """
    head, heads = head_of(level, length, head_dim, element_bytes), heads_of(heads_per_stack)
    if heads * head.rows > ROWS // 2:
        most = ROWS // 2 // head.rows * CHANNELS
        raise BadInput(f"heads_per_stack: {heads_per_stack} heads of {length} positions", right=f"{most} fit a stack")
    pairs, odd = divmod(heads, 2)
    body: list[Node] = []
    if pairs:
        keys = Affine.var("pair", 2 * head.rows)
        values = keys + ROWS // 2
        second = values if compat == "attacc-simulator" else values + head.rows
        body.append(Loop("pair", pairs, tuple(_pair(head, keys, values, second))))
    if odd:
        keys = Affine(2 * pairs * head.rows)
        body += _alone(head, keys, keys + ROWS // 2)
    return Program(tuple(body))


def counts(
    level: str, heads_per_stack: int, length: int, head_dim: int = 128, element_bytes: int = 2
) -> dict[str, int]:
    """How often each command occurs in `attention`, in closed form; same parameters."""
    head, heads = head_of(level, length, head_dim, element_bytes), heads_of(heads_per_stack)
    layout = head.layout
    return {
        layout.mac: heads * 2 * head.macs,
        "WRGB": heads * len(layout.vector) * head.slices,
        "MVSB": heads * (len(layout.scores) * head.batches + len(layout.outputs) * head.slices),
        "MVGB": heads * len(layout.scores) * head.shares,
        "SFM": heads,
    }


def least_cycles(
    device: Dram, level: str, heads_per_stack: int, length: int, head_dim: int = 128, element_bytes: int = 2
) -> int:
    """Cycles that the MACs of `attention` take at the least, without refresh, moves and barriers.

    At the bank level every new row stops the MACs while it opens; at the others another bank is read meanwhile.

    Parameters
    ----------
    device
        A memory of the standard hbm3-attacc.
    level, heads_per_stack, length, head_dim, element_bytes
        As for `attention`.

    Raises
    ------
    BadInput
        The memory is of another standard, or a size is wrong.
    """
    if device.standard != "hbm3-attacc":
        raise BadInput(f"device: {device.standard} has no units", right="a memory of the standard hbm3-attacc")
    head, heads, t = head_of(level, length, head_dim, element_bytes), heads_of(heads_per_stack), device.cycles
    gap = {"MACAB": t["nCCDAB"], "MACSB": t["nCCDSB"], "MACPB": max(t["tBURST"], t["tCCD_S"])}[head.layout.mac]
    macs = t["tRCDRD"] + (2 * heads * head.macs - 1) * gap + 1
    if level != "bank":
        return macs
    return macs + (2 * heads * head.rows - 1) * (max(t["tRTP"] + t["tRP"] + t["tRCDRD"], gap) - gap)
