"""Where the operands of a group that is cut into blocks can be, each possibility worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from typing import NamedTuple

from archsim.mappers.cosma.block import Block, Sizes
from archsim.mappers.cosma.cut import Cut
from archsim.mappers.cosma.group import Group, activations
from archsim.mappers.cosma.use import Use, Where


class Lying(NamedTuple):
    """Where a tensor is for every op that touches it, by place, and the block that it takes on chip."""

    named: ReadOnly[int, tuple[str, Where]]
    """With its name, as `Use` has it."""
    block: Block | None
    opens: bool
    """Whether the first block of columns differs from the others because of it."""
    closes: bool
    """Whether the last one does."""


class Operands:
    """A group and a cut.

    Many sets of tensors that stay are tried with each. A tensor's place follows from its own status alone, and an op
    from the places of its operands: both are kept.
    """

    def __init__(self, sizes: Sizes, group: Group, cut: Cut) -> None:
        self.sizes, self.group, self.cut = sizes, group, cut
        self.tensors = sorted(group.made | group.entering)
        self.reads = [[name for name in dict.fromkeys(activations(op)) if name in self.tensors] for op in group.ops]
        self.stored = tuple(self._stored())
        self._lying: dict[tuple[str, str], Lying] = {}
        self._uses: dict[tuple[object, ...], Use] = {}

    def lying(self, status: ReadOnly[str, str]) -> dict[str, Lying]:
        """Every tensor of the group, in the order of names."""
        found = {}
        for tensor in self.tensors:
            key = tensor, status.get(tensor, "")
            if key not in self._lying:
                self._lying[key] = self._put(*key)
            found[tensor] = self._lying[key]
        return found

    def uses(self, lying: ReadOnly[str, Lying]) -> Iterator[Use]:
        """The group's ops with their operands, in order."""
        every = lying.values()
        ends = any([each.opens for each in every]), any([each.closes for each in every])
        for place, (op, reads) in enumerate(zip(self.group.ops, self.reads, strict=True), self.group.first):
            inputs = tuple([lying[name].named[place] for name in reads])
            outputs = tuple([lying[name].named[place] for name in op.outputs])
            key = place, inputs, outputs, ends
            if key not in self._uses:
                self._uses[key] = self._use(place, inputs, outputs, ends)
            yield self._uses[key]

    def _use(
        self,
        place: int,
        inputs: tuple[tuple[str, Where], ...],
        outputs: tuple[tuple[str, Where], ...],
        ends: tuple[bool, bool],
    ) -> Use:
        """An op with its operands."""
        op, cut = self.group.ops[place - self.group.first], self.cut
        part = "" if not cut.inside(place) else "summed" if cut.sums(place) else "made"
        return Use(
            op,
            cut.rows,
            cut.columns if part else 0,
            cut.wide,
            part,
            cut.heads,
            self.group.frame if cut.heads else None,
            inputs,
            outputs,
            Where.ONCE if cut.stays else Where.MEMORY,
            cut.stays,
            ends if part else (False, False),
        )

    def _put(self, tensor: str, status: str) -> Lying:
        """Decide where a tensor is for every op that touches it."""
        group, touching = self.group, self.group.touching[tensor]
        made = tensor in group.made
        kept = tensor in group.inside or status in ("in", "only")
        blocked = not status and self._stays(tensor, touching, made=made)
        found: dict[int, Where] = {}
        for at, place in enumerate(touching):
            first = at == 0
            where = Where.CHIP if kept or (not first and (status == "copy" or blocked)) else Where.MEMORY
            if where == Where.MEMORY and first and made and self.cut.sums(place):
                where = Where.SUMS
            elif where == Where.MEMORY and first and not made and self._again(place, tensor) and (blocked or status):
                where = Where.ONCE
            found[place] = where
        needed = not status and (tensor in group.inside or blocked)
        named = {place: (tensor, where) for place, where in found.items()}
        block = self._block(tensor, touching) if needed else None
        return Lying(named, block, Where.ONCE in found.values(), Where.SUMS in found.values())

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
        size = self.sizes.block(self.group, cut, tensor, first)
        if all(cut.inside(place) for place in touching) and not cut.sums(first) and tensor in self.group.made:
            width = int(self.group.ops[cut.stop - 1 - self.group.first].dims["k"].at({}))
            return Block(tensor, -(-size * min(cut.columns, width) // width), first, last)
        if cut.inside(first):
            first = cut.start
        if any(cut.inside(place) for place in touching):
            last = max(last, cut.stop - 1)
        return Block(tensor, size, first, last)

    def _stored(self) -> Iterator[Block]:
        """Weights, or keys and values, that stay for all blocks of rows."""
        for op in self.group.ops if self.cut.stays else ():
            size = self.sizes.stored(self.group, op)
            if size:
                yield Block(op.inputs[1], size, self.group.first, self.group.stop - 1)
