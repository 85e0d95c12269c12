"""Where every operand of a group is, block by block, and the room that its blocks take."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace

from archsim.ir.graph import Graph
from archsim.mappers.cosma.block import Block, Sizes
from archsim.mappers.cosma.cut import Cut
from archsim.mappers.cosma.group import LOCAL, Group, activations
from archsim.mappers.cosma.operands import Operands
from archsim.mappers.cosma.use import Use

IN_PLACE = LOCAL | {"softmax", "layernorm", "rmsnorm", "rope"}
"""Kinds that can write their result over an operand of the same size."""
Status = ReadOnly[str, str]
"""Tensor that is on chip as a whole -> "in" (since before the group), "only" (from the group on, and not in memory) or
"copy" (from the group on, and in memory too)."""


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
        ends = self._ends()
        own = [(block.size, block.first, ends[block.tensor]) for block in self.blocks if not block.over]
        return max((sum(size for size, a, b in own if a <= first <= b) for _, first, _ in own), default=0)

    def own(self) -> list[Block]:
        """Blocks with a place of their own, for as long as something lies there."""
        ends = self._ends()
        return [replace(block, last=ends[block.tensor]) for block in self.blocks if not block.over]

    def _ends(self) -> dict[str, int]:
        """Tensor of a block -> the last place where something lies in its place."""
        ends = {block.tensor: block.last for block in self.blocks}
        for block in sorted((block for block in self.blocks if block.over), key=lambda block: -block.first):
            ends[block.over] = ends[block.tensor]
        return ends

    def under(self, block: Block) -> str:
        """The tensor of the block that has the place of a block."""
        by_name = {each.tensor: each for each in self.blocks}
        while block.over:
            block = by_name[block.over]
        return block.tensor


class Planner:
    """Makes plans of a graph's groups."""

    def __init__(self, graph: Graph) -> None:
        self.sizes = Sizes(graph)
        self._operands: dict[tuple[int, int, Cut], Operands] = {}

    def plan(self, group: Group, cut: Cut, status: Status) -> Plan:
        """A group with its operands where the status and the cut put them."""
        key = group.first, group.stop, cut
        if key not in self._operands:
            self._operands[key] = Operands(self.sizes, group, cut)
        operands = self._operands[key]
        lying = operands.lying(status)
        blocks = [each.block for each in lying.values() if each.block]
        return Plan(group, cut, tuple(operands.uses(lying)), tuple(_shared(group, [*blocks, *operands.stored])))


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
