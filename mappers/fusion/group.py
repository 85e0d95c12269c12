"""What a group of neighbouring ops moves off chip when its tensors stay in a buffer, and how much of it that takes.

Three ways to run a group, of which the one that moves least is taken:

* by rows: some rows at a time go through all ops; whatever lies between stays. Weights, or keys and values, come once
  for each block of rows, or once if all of them stay (FLAT runs attention so).
* by chunks: the same, but rows that are only made to be summed up by the next product exist a few columns at a time:
  the hidden layer of a feed-forward, and scores with an online softmax (FlashAttention).
* tiled: one product as the tiling search has it, with ops on single elements at its ends, and a norm before it whose
  statistics are taken in a pass of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archsim.core.errors import DoesNotFit
from archsim.core.quantities import Bytes, Energy
from archsim.mappers.fusion.chain import LOCAL, NORMS, ROW_WISE, SCORES, VALUES, Chain, Node, Version
from archsim.mappers.tiling import Gemm, Hierarchy, Level, tile

SUM_BITS = 32
"""Width of partial sums and of the statistics of a row."""
GRAIN = 16
"""Columns of a product that are computed together."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a group."""

    kind: str
    moved_bits: int
    need_bits: int
    """Room it takes."""
    block: int
    """Rows at a time; 0 where tiles are not rows."""
    note: str


