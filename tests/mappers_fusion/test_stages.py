"""Does what stays on chip from stage to stage move what a walk sees, and no less than the bound?"""

from __future__ import annotations

from itertools import product
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import DoesNotFit
from archsim.core.quantities import Bytes
from archsim.ir.graph import Graph
from archsim.mappers.fusion import Chain, chain_of, fuse, fuse_chain
from archsim.mappers.fusion.chain import Node, Version
from archsim.mappers.fusion.floor import bound, stage_floor
from archsim.mappers.fusion.path import Stage, shortest
from archsim.mappers.fusion.solve import LONGEST
from archsim.mappers.fusion.tiled import _tiling, floor_bits
from archsim.mappers.tiling import Gemm, Hierarchy, Level
from archsim.mappers.tiling.batch import ORDERS
from archsim.mappers.tiling.solve import bounds
from archsim.mappers.tiling.traffic import loads, moved_bits
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer
from tests.mappers_fusion.test_fusion import attention, brute, buffer, part

ENOUGH = 1 << 34


@st.composite
def layers(draw: st.DrawFn) -> Graph:
    """Small layers: decoders of both kinds in both phases, and encoders, which do not keep their keys."""
    gated, encoder = draw(st.booleans()), draw(st.booleans())
    shape = ModelShape(
        name="tiny", layers=2, d_model=16, heads=4, kv_heads=draw(st.sampled_from([1, 2, 4])), d_ff=24, gated=gated,
        activation="silu", max_positions=64, vocab=50, position=draw(st.sampled_from(["learned", "rope"])),
        family="encoder" if encoder else "decoder", post_norm=draw(st.booleans()),
    )  # fmt: skip
    count, batch = draw(st.integers(1, 12)), draw(st.integers(1, 2))
    if encoder or draw(st.booleans()):
        return Transformer(model=shape, phase="prefill", prompt=count, batch=batch).expand()
    return Transformer(model=shape, phase="decode", context=3 * count, batch=batch).expand()


rooms = st.integers(100, 30_000)


