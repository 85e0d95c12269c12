"""What was fused and why, what not and why, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from archsim.mappers.cosma.cut import Cut, cuts
from archsim.mappers.cosma.group import Group
from archsim.mappers.cosma.place import Homes
from archsim.mappers.cosma.search import Options, Segment

Pair = tuple[int, int]
"""Time in ps and bytes moved."""


class Explainer:
    """Words for a choice."""

    def __init__(self, options: Options, groups: Sequence[Group], homes: Homes) -> None:
        self.options, self.groups, self.homes = options, groups, homes
        self.alone = {group.first: self._whole(group) for group in groups if not group.kind}

    def _whole(self, group: Group) -> Pair:
        (use,) = self.options.plan(group, Cut(), {}).uses
        ps, moved = self.options.pieces.costs(use)[:, 0].tolist()
        return ps, moved

    @cached_property
    def reasons(self) -> list[str]:
        """For every segment why its ops run together; empty where it is one op."""
        return [self._reason(segment) if segment.option.cut != Cut() else "" for segment in self.homes.segments]

    def notes(self, found: Pair, plain: Pair) -> Iterator[str]:
        """What stays, what is fused, what is not, and what it comes to."""
        whole = sorted({place.tensor for place in self.homes.placements if self._is_whole(place.tensor)})
        memory = self.homes.memory
        yield f"{memory} holds as a whole, between their uses: {', '.join(whole) or 'nothing'}"
        yield f"{_told(found)}; op by op {_told(plain)}"
        for segment, why in zip(self.homes.segments, self.reasons, strict=True):
            if why:
                yield f"{_named(segment.group)}: {why}"
        yield from self._not_fused()

    def _is_whole(self, name: str) -> bool:
        return name in self.homes.of_stay.values()

    def _reason(self, segment: Segment) -> str:
        group, plan = segment.group, self.options.plan(segment.group, segment.option.cut, segment.status)
        plain = self._plain(group)
        how = f"{'fused' if group.kind else 'in blocks'}, {blocks(group, segment.option.cut)}"
        cost = _told(self._pair(segment.option.cost))
        return f"{how}; {plan.need:,} B of blocks on chip; {cost}, op by op through memory {_told(plain)}"

    def _plain(self, group: Group) -> Pair:
        pairs = [self.alone[place] for place in range(group.first, group.stop)]
        return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)

    def _pair(self, cost: tuple[int, int]) -> Pair:
        return (cost[0], cost[1]) if self.options.metric == 0 else (cost[1], cost[0])

    def _not_fused(self) -> Iterator[str]:
        """The largest groups that have no op in common with a fused one, and what they would cost."""
        fused = {place for each in self.homes.segments if each.group.kind for place in _places(each.group)}
        open_ = [
            group
            for group in self.groups
            if group.kind and not fused & _places(group) and any(cuts(self.options.graph, group))
        ]
        for group in open_:
            if any(_places(group) < _places(other) for other in open_):
                continue
            ways = self.options.all(group, {})
            if not ways:
                yield f"{_named(group)}: not fused, no block fits beside the least room for tiles"
                continue
            taken = [each.option.cost for each in self.homes.segments if _places(each.group) <= _places(group)]
            chosen = self._pair((sum(cost[0] for cost in taken), sum(cost[1] for cost in taken)))
            best = ways[-1]
            yield (
                f"{_named(group)}: not fused; {blocks(group, best.cut)} it would take {_told(self._pair(best.cost))}, "
                f"as chosen {_told(chosen)}"
            )


def blocks(group: Group, cut: Cut) -> str:
    """The blocks of a group."""
    if group.kind == "heads":
        frame = group.frame
        assert frame is not None
        heads = "1 head" if cut.heads == 1 else f"{cut.heads} heads of one KV head"
        kept = ", keys and values stay" if cut.stays else ""
        return f"{heads} and {cut.rows or frame.dims['q']} queries at a time, whole rows of scores{kept}"
    total = int(group.ops[0].dims["m"].at({}))
    rows = "all rows" if cut.rows >= total else f"{cut.rows:,} of {total:,} rows at a time"
    what = "the hidden tensors" if group.kind else "the reduction"
    columns = f", {cut.columns:,} columns of {what} at a time" if cut.columns else ""
    if cut.wide:
        columns = f", {cut.wide:,} output columns{columns}"
    return f"{rows}{columns}{', weights stay' if cut.stays else ''}"


def _places(group: Group) -> set[int]:
    return set(range(group.first, group.stop))


def _named(group: Group) -> str:
    return f"{group.ops[0].name} to {group.ops[-1].name}" if group.kind else group.ops[0].name


def _told(costs: Pair) -> str:
    return f"{costs[0] / 1e6:,.6g} us and {costs[1]:,} B"