@dataclass(frozen=True)
class Cut:
    """A part of a chain from one op to before another, and what passes its borders."""

    chain: Chain
    start: int
    stop: int

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its ops."""
        return self.chain.nodes[self.start : self.stop]

    def made(self) -> dict[Version, int]:
        """Tensors made inside -> bits per row."""
        return {version: bits for node in self.nodes for version, bits in node.writes.items()}

    def leaving(self) -> dict[Version, int]:
        """Those of them that are needed after it."""
        later = {v for node in self.chain.nodes[self.stop :] for v in (*node.reads, *node.stored)}
        return {v: bits for v, bits in self.made().items() if v in later or v in self.chain.leaving}

    def entering(self) -> dict[Version, int]:
        """Activations from outside -> bits per row."""
        made = self.made()
        return {v: bits for node in self.nodes for v, bits in node.reads.items() if v not in made}

    def stored(self) -> dict[Version, int]:
        """Weights, keys and values -> bits of one copy."""
        return {v: bits for node in self.nodes for v, bits in node.stored.items()}


def ways(cut: Cut, room: int) -> Iterator[Way]:
    """All ways to run a part of a chain as one group with so many bits of room."""
    if (space := _space(cut)) is not None:
        yield from _by_rows(cut, room, *space)
        yield from _by_chunks(cut, room, *space)
    yield from _tiled(cut, room)
    if cut.stop - cut.start == 1 and not cut.nodes[0].is_product:
        yield from _streamed(cut.nodes[0], room)


def _space(cut: Cut) -> tuple[int, int] | None:
    """Copies and rows that all ops of the group share; None where they do not."""
    nodes = cut.nodes
    heads = [node for node in nodes if node.kind in (SCORES, VALUES)]
    if any(v in cut.made() for v in cut.stored()):
        return None  # every row needs all of what other rows of the same group make
    if heads:
        copies, rows = heads[0].copies, heads[0].rows
        same = all((node.copies, node.rows) == (copies, rows) for node in heads)
        others = all(node.kind == "softmax" and node.rows == copies * rows for node in nodes if node not in heads)
        return (copies, rows) if same and others else None
    if any(node.kind not in ROW_WISE for node in nodes):
        return None
    return (1, nodes[0].rows) if len({node.rows for node in nodes}) == 1 else None


def _by_rows(cut: Cut, room: int, copies: int, rows: int) -> Iterator[Way]:
    per_row = _live(cut, cut.nodes, [_sums(node) for node in cut.nodes])
    fixed = max((_panel(node) for node in cut.nodes), default=0)
    yield from _blocks(cut, room, copies, rows, per_row, fixed, "by rows")


def _by_chunks(cut: Cut, room: int, copies: int, rows: int) -> Iterator[Way]:
    """As by rows, but a product and the ops whose columns it sums up go on together, a few columns at a time."""
    nodes = cut.nodes
    for stop in range(2, len(nodes) + 1):
        for start in range(stop - 2, -1, -1):
            if not _is_summed(cut, start, stop):
                break
            one = _merged(nodes[start:stop])
            steps = (*nodes[:start], one.node, *nodes[stop:])
            extra = [_sums(node) for node in steps]
            extra[start] = one.per_row
            panels = [_panel(node) for node in steps]
            panels[start] = one.panel
            yield from _blocks(cut, room, copies, rows, _live(cut, steps, extra), max(panels), "by chunks")


@dataclass(frozen=True, slots=True)
class _Merged:
    node: Node
    per_row: int
    """Bits per row besides what enters and leaves: a chunk of each hidden tensor, and sums in their full width."""
    panel: int
    """Bits of what is stored that belong to a chunk."""


def _merged(nodes: Sequence[Node]) -> _Merged:
    """Ops and the product that sums up what they make, as one op."""
    last, hidden = nodes[-1], {v: bits for node in nodes[:-1] for v, bits in node.writes.items()}
    width = last.size[2]
    chunk = min(GRAIN, width)
    reads = {v: bits for node in nodes for v, bits in node.reads.items() if v not in hidden}
    stored = {v: bits for node in nodes for v, bits in node.stored.items()}
    parts = sum(-(-bits * chunk // width) for bits in hidden.values())
    online = 2 * SUM_BITS if any(node.kind == "softmax" for node in nodes) else 0
    wider = max(0, last.size[1] * SUM_BITS - sum(last.writes.values()))
    one = Node(last.name, last.kind, last.copies, last.rows, reads, stored, last.writes, last.size)
    return _Merged(one, parts + online + wider, -(-sum(stored.values()) * chunk // width))


def _is_summed(cut: Cut, start: int, stop: int) -> bool:
    """Whether all that these ops make, but for the last, a product, is columns that only this product sums up."""
    *makers, last = cut.nodes[start:stop]
    hidden = {v for node in makers for v in node.writes}
    if not last.is_product or not last.reads or not hidden.issuperset(last.reads):
        return False
    others = [node for at, node in enumerate(cut.nodes) if not start <= at < stop]
    if hidden & (set(cut.leaving()) | {v for node in others for v in node.reads}):
        return False
    for node in makers:
        columns_alone = node.kind in LOCAL or (node.kind == "softmax" and last.kind == VALUES)
        fresh_product = node.is_product and hidden.isdisjoint(node.reads)
        if node.size[1] != last.size[2] or not (columns_alone or fresh_product):
            return False
    return True


def _blocks(cut: Cut, room: int, copies: int, rows: int, per_row: int, fixed: int, kind: str) -> Iterator[Way]:
    """As many rows at a time as there is room for: with everything stored passing by, or staying."""
    stored = sum(cut.stored().values())
    once = copies * rows * (sum(cut.entering().values()) + sum(cut.leaving().values()))
    for kept, resident in ((fixed, False), (stored, True)):
        block = min(rows, (room - kept) // per_row) if per_row else rows
        if block < 1:
            continue
        turns = 1 if resident else -(-rows // block)
        again = "stay" if resident else f"come {turns} times" if turns > 1 else "come once"
        what = "keys and values" if any(node.kind in (SCORES, VALUES) for node in cut.nodes) else "weights"
        note = f"{block:,} of {rows:,} rows at a time" + (f", {what} {again}" if stored else "")
        yield Way(kind, once + copies * stored * turns, kept + block * per_row, block, note)


def _live(cut: Cut, nodes: Sequence[Node], extra: Sequence[int]) -> int:
    """The most bits per row that are needed at once when these ops run one after the other."""
    begin: dict[Version, int] = {}
    last: dict[Version, int] = {}
    widths: dict[Version, int] = {}
    for at, node in enumerate(nodes):
        for version, bits in (*node.reads.items(), *node.writes.items()):
            begin.setdefault(version, at)
            last[version] = at
            widths[version] = bits
    return max(
        more + sum(bits for v, bits in widths.items() if begin[v] <= at <= last[v]) for at, more in enumerate(extra)
    )


def _sums(node: Node) -> int:
    """Bits per row of the partial sums of a panel."""
    return min(GRAIN, node.size[1]) * SUM_BITS if node.is_product else 0


def _panel(node: Node) -> int:
    """Bits of what is stored that are there at once while it passes by."""
    whole = sum(node.stored.values())
    return -(-whole * min(GRAIN, node.size[1]) // node.size[1]) if node.is_product else whole


def _tiled(cut: Cut, room: int) -> Iterator[Way]:
    """One product in tiles of both rows and columns, with what can be done on the way in and out."""
    products = [node for node in cut.nodes if node.is_product]
    if len(products) != 1:
        return
    node = products[0]
    at = cut.nodes.index(node)
    before, after = cut.nodes[:at], cut.nodes[at + 1 :]
    if any(v in cut.made() for v in node.stored) or not _ends_fit(node, before, after):
        return
    rows, columns, reduction = node.size
    leaving = cut.leaving()
    made_before = {v for other in before for v in other.writes}
    first = {v: bits for other in (*before, node) for v, bits in other.reads.items() if v not in made_before}
    made_after = {v for other in (node, *after) for v in other.writes}
    second = {v: bits for other in after for v, bits in other.reads.items() if v not in made_after}
    per_input = -(-sum(first.values()) // reduction)
    outputs = sum(bits for v, bits in leaving.items() if v in made_after)
    if any(v in made_before for v in second) or not outputs:
        return
    gemm = Gemm(
        rows, columns, reduction, per_input, _weight_bits(node), SUM_BITS, -(-outputs // columns)
    )  # fmt: skip
    try:
        found = tile(gemm, _two_levels(room), "energy")
    except DoesNotFit:
        return
    moved = 8 * found.links[0].moved
    extra = rows * (sum(second.values()) + sum(bits for v, bits in leaving.items() if v in made_before))
    vectors = sum(bits for other in (*before, *after) for bits in other.stored.values())
    vectors += sum(bits for v, bits in node.stored.items() if bits < rows_of_weights(node))
    norms = sum(1 for other in before if other.kind in NORMS)
    statistics = norms * rows * (sum(first.values()) + 2 * 2 * SUM_BITS)
    m, n, k = found.tiles[0]
    note = f"tiles of {m} x {n} x {k}" + (", a pass of its own for the norm" if norms else "")
    need = sum(size * width for size, width in zip((n * k, m * k, m * n), gemm.bits, strict=True))
    yield Way("tiled", node.copies * moved + extra * node.copies + vectors + statistics, need, 0, note)


def rows_of_weights(node: Node) -> int:
    """Bits of a product's matrix, the largest of what it stores."""
    return max(node.stored.values(), default=0)


