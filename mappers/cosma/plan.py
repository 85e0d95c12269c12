"""Where every operand of a group is, block by block, and the room that its blocks take."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace

from archsim.ir.graph import Graph
from archsim.mappers.cosma.cut import Cut
from archsim.mappers.cosma.group import LOCAL, Group, activations
from archsim.mappers.cosma.heads import stored_bytes
from archsim.mappers.cosma.rows import row_bits, weight_bits
from archsim.mappers.cosma.use import Use, Where

IN_PLACE = LOCAL | {"softmax", "layernorm", "rmsnorm", "rope"}
"""Kinds that can write their result over an operand of the same size."""
Status = ReadOnly[str, str]
"""Tensor that is on chip as a whole -> "in" (since before the group), "only" (from the group on, and not in memory) or
"copy" (from the group on, and in memory too)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Room for a part of a tensor, for the ops of a group from one place to another."""

    tensor: str
    size: int
    first: int
    last: int
    over: str = ""
    """The tensor of the block whose place it takes: an op writes its result over its operand."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A group, cut into blocks."""

    group: Group
    cut: Cut
    uses: tuple[Use, ...]
    blocks: tuple[Block, ...]

    @property
    def need(self) -> int:
        """Bytes of all blocks that are needed at the same time."""
        if not self.blocks:
            return 0
        own = self.own()
        return max(sum(each.size for each in own if each.first <= block.first <= each.last) for block in own)

    def own(self) -> list[Block]:
        """Blocks with a place of their own, for as long as something lies there."""
        if not any(block.over for block in self.blocks):
            return list(self.blocks)
        last = {block.tensor: block.last for block in self.blocks}
        for block in sorted(self.blocks, key=lambda block: -block.first):
            if block.over:
                last[block.over] = last[block.tensor]
        return [replace(block, last=last[block.tensor]) for block in self.blocks if not block.over]

    def under(self, block: Block) -> str:
        """The tensor of the block that has the place of a block."""
        by_name = {each.tensor: each for each in self.blocks}
        while block.over:
            block = by_name[block.over]
        return block.tensor


