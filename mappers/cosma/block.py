"""Room that a group needs on chip for parts of tensors."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.ir.graph import Graph, Op
from archsim.mappers.cosma.cut import Cut
from archsim.mappers.cosma.group import Group
from archsim.mappers.cosma.heads import stored_bytes
from archsim.mappers.cosma.rows import row_bits, weight_bits


@dataclass(frozen=True, slots=True)
class Block:
    """Room for a part of a tensor, for the ops of a group from one place to another."""

    tensor: str
    size: int
    first: int
    last: int
    over: str = ""
    """The tensor of the block whose place it takes: an op writes its result over its operand."""


@dataclass
class Sizes:
    """Bytes of blocks, each found once."""

    graph: Graph

    def __post_init__(self) -> None:
        self.most = {repeat.var: repeat.count - 1 for _, around in self.graph.walk() for repeat in around}
        self._row_bits: dict[tuple[str, str], int] = {}
        self._stored: dict[tuple[str, str], int] = {}

    def block(self, group: Group, cut: Cut, tensor: str, place: int) -> int:
        """Bytes of the block of a tensor that the op at a place makes or reads."""
        op = group.ops[place - group.first]
        if group.kind == "heads":
            return self._of_heads(group, cut, tensor)
        bits = self._row_bits.get((op.name, tensor), 0)
        if not bits:
            bits = self._row_bits[op.name, tensor] = row_bits(self.graph, op, tensor)
        if cut.wide and tensor in op.outputs:
            # All columns of a block may be those of one of several outputs, such as queries.
            bits = min(bits, cut.wide * self.graph.tensors[tensor].dtype.bits)
        return -(-cut.rows * bits // 8)

    def stored(self, group: Group, op: Op) -> int:
        """Bytes of the weights, or keys and values, of an op; 0 where it has none."""
        key = group.kind, op.name
        if key not in self._stored:
            found = -(-weight_bits(self.graph, op) // 8)
            if group.kind == "heads" and op.kind != "softmax":
                found = int(stored_bytes(self.graph, op, op.dims["t"]).at(self.most))
            self._stored[key] = found
        return self._stored[key]

    def _of_heads(self, group: Group, cut: Cut, tensor: str) -> int:
        frame = group.frame
        assert frame is not None
        wide = any(dim == "t" for dim, _ in self.graph.tensors[tensor].dims)
        rows = cut.heads * (cut.rows or int(frame.dims["q"].at({})))
        length = frame.dims["t" if wide else "d"]
        most = max(int(length.at(dict.fromkeys(self.most, 0))), int(length.at(self.most)))
        return most * -(-rows * self.graph.tensors[tensor].dtype.bits // 8)