def _weight_bits(node: Node) -> int:
    _, columns, reduction = node.size
    return -(-rows_of_weights(node) // (columns * reduction))


def _ends_fit(node: Node, before: Sequence[Node], after: Sequence[Node]) -> bool:
    """Whether what comes before only prepares the input and what comes after treats single elements of the output."""
    if node.kind != "matmul" and (before or after):
        return False
    rows, columns, reduction = node.size
    prepared = {v for other in before for v in other.writes}
    ready = all(other.kind in LOCAL | NORMS and other.size[:2] == (rows, reduction) for other in before)
    used = not before or any(v in prepared for v in node.reads)
    return ready and used and all(other.kind in LOCAL and other.size[:2] == (rows, columns) for other in after)


def _streamed(node: Node, room: int) -> Iterator[Way]:
    """An op without a product by itself: read once, or a norm whose row does not fit twice, and written once."""
    read, written = sum(node.reads.values()), sum(node.writes.values())
    stored = sum(node.stored.values())
    if node.kind in NORMS and read > room:
        moved = node.rows * (2 * read + written) + 2 * stored
        yield Way("alone", moved, 2 * SUM_BITS, 0, "a row does not fit and is read twice")
    else:
        least = -(-read // max(node.size[1], 1)) + -(-written // max(node.size[1], 1))
        yield Way(
            "alone", node.rows * (read + written) + stored, min(room, max(read, least)), 0, "read and written once"
        )


def smallest(node: Node) -> dict[str, int]:
    """Bits without which an op cannot run: an element of each operand, the sums of a norm."""
    if node.is_product:
        _, _, reduction = node.size
        return {"input": -(-sum(node.reads.values()) // reduction), "weight": _weight_bits(node), "sum": SUM_BITS}
    if node.kind in NORMS:
        return {"sums": 2 * SUM_BITS}
    return {"elements": -(-(sum(node.reads.values()) + sum(node.writes.values())) // node.size[1])}


def _two_levels(room: int) -> Hierarchy:
    below = Level(name="buffer", capacity=Bytes(max(1, room // 8)), double_buffered=False)
    return Hierarchy(name="fusion", levels=(Level(name="memory", energy=Energy(1000)), below))
