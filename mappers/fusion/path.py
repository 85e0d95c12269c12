"""The cheapest way through a chain: where to cut it into stages, and what stays on chip from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.mappers.fusion.chain import Chain, Version
from archsim.mappers.fusion.cut import NOTHING, Cut, Way, can_stay, subsets
from archsim.mappers.fusion.group import can_run, least

Value = tuple[int, int, int]
"""Bytes moved, bits kept at the borders, and stages with a minus: what is made small, in this order."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a chain and the way it runs."""

    cut: Cut
    way: Way

    @property
    def moved(self) -> int:
        """Bytes off chip."""
        return -(-(self.way.moved_bits + self.cut.dropped_bits) // 8)


def shortest(chain: Chain, room: int, longest: int) -> list[Stage]:
    """The stages that move least, among all cuts and all tensors that fit and may stay.

    A state is a place between two ops and the tensors that are on chip there. The ops up to the next place are the step
    from one state to another, so the cheapest path is the best of all, as long as no op fails to run alone.

    Parameters
    ----------
    chain
        The ops.
    room
        Bits on chip.
    longest
        Ops of a stage at most.
    """
    best: list[dict[frozenset[Version], tuple[Value, list[Stage]]]] = [{} for _ in range(len(chain.nodes) + 1)]
    best[0][NOTHING] = (0, 0, 0), []
    for start in range(len(chain.nodes)):
        for stop in range(start + 1, min(len(chain.nodes), start + longest) + 1):
            if not can_run(Cut(chain, start, stop)):
                continue
            for before, (value, path) in best[start].items():
                for stage in _stages(chain, start, stop, before, room):
                    cut = stage.cut
                    kept = sum(chain.lives[v].bits for v in cut.after)
                    found = value[0] + stage.moved, value[1] + kept, value[2] - 1
                    known = best[stop].get(cut.after)
                    if known is None or found < known[0]:
                        best[stop][cut.after] = found, [*path, stage]
    return best[-1][NOTHING][1]


def _stages(chain: Chain, start: int, stop: int, before: frozenset[Version], room: int) -> Iterator[Stage]:
    lives = chain.lives
    free = room - sum(lives[v].bits for v in before)
    for after in subsets(tuple(can_stay(Cut(chain, start, stop, before)))):
        if sum(lives[v].bits for v in after if v not in before) <= free:
            cut = Cut(chain, start, stop, before, after)
            if (way := least(cut, room)) is not None:
                yield Stage(cut, way)
