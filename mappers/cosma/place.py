"""Addresses for what was chosen: stays, blocks and room for tiles."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, field

from archsim.ir.mapping import Placement
from archsim.mappers.allocation import Buffer, allocate
from archsim.mappers.cosma.plan import Plan
from archsim.mappers.cosma.search import Segment
from archsim.mappers.cosma.stays import Stay

NODES = 20_000
"""Placements that the search for addresses may try."""


@dataclass
class Homes:
    """Names and addresses on chip.

    Parameters
    ----------
    memory
        The scratchpad.
    segments, plans
        What was chosen, and where operands are.
    stays
        All stays, of which segments name some.
    order
        Names of the graph's ops.
    rooms
        Bytes for tiles by their number.
    """

    memory: str
    segments: Sequence[Segment]
    plans: Sequence[Plan]
    stays: Sequence[Stay]
    order: Sequence[str]
    rooms: Sequence[int]
    placements: list[Placement] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lives: dict[int, tuple[int, int]] = {}
        for segment in self.segments:
            for i in segment.held:
                first, last = self.lives.get(i, (segment.group.first, 0))
                self.lives[i] = first, max(last, segment.group.stop - 1)
        self._names: dict[str, int] = {}
        self.of_stay = {i: self._name(i) for i in sorted(self.lives)}
        self.of_block = [{block.tensor: self._part(block.tensor) for block in plan.blocks} for plan in self.plans]

    def tiled(self, at: int) -> int:
        """Bytes for tiles of a segment: all where nothing else is on chip."""
        segment = self.segments[at]
        return self.rooms[segment.option.room if segment.held or self.plans[at].blocks else 0]

    def find(self, capacity: int) -> bool:
        """Whether everything has a place; then the placements say which."""
        buffers = [Buffer(name, *self._span(self.lives[i]), self.stays[i].size) for i, name in self.of_stay.items()]
        for at, plan in enumerate(self.plans):
            if self.lives or plan.blocks:
                buffers.append(Buffer(f"tiles {at}", plan.group.first, plan.group.stop, self.tiled(at)))
            names = self.of_block[at]
            buffers += [Buffer(names[b.tensor], b.first, b.last + 1, b.size) for b in plan.own()]
        placed = allocate(buffers, capacity, nodes=NODES)
        if placed.fits:
            self.placements = self._placed(placed.offsets)
        return placed.fits

    def told(self, at: int) -> dict[str, tuple[str, bool]]:
        """Of a segment: tensor -> its name on chip, and whether memory does not have it."""
        found = {self.stays[i].tensor: (self.of_stay[i], self.stays[i].only) for i in self.segments[at].held}
        plan = self.plans[at]
        return {**found, **{name: (part, name in plan.group.inside) for name, part in self.of_block[at].items()}}

    def _placed(self, offsets: ReadOnly[str, int]) -> list[Placement]:
        found = []
        for i, name in self.of_stay.items():
            first, last = self.lives[i]
            live = self.order[first], self.order[last]
            found.append(Placement(name, self.memory, offsets[name], self.stays[i].size, live=live))
        for plan, names in zip(self.plans, self.of_block, strict=True):
            for block in plan.blocks:
                start = offsets[names[plan.under(block)]]
                live = self.order[block.first], self.order[block.last]
                found.append(Placement(names[block.tensor], self.memory, start, block.size, live=live))
        return found

    @staticmethod
    def _span(life: tuple[int, int]) -> tuple[int, int]:
        return life[0], life[1] + 1

    def _name(self, i: int) -> str:
        return self.stays[i].tensor if self.stays[i].only else self._part(self.stays[i].tensor)

    def _part(self, tensor: str) -> str:
        """A name for a part or a copy of a tensor."""
        self._names[tensor] = self._names.get(tensor, 0) + 1
        number = self._names[tensor]
        return f"{tensor}@{self.memory}" + (f".{number}" if number > 1 else "")
