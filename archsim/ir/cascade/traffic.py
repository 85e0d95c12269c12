"""Words between a buffer and the memory behind it, in closed form: hold, spill or compute again.

Fibers are worked on in blocks of as many rows as the buffer holds. Tensors that have the rank and are shared by all
rows of a head (keys and values) stream by once per block and pass; masks are left out, so every tile moves. What lives
across passes is

* held: no traffic, but a row then takes O(M) words and a block has few rows;
* spilled: written once and read in every later pass; per element, or also what is one word per tile;
* recomputed: every pass reads again the inputs that it comes from.

With ``attention-1-pass`` nothing lives across passes, and this is the buffer sizing of FuseMax [stated]
(FPSG-UIUC/micro24-fusemax-artifact@218ce19, workspace/src/accel/proposal.py): E + F + 2 words per query and two tiles.
There the blocks divide the queries; here a block is any number of rows, so traffic is never more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from archsim.core.errors import DoesNotFit
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import Access
from archsim.ir.cascade.live import Footprint, Live, footprint, per_fiber
from archsim.ir.cascade.passes import by_tile
from archsim.ir.cascade.sizes import ceil_div
from archsim.ir.cascade.sizing import resolve


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to run the passes with a buffer."""

    how: str
    """``"hold"``, ``"spill elements"``, ``"spill"`` or ``"recompute"``."""
    rows: int
    """Fibers in a block."""
    blocks: int
    """Times that each shared tensor streams by in a pass."""
    words_per_row: int
    """Buffer words that one fiber takes."""
    inputs: Mapping[str, int]
    """Words read, by input."""
    outputs: int
    """Words of results written."""
    spilled: int
    """Words written and read again between passes."""

    @property
    def words(self) -> int:
        """All words moved."""
        return sum(self.inputs.values()) + self.outputs + self.spilled


@dataclass(frozen=True, slots=True)
class Traffic:
    """Plans for one buffer, the one with the least traffic first, and what none can avoid."""

    plans: tuple[Plan, ...]
    compulsory: int
    """Words of inputs and outputs, each moved once."""

    @property
    def best(self) -> Plan:
        """The plan with the fewest words."""
        return self.plans[0]


@dataclass(frozen=True, slots=True)
class _Problem:
    """A cascade along one rank, in numbers."""

    cascade: Cascade
    rank: str
    foot: Footprint
    sizes: Mapping[str, int]
    streams: tuple[Access, ...]
    """Accesses of inputs that have the rank, one per input."""
    shared: tuple[Access, ...]
    """Those of them that several rows use."""
    rows: int
    """Rows that share the same stream."""
    tile: int
    """Words of one tile of every shared stream."""
    base: int
    """Words per row that every plan holds: states, accumulators, inputs of the row."""


def traffic(cascade: Cascade, rank: str, sizes: Mapping[str, int], buffer_words: int) -> Traffic:
    """The words that a buffer of this size leaves to be moved, by plan.

    Parameters
    ----------
    cascade, rank
        The cascade, and the rank that its passes go over.
    sizes
        Sizes that the cascade does not say itself.
    buffer_words
        Words that the buffer holds.

    Raises
    ------
    BadCascade
        A size that is not known.
    DoesNotFit
        The buffer does not hold one row and one tile, whatever the plan.
    """
    problem = _problem(cascade, rank, resolve(cascade, sizes))
    foot = problem.foot
    live = foot.live
    own = {access.tensor for access in problem.streams} - {access.tensor for access in problem.shared}
    held = tuple(one for one in live if not one.given or one.tensor in own)
    elements = tuple(one for one in held if one.by_element)
    plans = [_plan("hold", problem, buffer_words, keep=held)]
    if live:
        rest = tuple(one for one in held if not one.by_element)
        plans.append(_plan("spill elements", problem, buffer_words, keep=rest, spill=elements))
        plans.append(_plan("spill", problem, buffer_words, spill=held))
        plans.append(_plan("recompute", problem, buffer_words, recompute=True))
    fitting = [plan for plan in plans if plan.rows]
    if not fitting:
        need = {"tiles of what all rows share": problem.tile, "one row": min(plan.words_per_row for plan in plans)}
        raise DoesNotFit(
            f"no row of {cascade.name} fits the buffer",
            need=sum(need.values()),
            have=buffer_words,
            terms=need,
            unit="words",
            where=f"rank {rank}",
        )
    compulsory = sum(_size(problem, access.tensor) for access in cascade.inputs) + _outputs(problem)
    return Traffic(tuple(sorted(fitting, key=lambda plan: plan.words)), compulsory)