@dataclass
class Planner:
    """Makes plans."""

    graph: Graph

    def __post_init__(self) -> None:
        self.bits: dict[tuple[str, str], int] = {}
        self.most = {repeat.var: repeat.count - 1 for _, around in self.graph.walk() for repeat in around}

    def plan(self, group: Group, cut: Cut, status: Status) -> Plan:
        """A group with its operands where the status and the cut put them."""
        found = _Operands(self, group, cut, status)
        for tensor in sorted(group.made | group.entering):
            found.put(tensor)
        uses = tuple(found.use(place) for place in range(group.first, group.stop))
        return Plan(group, cut, uses, tuple(_shared(group, [*found.blocks, *found.stored()])))

    def size(self, group: Group, cut: Cut, tensor: str, place: int) -> int:
        """Bytes of the block of a tensor."""
        op = group.ops[place - group.first]
        if group.kind == "heads":
            frame = group.frame
            assert frame is not None
            wide = any(dim == "t" for dim, _ in self.graph.tensors[tensor].dims)
            rows = cut.heads * (cut.rows or int(frame.dims["q"].at({})))
            length = frame.dims["t" if wide else "d"]
            most = max(int(length.at(dict.fromkeys(self.most, 0))), int(length.at(self.most)))
            return most * -(-rows * self.graph.tensors[tensor].dtype.bits // 8)
        bits = self.bits.get((op.name, tensor), 0)
        if not bits:
            bits = self.bits[op.name, tensor] = row_bits(self.graph, op, tensor)
        if cut.wide and tensor in op.outputs:
            bits = -(-bits * cut.wide // int(op.dims["n"].at({})))
        return -(-cut.rows * bits // 8)


class _Operands:
    def __init__(self, planner: Planner, group: Group, cut: Cut, status: Status) -> None:
        self.planner, self.group, self.cut, self.status = planner, group, cut, status
        self.where: dict[tuple[int, str], Where] = {}
        self.blocks: list[Block] = []
        self.ends = [False, False]

    def use(self, place: int) -> Use:
        """An op with its operands."""
        op, cut = self.group.ops[place - self.group.first], self.cut
        part = "" if not cut.inside(place) else "summed" if cut.sums(place) else "made"
        reads = [name for name in dict.fromkeys(activations(op)) if (place, name) in self.where]
        return Use(
            op,
            cut.rows,
            cut.columns if part else 0,
            cut.wide,
            part,
            cut.heads,
            self.group.frame if cut.heads else None,
            tuple((name, self.where[place, name]) for name in reads),
            tuple((name, self.where[place, name]) for name in op.outputs if (place, name) in self.where),
            Where.ONCE if cut.stays else Where.MEMORY,
            cut.stays,
            (self.ends[0], self.ends[1]) if part else (False, False),
        )

    def put(self, tensor: str) -> None:
        """Decide where a tensor is for every op that touches it."""
        group, touching = self.group, self.group.touching[tensor]
        status = self.status.get(tensor, "")
        made = tensor in group.made
        kept = tensor in group.inside or status in ("in", "only")
        blocked = not status and self._stays(tensor, touching, made=made)
        for at, place in enumerate(touching):
            first = at == 0
            where = Where.CHIP if kept or (not first and (status == "copy" or blocked)) else Where.MEMORY
            if where == Where.MEMORY and first and made and self.cut.sums(place):
                where = Where.SUMS
                self.ends[1] = True
            elif where == Where.MEMORY and first and not made and self._again(place, tensor) and (blocked or status):
                where = Where.ONCE
                self.ends[0] = True
            self.where[place, tensor] = where
        if not status and (tensor in group.inside or blocked):
            self.blocks.append(self._block(tensor, touching))

    def _stays(self, tensor: str, touching: tuple[int, ...], *, made: bool) -> bool:
        """Whether a block of a tensor that memory has, or gets, stays for those who need it later in the group."""
        if not (self.cut.rows or self.cut.heads) or tensor in self.group.inside:
            return False
        if made:
            return len(touching) > 1 or self.cut.sums(touching[0])
        inside = [place for place in touching if self.cut.inside(place)]
        if inside and touching[0] == inside[0] and not self._again(touching[0], tensor):
            return False  # some of its columns come with every block of columns
        return len(touching) > 1 or bool(inside)

    def _again(self, place: int, tensor: str) -> bool:
        """Whether an op needs all columns of a tensor for every block of columns that it makes."""
        op = self.group.ops[place - self.group.first]
        return self.cut.inside(place) and not self.cut.sums(place) and op.kind == "matmul" and tensor in op.inputs

    def _block(self, tensor: str, touching: tuple[int, ...]) -> Block:
        cut, first, last = self.cut, touching[0], touching[-1]
        size = self.planner.size(self.group, cut, tensor, first)
        if all(cut.inside(place) for place in touching) and not cut.sums(first) and tensor in self.group.made:
            width = int(self.group.ops[cut.stop - 1 - self.group.first].dims["k"].at({}))
            return Block(tensor, -(-size * min(cut.columns, width) // width), first, last)
        if cut.inside(first):
            first = cut.start
        if any(cut.inside(place) for place in touching):
            last = max(last, cut.stop - 1)
        return Block(tensor, size, first, last)

    def stored(self) -> Iterator[Block]:
        """Weights, or keys and values, that stay for all blocks of rows."""
        if not self.cut.stays:
            return
        graph = self.planner.graph
        for op in self.group.ops:
            size = -(-weight_bits(graph, op) // 8)
            if self.group.kind == "heads" and op.kind != "softmax":
                size = int(stored_bytes(graph, op, op.dims["t"]).at(self.planner.most))
            if size:
                yield Block(op.inputs[1], size, self.group.first, self.group.stop - 1)


def _shared(group: Group, blocks: list[Block]) -> Iterator[Block]:
    """Blocks, those of results that can lie where an operand was without a place of their own."""
    by_name = {block.tensor: block for block in blocks}
    taken = set[str]()
    for block in blocks:
        over = _under(group, block, by_name, taken)
        taken.add(over)
        yield replace(block, over=over) if over else block


def _under(group: Group, block: Block, by_name: ReadOnly[str, Block], taken: set[str]) -> str:
    """The operand that a result can be written over: of its size, not needed any more, and free."""
    op = group.ops[block.first - group.first]
    if op.kind not in IN_PLACE or op.outputs != (block.tensor,):
        return ""
    for name in activations(op):
        under = by_name.get(name)
        if under and name not in taken and under.last == block.first and under.size == block.size:
            return name
    return ""