class Walk:
    """What passes between memory and chip, op by op; every tensor is looked for where it should be."""

    def __init__(self, chain: Chain) -> None:
        self.chain, self.moved = chain, 0
        self.sizes = {
            v: n.copies * n.rows * bits for n in chain.nodes for v, bits in (*n.reads.items(), *n.writes.items())
        }
        self.made = {v for node in chain.nodes for v in node.writes}
        self.memory = {v for node in chain.nodes for v in (*node.reads, *node.stored)} - self.made
        self.chip: frozenset[Version] = frozenset()

    def needed(self, v: Version, place: int) -> bool:
        return v in self.chain.leaving or any(v in n.reads or v in n.stored for n in self.chain.nodes[place:])

    def run(self, stage: Stage, room: int) -> None:
        cut, nodes = stage.cut, self.chain.nodes[stage.cut.start : stage.cut.stop]
        assert cut.before == self.chip
        assert sum(self.sizes[v] for v in cut.before | cut.after) <= stage.way.need_bits <= room
        made = {v for node in nodes for v in node.writes}
        read = {v for node in nodes for v in node.reads} - made
        assert cut.after <= self.chip | made | (read & self.memory)
        assert read <= self.chip | self.memory
        seen = sum(self.sizes[v] for v in read - self.chip)
        rows, turns = min(node.rows for node in nodes), 1
        if stage.way.block and "stay" not in stage.way.note:
            turns = -(-rows // stage.way.block)
        for v, node in {v: each for each in nodes for v in each.stored}.items():
            assert v not in made
            assert v in self.chip | self.memory
            seen += turns * (node.copies * node.stored[v] - (self.sizes[v] if v in self.chip else 0))
        written = {v for v in made if self.needed(v, cut.stop) and (v in self.chain.leaving or v not in cut.after)}
        written |= {v for v in self.chip - cut.after - self.memory if self.needed(v, cut.stop)}
        seen += sum(self.sizes[v] for v in written)
        self.memory |= written
        self.chip = cut.after
        if stage.way.kind.startswith("by "):
            assert stage.moved == -(-seen // 8)
        else:  # tiles and norms of long rows come to some of it more than once
            assert stage.moved >= seen // 8
        self.moved += stage.moved


@settings(max_examples=40, deadline=None)
@given(layers(), rooms)
def test_a_walk_finds_every_tensor_and_sees_the_same_bytes(graph: Graph, capacity: int) -> None:
    chain = chain_of(graph)
    try:
        found = fuse_chain(chain, buffer(capacity))
    except DoesNotFit:
        return
    walk = Walk(chain)
    stages = shortest(chain, 8 * capacity, LONGEST)
    for stage in stages:
        walk.run(stage, 8 * capacity)
    assert walk.moved == found.moved
    assert not walk.chip
    assert chain.leaving <= walk.memory
    names = [tuple(node.name for node in stage.cut.nodes) for stage in stages]
    assert [stage for group in found.groups for stage in group.stages] == names
    starts = {group.stages[0] for group in found.groups}
    assert all((name in starts) == (not stage.cut.before) for name, stage in zip(names, stages, strict=True))


@settings(max_examples=25, deadline=None)
@given(layers(), st.integers(0, 9), st.integers(2, 5), rooms)
def test_the_search_is_the_best_of_all_and_the_bound_is_not_above(
    graph: Graph, first: int, length: int, capacity: int
) -> None:
    whole = chain_of(graph)
    chain = part(whole, first, min(len(whole.nodes), first + length))
    try:
        found = fuse_chain(chain, buffer(capacity))
    except DoesNotFit:
        return
    assert found.proved
    assert found.bound <= found.moved == brute(chain, 8 * capacity)


@settings(max_examples=25, deadline=None)
@given(layers(), rooms, rooms)
def test_more_room_raises_neither_the_bytes_nor_the_bound(graph: Graph, one: int, other: int) -> None:
    small_room, large_room = sorted((one, other))
    try:
        less = fuse(graph, buffer(small_room))
    except DoesNotFit:
        return
    more = fuse(graph, buffer(large_room))
    assert bound(chain_of(graph)) <= more.bound <= less.bound <= less.moved
    assert more.bound <= more.moved <= less.moved


@settings(max_examples=25, deadline=None)
@given(layers(), rooms)
def test_no_stage_is_below_its_floor(graph: Graph, capacity: int) -> None:
    chain = chain_of(graph)
    try:
        fuse_chain(chain, buffer(capacity))
    except DoesNotFit:
        return
    for stage in shortest(chain, 8 * capacity, LONGEST):
        floor = stage_floor(chain, stage.cut.start, stage.cut.stop, 8 * capacity)
        assert floor is not None
        assert floor <= stage.way.moved_bits


@settings(max_examples=25, deadline=None)
@given(layers())
def test_where_a_layer_fits_only_what_is_compulsory_passes(graph: Graph) -> None:
    """Weights, earlier keys and new ones as the graph counts them, and the residual stream in and out."""
    found = fuse(graph, buffer(ENOUGH))
    ops = [op for group in found.groups for op in group.ops]
    stream = next(tensor for name, tensor in graph.tensors.items() if name.endswith(".x"))
    once = sum(graph.op_bytes(op) for op in ops) // found.turns
    assert found.moved == found.bound == once + 2 * stream.nbytes({})
    assert found.proved


@pytest.mark.parametrize(("model", "capacity"), [("gpt2-small", 16 << 20), ("llama-2-7b", 1 << 30)])
def test_a_group_goes_from_the_products_through_the_cache_to_attention(model: str, capacity: int) -> None:
    found = fuse(Transformer(model=model, phase="prefill", prompt=1000).expand(), buffer(capacity))
    (group,) = found.groups
    assert {"k_cache", "v_cache"} <= set(group.kept)
    assert len(group.stages) > 1
    assert all(not {"prefill.kv_append", "prefill.scores"} <= set(stage) for stage in group.stages)
    assert found.moved == found.bound


def test_keys_that_do_not_fit_are_written_and_read() -> None:
    """All of them stay, or all go out and come back: with one byte less than they take they cannot stay."""
    t, d = 4096, 64
    k, q, s = ("k", 0), ("q", -1), ("s", 1)
    append = Node("append", "kv_append", 1, t, {("new", -1): 8 * d}, {}, {k: 8 * d}, (t, d, d))
    scores = Node("scores", "attention_scores", 1, 16, {q: 8 * d}, {k: 8 * t * d}, {s: 8 * t}, (16, t, d))
    chain = Chain("keys", (append, scores), frozenset({s}), 1)
    once = t * d + 16 * d + 16 * t
    found = {capacity: fuse_chain(chain, buffer(capacity)) for capacity in (t * d - 1, 2 * t * d)}
    assert [fusion.moved for fusion in found.values()] == [once + 2 * t * d, once]
    assert [fusion.bound for fusion in found.values()] == [once + 2 * t * d, once]
    assert [len(fusion.groups) for fusion in found.values()] == [2, 1]


def test_in_a_small_buffer_the_bound_is_that_on_io_of_products() -> None:
    """Per multiply-accumulate 2 sqrt(u v w / room) bits, with sums w in place and inputs and weights passing."""
    graph = Transformer(model="llama-2-7b", phase="prefill", prompt=512).expand()
    chain, capacity = chain_of(graph), 64 << 10
    found = fuse_chain(chain, buffer(capacity))
    products = sum(
        node.copies * node.size[0] * node.size[1] * node.size[2]
        for node in chain.nodes
        if not node.name.endswith(("scores", "values")) and node.is_product
    )
    least = products * 2 * sqrt(16 * 16 * 32 / (8 * capacity)) / 8
    assert least < found.bound < 1.2 * least
    assert found.gap < 0.01


def test_an_answer_that_left_something_out_is_proved_only_at_the_bound() -> None:
    """Single rows of a chain longer than the longest stage have to be put down in between, if there is no room."""

    def chain(count: int) -> Chain:
        nodes = [
            Node(f"o{at}", "relu", 1, 64, {("t", at - 1): 800}, {}, {("t", at): 800}, (64, 100, 100))
            for at in range(count)
        ]
        return Chain("long", tuple(nodes), frozenset({("t", count - 1)}), 1)

    room = buffer(1000)
    assert fuse_chain(chain(LONGEST), room).proved
    long = fuse_chain(chain(LONGEST + 1), room)
    assert long.moved == 2 * long.bound
    assert not long.proved
    assert fuse_chain(chain(LONGEST + 1), buffer(ENOUGH)).proved


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.integers(1, 45)] * 3), st.sampled_from([(8, 8, 8), (16, 8, 16), (16, 16, 32)]), st.integers(40, 6000)
)
def test_the_tiling_that_is_taken_moves_least_of_all(
    extents: tuple[int, int, int], widths: tuple[int, int, int], capacity: int
) -> None:
    """Also where dims are too long for the search to try all sizes: only how many tiles there are decides."""
    inputs, weights, outputs = widths
    gemm = Gemm(*extents, inputs, weights, 32, outputs)
    found = []
    for m, n, k in product(*(sorted({-(-size // parts) for parts in range(1, size + 1)}) for size in extents)):
        if m * n * 32 + m * k * inputs + n * k * weights <= 8 * capacity:
            for order in ORDERS:
                brought = [loads(extents, [(m, n, k)], [order], operand) for operand in range(3)]
                found.append(sum(-(-bits // 8) for bits in moved_bits(gemm, *brought, adds=False)))
    taken = _tiling(gemm, capacity)
    assert taken is not None
    assert taken[0] == 8 * min(found)
    floor = floor_bits(gemm, 8 * capacity)
    assert floor is not None
    assert -(-floor // 8) in (min(found), min(found) - 1)  # what goes down and what comes up are whole bytes each
    hierarchy = Hierarchy(
        levels=(Level(name="memory"), Level(name="buffer", capacity=Bytes(capacity), double_buffered=False))
    )
    assert floor >= 8 * bounds(gemm, hierarchy)[0][0]


def test_attention_alone_has_no_more_to_gain() -> None:
    found = fuse_chain(attention(300, 600, 64), buffer(ENOUGH))
    assert found.moved == found.bound == 2 * 300 * 64 + 2 * 600 * 64