def _plan(
    how: str,
    problem: _Problem,
    buffer_words: int,
    *,
    keep: tuple[Live, ...] = (),
    spill: tuple[Live, ...] = (),
    recompute: bool = False,
) -> Plan:
    count = problem.foot.passes.count
    words = {one.tensor: per_fiber(problem.cascade, one.tensor, problem.foot.fiber).at(problem.sizes) for one in keep}
    between = (sum(words[one.tensor] for one in keep if one.made <= k < max(one.read)) for k in range(1, count))
    per_row = problem.base + max(between, default=0)
    rows = min(problem.rows, max(0, buffer_words - problem.tile) // max(per_row, 1))
    blocks = ceil_div(problem.rows, rows) if rows else 0
    kept = {one.tensor for one in keep}
    inputs: dict[str, int] = {access.tensor: _size(problem, access.tensor) for access in problem.cascade.inputs}
    shared = {access.tensor for access in problem.shared}
    for access in problem.streams:
        times = 1 if access.tensor in kept else len(_passes_that_read(problem, access.tensor, recompute))
        inputs[access.tensor] *= times * (blocks if access.tensor in shared else 1)
    spilled = sum(one.words.at(problem.sizes) * (1 + len(one.read)) for one in spill if not one.given)
    return Plan(how, rows, blocks, per_row, inputs, _outputs(problem), spilled)


def _passes_that_read(problem: _Problem, tensor: str, recompute: bool) -> set[int]:
    """Passes that read tiles of an input; where all else is recomputed, also those that need what comes from it."""
    level = problem.foot.passes.level
    by_name = {einsum.name: einsum for einsum in problem.cascade.expanded}
    found: set[int] = set()
    for name, number in level.items():
        reach, seen = [name], {name}
        while reach:
            for access in by_name[reach.pop()].reads:
                if not by_tile(problem.cascade, access, problem.rank) or access.tensor in seen:
                    continue
                seen.add(access.tensor)
                if recompute and access.tensor in by_name:
                    reach.append(access.tensor)
        if tensor in seen:
            found.add(number)
    return found


def _problem(cascade: Cascade, rank: str, sizes: Mapping[str, int]) -> _Problem:
    foot = footprint(cascade, rank)
    given = {access.tensor for access in cascade.inputs}
    uses = tuple(dict.fromkeys(a for einsum in cascade.expanded for a in einsum.reads if a.tensor in given))
    streams = tuple({access.tensor: access for access in uses if by_tile(cascade, access, rank)}.values())
    family = set(cascade.leaves(rank))
    shared = tuple(a for a in streams if set(foot.fiber) - _owned(cascade, a))
    outer = set(foot.fiber).intersection(*({leaf for r in a.ranks for leaf in cascade.leaves(r)} for a in shared))
    # Query heads of one group use the same keys: they are rows of one stream.
    groups = {i.rank: i.over for a in shared for i in a.indices if i.over != 1 and i.rank in outer}
    group = prod(min(_number(over, sizes), sizes[r.upper()]) for r, over in groups.items())
    rows = cascade.points(r for r in foot.fiber if r not in outer).at(sizes) * group if shared else 1
    inner = cascade.leaves(rank)[1:][-1:]

    def tile_words(access: Access) -> int:
        ranks = {r for r in cascade.tile_ranks(access) if r not in family and r not in foot.fiber}
        return cascade.points([*ranks, *inner]).at(sizes)

    alone = [a for a in uses if not by_tile(cascade, a, rank) and set(cascade.tile_ranks(a)) & set(foot.fiber)]
    of_row = (cascade.points(r for r in cascade.tile_ranks(a) if r not in foot.fiber) for a in alone)
    base = foot.carried_per_row.at(sizes) + sum(words.at(sizes) for words in of_row)
    base += sum(tile_words(access) for access in streams if access not in shared)
    tile = sum(tile_words(access) for access in shared)
    return _Problem(cascade, rank, foot, sizes, streams, shared, rows, tile, base)


def _owned(cascade: Cascade, access: Access) -> set[str]:
    """Ranks that an input has an element for each of."""
    return {leaf for i in access.indices if i.over == 1 for leaf in cascade.leaves(i.rank)}


def _number(over: int | str, sizes: Mapping[str, int]) -> int:
    return sizes[over] if isinstance(over, str) else over


def _size(problem: _Problem, tensor: str) -> int:
    return problem.cascade.words(tensor).at(problem.sizes)


def _outputs(problem: _Problem) -> int:
    return sum(_size(problem, name) for name in problem.cascade.outputs)
