"""The 1-pass cascade as a program: one task for every einsum of a tile, woven so that ripples are hidden.

Blocks of queries stay in the buffer while the keys pass in rows. Rows, or groups of a row's tiles, are woven (`weave`).
Nothing drains where a block or a head ends: the next one's keys, queries and scores come while the last results are
completed, divided and stored, within the room that the plan has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from archsim.ir.affine import Affine
from archsim.ir.mapping import After, Loop, Node, Task
from archsim.mappers.spatial.cell import Cells
from archsim.mappers.spatial.emit import looped
from archsim.mappers.spatial.emitted import NOTHING, Emitted, Late, State
from archsim.mappers.spatial.keys import Rows, Unit
from archsim.mappers.spatial.limits import limits
from archsim.mappers.spatial.results import Finished, Results
from archsim.mappers.spatial.room import Room, room
from archsim.mappers.spatial.rows import KeyRow, key_rows
from archsim.mappers.spatial.tiles import Run, Spot, Tile, Tiles, packed_tiles, runs
from archsim.mappers.spatial.turns import Turns
from archsim.mappers.spatial.unit import UnitTasks
from archsim.mappers.spatial.waits import waits, with_waits
from archsim.mappers.spatial.weave import Slots, Together, busier, interleaved, part_times, together
from archsim.units.spatial.problem import Problem

CLOSED = 3
"""Kinds of blocks from which on those of a KV head are a program of their own, which drains at its end."""
ROWS = 16
"""Rows of keys at most that are loaded ahead."""
FAR, SLOW = 8, 0.8
DRAIN, LITTLE = 8, 0.002
"""Ripples and tiles that filling and draining take, about; and the part of the time that they may be."""
Tree = Tiles | tuple[str, int, int, "Tree"] | list["Tree"]
"""A block; (dim, step, count, what is repeated); or one after the other."""


@dataclass
class OnePass:
    """One attention with a 1-pass dataflow."""

    cells: Cells
    problem: Problem
    """With the most keys that a loop makes of it."""
    keys: Affine
    """Keys of a sequence."""
    least: int
    """The fewest keys that a loop makes of it."""
    resident: int
    """Tiles of queries that stay in the buffer while the keys pass."""
    depth: int | None
    """Tiles of scores in flight; None is as many as hide every ripple."""
    before: tuple[After, ...]
    """What queries, keys and values wait for."""
    turns: Turns[Emitted] = field(default_factory=Turns)
    _labels: int = 0

    @cached_property
    def blocks(self) -> tuple[Tiles, ...]:
        """The queries of one KV head."""
        return packed_tiles(self.problem, self.cells.emit.arrays.cols, self.resident)

    @cached_property
    def room(self) -> Room:
        """What the buffer has room for."""
        a, p = self.cells.emit.arrays, self.problem
        columns = max(sum(tile.columns for tile in block) for block in self.blocks)
        rows = min(ROWS, len(self.key_rows))
        return room(a, columns, p.head, self.cells.binding.held(a, p.head), min(a.rows, p.keys), rows)

    @property
    def slots(self) -> Slots:
        """Rows of keys and values in the buffer."""
        return Slots(self.room.keys, self.room.values)

    @property
    def far(self) -> int:
        """How far back in a loop over tiles loads look for what they replace.

        Where the next block's queries take as long as a row of keys is worked on, its keys must not come behind them.
        """
        a, p = self.cells.emit.arrays, self.problem
        tile = a.cols * p.head * a.word_bytes * a.clock
        return FAR if tile > SLOW * busier(part_times(self.cells.binding, a, p.head)) * a.bandwidth else 0

    @cached_property
    def key_rows(self) -> tuple[KeyRow, ...]:
        """The keys in rows of the array."""
        return key_rows(self.cells.emit.arrays.rows, self.least, self.problem.keys, self.keys)

    @cached_property
    def rows(self) -> Rows:
        """Cuts blocks into units."""
        a = self.cells.emit.arrays
        return Rows(self.problem, a.rows, a.cols, self._together)

    def _together(self, tiles: int, rows: int) -> Together:
        binding, a = self.cells.binding, self.cells.emit.arrays
        if not interleaved(binding):
            return Together(1, 1)
        return together(part_times(binding, a, self.problem.head), self.slots, tiles, rows, self.depth)

    def cut(self, tiles: Tiles) -> tuple[Unit, ...]:
        """A block's units."""
        if tiles not in self._cuts:
            self._cuts[tiles] = self.rows.units(tiles, self.key_rows)
        return self._cuts[tiles]

    @cached_property
    def _cuts(self) -> dict[Tiles, tuple[Unit, ...]]:
        return {}

    @cached_property
    def unit(self) -> UnitTasks:
        """Makes the tasks of units."""
        return UnitTasks(self.cells, self.problem, self.before, self.depth, self.slots, self.label)

    @cached_property
    def results(self) -> Results:
        """Makes the tasks of finished blocks."""
        return Results(self.cells, self.problem)

    def body(self) -> tuple[Node, ...]:
        """The whole attention: sequences, KV heads, blocks of queries."""
        p = self.problem
        found = list(runs(self.blocks, along=() if p.causal else ("q", "h")))
        loops = [(dim, 1, count) for dim, count in (("b", p.batch), ("kv", p.kv_heads)) if count > 1]
        tree: Tree = [_tree(run) for run in found]
        if len(found) == 1:
            loops, tree = [*loops, *reversed(found[0].loops)], found[0].tiles
        drained = len(loops) if len(found) > CLOSED else self._drained(loops, len(found) == 1)
        spot = Spot(p)
        for dim, step, _ in loops[:drained]:
            spot = spot.moved(dim, _var(dim), step)
        for dim, step, count in reversed(loops[drained:]):
            tree = (dim, step, count, tree)
        nodes = self._closed(tree, spot)
        for dim, _, count in reversed(loops[:drained]):
            nodes = (Loop(_var(dim), count, nodes),)
            self.turns.loop(0)
        found_waits = waits(self.turns, self.room, self.far)
        return tuple(with_waits(node, found_waits) for node in nodes)

    def notes(self) -> tuple[str, ...]:
        """Why it takes longer than its steady state, where that is more than a little."""
        binding, a, p = self.cells.binding, self.cells.emit.arrays, self.problem
        tiles, rows = max(len(block) for block in self.blocks), len(self.cut(self.blocks[-1])[0].rows)
        scores = p.instances * sum(len(block) for block in self.blocks) * len(self.key_rows)
        times = part_times(binding, a, p.head)
        return tuple(limits(binding, a, p, times, self.room, (tiles, rows, scores)))

    def _drained(self, loops: Sequence[tuple[str, int, int]], alone: bool) -> int:
        """How many loops, from outside, may drain in every iteration: those around what takes far longer than that."""
        a, p = self.cells.emit.arrays, self.problem
        times = part_times(self.cells.binding, a, p.head)
        tiles = len(self.blocks[0]) if alone else sum(len(block) for block in self.blocks)
        inside = tiles * len(self.key_rows) * busier(times)
        drain = tiles * times.load * a.cols // a.rows + DRAIN * times.ripple + DRAIN * busier(times)
        for index in range(len(loops), 0, -1):
            if drain <= LITTLE * inside:
                return index
            inside *= loops[index - 1][2]
        return 0

    def label(self) -> str:
        """A new name."""
        self._labels += 1
        return str(self._labels)

    def _closed(self, tree: Tree, spot: Spot) -> tuple[Node, ...]:
        """Blocks, the first of which finds nothing before it, and the results of the last one."""
        nodes, state = self._emit(tree, spot, NOTHING)
        label = self.label()
        assert state.block is not None, "an attention without queries"
        results = self.results.of(state.block, label, last=True)
        late = self.unit.late(state.late, label, self.turns.parts[-1], results)
        self.turns.add(late.emitted)
        return late.nodes if not nodes else (*nodes, *late.nodes)

    def _emit(self, tree: Tree, spot: Spot, state: State) -> tuple[tuple[Node, ...], State]:
        """The program of a tree, and the state that it leaves."""
        if isinstance(tree, list):
            nodes: tuple[Node, ...] = ()
            for part in tree:
                more, state = self._emit(part, spot, state)
                nodes += more
            return nodes, state
        if isinstance(tree[0], Tile):
            return self._block(tree, spot, state)
        dim, step, count, inner = tree
        nodes, index = (), 0
        while index < count and (state != self._ending(inner) or count - index == 1):
            more, state = self._emit(inner, spot.shifted(dim, step * index), state)
            nodes, index = nodes + more, index + 1
        if index < count:
            first = len(self.turns.parts)
            body, after = self._emit(inner, spot.moved(dim, _var(dim), step).shifted(dim, step * index), state)
            assert after == state, "a loop's iterations differ"
            self.turns.loop(first)
            nodes = (*nodes, Loop(_var(dim), count - index, body))
        return nodes, state

    def _ending(self, tree: Tree) -> State:
        """The state that a tree leaves."""
        if isinstance(tree, list):
            return self._ending(tree[-1])
        if isinstance(tree[0], Tile):
            return State(self.unit.leaves(self.cut(tree)[-1]), self.results.shape(tree))
        return self._ending(tree[3])

    def _block(self, tiles: Tiles, spot: Spot, state: State) -> tuple[tuple[Node, ...], State]:
        """All keys that a block of queries needs; the results of the block before leave meanwhile."""
        units = self.cut(tiles)
        nodes: tuple[Node, ...] = ()
        label = self.label()
        old = self.results.of(state.block, label) if state.block is not None else Finished((), ())
        load: Task | None = self.unit.queries(f"{self.cells.trio.scores.name}.Q-{label}", tiles)
        for index, unit in enumerate(units):
            done = 0
            while done < unit.count:
                rest = unit.apart(done, unit.count - done)
                if rest.count > 1 and (old.nodes or state.late != self.unit.needs(rest)):
                    rest = unit.apart(done, 1)
                # Results of the block before leave behind the first keys, or those that come after their division.
                more = index < len(units) - 1 or done + rest.count < unit.count
                wait = bool(old.divisions) and more and bool(self.unit.leaves(rest))
                stores = () if wait else old.stores
                late = self.unit.carried(rest) or state.late
                part = self._unit(rest, spot, late, load, old.divisions, stores)
                nodes, done, load = (*nodes, *part), done + rest.count, None
                old = Finished((), old.stores if wait else ())
                state = State(self.unit.leaves(rest), None)
        return nodes, State(state.late, self.results.shape(tiles))

    def _unit(
        self,
        unit: Unit,
        spot: Spot,
        late: Late,
        load: Task | None,
        divided: tuple[Task, ...],
        stored: tuple[Task, ...],
    ) -> tuple[Node, ...]:
        """A unit in its loop; see `UnitTasks.emit`."""
        looping = unit.count > 1
        ahead: tuple[Node, ...] = (load,) if load is not None and looping else ()
        spot = spot.moved("t", "m1", unit.step) if looping else spot
        first = len(self.turns.parts)
        made = self.unit.emit(unit, spot, late, load, bool(ahead), divided, stored)
        self.turns.add(made.emitted)
        if looping:
            self.turns.loop(first)
        return (*ahead, *looped("m1", unit.count, made.nodes))


def _tree(run: Run) -> Tree:
    tree: Tree = run.tiles
    for dim, step, count in run.loops:
        tree = (dim, step, count, tree)
    return tree


def _var(dim: str) -> str:
    """The loop variable that moves a dim from block to block."""
    return dim if dim in ("b", "kv") else f"p2{dim}"
