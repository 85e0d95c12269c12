"""From a graph to the mapping of groups that costs least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Choice, Mapping, Node, Placement
from archsim.mappers.cosma.bound import bound
from archsim.mappers.cosma.emit import Emitter
from archsim.mappers.cosma.explain import Explainer
from archsim.mappers.cosma.group import Groups
from archsim.mappers.cosma.lives import lives
from archsim.mappers.cosma.pieces import Pieces
from archsim.mappers.cosma.place import Homes
from archsim.mappers.cosma.price import Prices
from archsim.mappers.cosma.search import Options, Search
from archsim.mappers.cosma.stays import stays
from archsim.mappers.ops import OpMapper

METRICS = {"time": "sum of task times, ps", "bytes": "bytes moved to and from memory"}
"""What can be made small, in the order of the rows of `Costs`."""
TRIES = 12
"""How often less of the scratchpad is tried where no addresses are found for what was chosen."""


@dataclass
class Lowering:
    """A graph on the unit of a design.

    Parameters
    ----------
    graph, design
        What runs where.
    minimise
        What is made small; the other one decides between equals.
    fuse
        Whether ops run in groups.
    """

    graph: Graph
    design: Design
    minimise: Literal["time", "bytes"]
    fuse: bool

    def __post_init__(self) -> None:
        self.unit = next(unit for unit in self.design.capabilities() if isinstance(unit, OpUnit))

    def mapping(self) -> Mapping:
        """The mapping; `Infeasible` where the unit does not execute an op."""
        graph, unit = self.graph, self.unit
        base = OpMapper().map(graph, self.design)
        metric = list(METRICS).index(self.minimise)
        pieces = Pieces(graph, Prices(unit), {life.tensor: life.amount for life in lives(graph)})
        options = Options(graph, pieces, metric)
        groups = [group for group in Groups(graph).all() if self.fuse or not group.kind]
        search = Search(groups, stays(graph, unit.memory_bytes), options)
        homes = self._placed(search)
        explainer = Explainer(options, groups, homes)
        body = Emitter(graph, base, pieces, homes, explainer.reasons).body()
        found, plain = pieces.prices.exactly(body), pieces.prices.exactly(base.body)
        lowest = bound(options, groups, metric)
        if self._order(found) > self._order(plain):  # iterations of a growing context are chosen for by samples
            return self._mapping(base, base.body, (), plain, lowest, ("nothing is fused or stays on chip",))
        notes = tuple(explainer.notes(found, plain))
        return self._mapping(base, body, tuple(homes.placements), found, lowest, notes)

    def _mapping(
        self,
        base: Mapping,
        body: tuple[Node, ...],
        placements: tuple[Placement, ...],
        found: tuple[int, int],
        lowest: int,
        notes: tuple[str, ...],
    ) -> Mapping:
        numbers = dict(zip(("time_ps", "bytes"), found, strict=True))
        return replace(
            base,
            body=body,
            placements=placements,
            capacities={self.unit.memory: self.unit.memory_bytes} if placements else {},
            choice=Choice("cosma", METRICS[self.minimise], float(self._order(found)[0]), float(lowest), numbers),
            notes=(*base.notes, *notes),
        )

    def _order(self, costs: Sequence[int]) -> tuple[int, ...]:
        return (costs[0], costs[1]) if self.minimise == "time" else (costs[1], costs[0])

    def _placed(self, search: Search) -> Homes:
        """The best choice that has addresses: of the whole scratchpad, or of less where they do not fit together."""
        rooms, unit, order = search.options.pieces.prices.rooms, self.unit, list(self.graph.ops)
        for attempt in range(TRIES):
            segments = search.run(unit.memory_bytes - unit.memory_bytes * attempt // TRIES)
            plans = [search.options.plan(each.group, each.option.cut, each.status) for each in segments]
            homes = Homes(unit.memory, segments, plans, search.stays, order, rooms)
            if homes.find(unit.memory_bytes):
                return homes
        alone = Search([group for group in search.groups if not group.kind], (), search.options)
        segments = alone.run(unit.memory_bytes)
        plans = [search.options.plan(each.group, each.option.cut, {}) for each in segments]
        homes = Homes(unit.memory, segments, plans, (), order, rooms)
        homes.find(unit.memory_bytes)  # nothing is on chip, so that there is nothing to place
        return homes
