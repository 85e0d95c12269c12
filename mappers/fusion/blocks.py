"""Stages that run some rows at a time, whole or a few columns at a time: what they move, and the room that takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from archsim.mappers.fusion.chain import LOCAL, SCORES, VALUES, Node, Version
from archsim.mappers.fusion.cut import Cut, Way

SUM_BITS = 32
"""Width of partial sums and of the statistics of a row."""
GRAIN = 16
"""Columns of a product that are computed together."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a stage takes that runs by rows, whatever the room.

    Parameters
    ----------
    kind
        by rows or by chunks.
    copies, rows
        Of every op in it.
    per_row
        Bits that a row takes.
    passing
        Bits of what is stored that are there at once while it passes by.
    stored
        Bits of one copy of all that is stored.
    once
        Bits of activations that enter and leave.
    held
        Bits on chip at its borders.
    what
        What is stored, in words.
    """

    kind: str
    copies: int
    rows: int
    per_row: int
    passing: int
    stored: int
    once: int
    held: int
    what: str

    def ways(self, room: int) -> Iterator[Way]:
        """As many rows at a time as there is room for: with everything stored passing by, or staying."""
        for kept, resident in ((self.passing, False), (self.stored, True)):
            free = room - self.held - kept
            if free < 0:
                continue
            block = min(self.rows, free // self.per_row) if self.per_row else self.rows
            if block < 1:
                continue
            turns = 1 if resident else -(-self.rows // block)
            again = "stay" if resident else f"come {turns} times" if turns > 1 else "come once"
            note = f"{block:,} of {self.rows:,} rows at a time" + (f", {self.what} {again}" if self.stored else "")
            moved = self.once + self.copies * self.stored * turns
            yield Way(self.kind, moved, self.held + kept + block * self.per_row, block, note)


def profiles(cut: Cut) -> Iterator[Profile]:
    """A stage by rows, and with each part of it by chunks that can be.

    By chunks, a product and the ops whose columns it sums up go on together, a few columns at a time.
    """
    if cut.space is None:
        return
    nodes, held = cut.nodes, cut.held
    per_row = live(nodes, [sums(node) for node in nodes], held)
    yield _profile(cut, "by rows", per_row, max(map(panel, nodes)))
    for start, stop in chunked(cut):
        one = merged(nodes[start:stop], held)
        steps = (*nodes[:start], one.node, *nodes[stop:])
        extra = [sums(node) for node in steps]
        extra[start] = one.per_row
        panels = [panel(node) for node in steps]
        panels[start] = one.panel
        yield _profile(cut, "by chunks", live(steps, extra, held), max(panels))


def _profile(cut: Cut, kind: str, per_row: int, passing: int) -> Profile:
    assert cut.space is not None
    copies, rows = cut.space
    once = copies * rows * (sum(cut.entering.values()) + sum(cut.leaving.values()))
    what = "keys and values" if any(node.kind in (SCORES, VALUES) for node in cut.nodes) else "weights"
    return Profile(kind, copies, rows, per_row, passing, sum(cut.stored.values()), once, cut.held_bits, what)


@dataclass(frozen=True, slots=True)
class Merged:
    """Ops and the product that sums up what they make, as one op."""

    node: Node
    per_row: int
    """Bits per row besides what enters and leaves: a chunk of each hidden tensor, and sums in their full width."""
    panel: int
    """Bits of what is stored that belong to a chunk."""


def merged(nodes: Sequence[Node], held: Collection[Version] = ()) -> Merged:
    """Ops and the product that sums up what they make, as one op, with tensors whose place is elsewhere."""
    last, hidden = nodes[-1], {v: bits for node in nodes[:-1] for v, bits in node.writes.items()}
    width = last.size[2]
    chunk = min(GRAIN, width)
    reads = {v: bits for node in nodes for v, bits in node.reads.items() if v not in hidden}
    stored = {v: bits for node in nodes for v, bits in node.stored.items()}
    parts = sum(-(-bits * chunk // width) for bits in hidden.values())
    online = 2 * SUM_BITS if any(node.kind == "softmax" for node in nodes) else 0
    wider = max(0, last.size[1] * SUM_BITS - sum(bits for v, bits in last.writes.items() if v not in held))
    one = Node(last.name, last.kind, last.copies, last.rows, reads, stored, last.writes, last.size)
    return Merged(one, parts + online + wider, -(-sum(stored.values()) * chunk // width))


def chunked(cut: Cut) -> Iterator[tuple[int, int]]:
    """Parts of a stage that can run by chunks, as first op and the one after the last."""
    for stop in range(2, len(cut.nodes) + 1):
        for start in range(stop - 2, -1, -1):
            if not _is_summed(cut, start, stop):
                break
            yield start, stop


def _is_summed(cut: Cut, start: int, stop: int) -> bool:
    """Whether all that these ops make, but for the last, a product, is columns that only this product sums up."""
    *makers, last = cut.nodes[start:stop]
    hidden = {v for node in makers for v in node.writes}
    if not last.is_product or not last.reads or not hidden.issuperset(last.reads):
        return False
    others = [node for at, node in enumerate(cut.nodes) if not start <= at < stop]
    if hidden & (set(cut.later) | {v for node in others for v in node.reads}):
        return False
    for node in makers:
        columns_alone = node.kind in LOCAL or (node.kind == "softmax" and last.kind == VALUES)
        fresh_product = node.is_product and hidden.isdisjoint(node.reads)
        if node.size[1] != last.size[2] or not (columns_alone or fresh_product):
            return False
    return True


def live(nodes: Sequence[Node], extra: Sequence[int], held: Collection[Version] = ()) -> int:
    """The most bits per row that are needed at once when these ops run one after the other, held tensors apart."""
    begin: dict[Version, int] = {}
    last: dict[Version, int] = {}
    widths: dict[Version, int] = {}
    for at, node in enumerate(nodes):
        for version, bits in (*node.reads.items(), *node.writes.items()):
            if version not in held:
                begin.setdefault(version, at)
                last[version] = at
                widths[version] = bits
    return max(
        more + sum(bits for v, bits in widths.items() if begin[v] <= at <= last[v]) for at, more in enumerate(extra)
    )


def sums(node: Node) -> int:
    """Bits per row of the partial sums of a panel."""
    return min(GRAIN, node.size[1]) * SUM_BITS if node.is_product else 0


def panel(node: Node) -> int:
    """Bits of what is stored that are there at once while it passes by."""
    whole = sum(node.stored.values())
    return -(-whole * min(GRAIN, node.size[1]) // node.size[1]) if node.is_product else whole
