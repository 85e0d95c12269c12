"""Is the cut the best of all cuts, and does each group move what its dataflow is known to move?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import DoesNotFit, UnknownName
from archsim.core.quantities import Bytes
from archsim.ir.graph import Graph
from archsim.mappers.fusion import Chain, Fusion, chain_of, fuse, fuse_chain
from archsim.mappers.fusion.chain import Node, Version
from archsim.mappers.fusion.cut import Cut
from archsim.mappers.fusion.floor import bound
from archsim.mappers.fusion.group import least, ways
from archsim.mappers.tiling import Level
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer

MODELS = ("gpt2-small", "llama-2-7b", "llama-3-8b", "bert-base")


def buffer(capacity: int) -> Level:
    return Level(name="buffer", capacity=Bytes(capacity), double_buffered=False)


def small(gated: bool, prompt: int, kv_heads: int = 2) -> Graph:
    shape = ModelShape(
        name="tiny", layers=2, d_model=32, heads=4, kv_heads=kv_heads, d_ff=48, gated=gated,
        activation="silu", max_positions=64, vocab=50,
    )  # fmt: skip
    return Transformer(model=shape, phase="prefill", prompt=prompt).expand()


def part(chain: Chain, first: int, stop: int) -> Chain:
    """A few ops of a chain as a chain: what later ops read leaves it."""
    leaving = frozenset(Cut(chain, first, stop).leaving)
    return Chain(chain.name, chain.nodes[first:stop], leaving, 1)


def brute(chain: Chain, room: int) -> int | None:
    """Every way to cut the chain, with every set of tensors that is on chip at each place, one by one."""
    count = len(chain.nodes)
    made = {v: at for at, node in enumerate(chain.nodes) for v in node.writes}
    used = {v: at for at, node in enumerate(chain.nodes) for v in (*node.reads, *(v for v in node.stored if v in made))}

    def size(v: Version) -> int:
        node = chain.nodes[made[v]]
        return node.copies * node.rows * node.writes[v]

    @cache
    def rest(start: int, before: frozenset[Version]) -> int | None:
        if start == count:
            return 0
        found = []
        for stop in range(start + 1, count + 1):
            for after in sets(start, stop, before):
                way, tail = least(Cut(chain, start, stop, before, after), room), rest(stop, after)
                if way is not None and tail is not None:
                    gone = {v for v in before - after if used[v] >= stop and v in made and v not in chain.leaving}
                    found.append(-(-(way.moved_bits + sum(map(size, gone))) // 8) + tail)
        return min(found, default=None)

    def sets(start: int, stop: int, before: frozenset[Version]) -> Iterator[frozenset[Version]]:
        read = {v for node in chain.nodes[start:stop] for v in node.reads}
        fresh = {v for v in made if start <= made[v] < stop} | {v for v in read if v not in made or v in chain.leaving}
        names = [v for v in fresh | before if used.get(v, -1) >= stop]
        for chosen in product((False, True), repeat=len(names)):
            yield frozenset(v for v, stays in zip(names, chosen, strict=True) if stays)

    return rest(0, frozenset())


@settings(max_examples=30, deadline=None)
@given(st.booleans(), st.integers(1, 12), st.integers(0, 7), st.integers(2, 8), st.integers(200, 20_000))
def test_the_cut_is_the_best_of_all_cuts(gated: bool, prompt: int, first: int, length: int, capacity: int) -> None:
    whole = chain_of(small(gated, prompt))
    chain = part(whole, first, min(len(whole.nodes), first + length))
    try:
        found = fuse_chain(chain, buffer(capacity))
    except DoesNotFit:
        assert brute(chain, 8 * capacity) is None or any(
            least(Cut(chain, at, at + 1), 8 * capacity) is None for at in range(len(chain.nodes))
        )
        return
    assert found.moved == brute(chain, 8 * capacity)
    assert found.bound <= found.moved <= found.unfused
    assert sum(group.moved for group in found.groups) == found.moved
    assert [op for group in found.groups for op in group.ops] == [node.name for node in chain.nodes]
    assert all(group.need <= capacity for group in found.groups)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_more_room_moves_less_down_to_what_nothing_avoids(model: str, phase: str) -> None:
    if model == "bert-base" and phase == "decode":
        return
    graph = Transformer(model=model, phase=phase).expand()
    found = [fuse(graph, buffer(1 << power)) for power in range(16, 33, 4)]
    for less, more in pairwise(found):
        assert more.moved <= less.moved
        assert more.bound <= less.bound
        assert more.bound <= more.moved
    assert found[-1].gap == 0  # where a layer fits, only what it finds and leaves passes


def attention(q: int, t: int, d: int, heads: int = 1) -> Chain:
    """Scores, softmax and values of `heads` heads, 8 bits each."""
    s, p, o = ("s", 0), ("p", 1), ("o", 2)
    nodes = (
        Node("scores", "attention_scores", heads, q, {("q", -1): 8 * d}, {("k", -1): 8 * t * d}, {s: 8 * t}, (q, t, d)),
        Node("softmax", "softmax", 1, heads * q, {s: 8 * t}, {}, {p: 8 * t}, (heads * q, t, t)),
        Node("values", "attention_values", heads, q, {p: 8 * t}, {("v", -1): 8 * t * d}, {o: 8 * d}, (q, d, t)),
    )
    return Chain("attention", nodes, frozenset({o}), 1)


@given(st.integers(1, 300), st.integers(16, 600), st.sampled_from([8, 32, 64]), st.integers(1, 4), st.integers(9, 16))
def test_fused_attention_reads_keys_once_per_block_of_queries(q: int, t: int, d: int, heads: int, power: int) -> None:
    """A walk through the blocks: queries in, keys and values past them, results out."""
    chain, room = attention(q, t, d, heads), 8 << power
    for way in ways(Cut(chain, 0, 3), room):
        if way.need_bits > room:
            continue
        moved, at = 0, 0
        stays = "stay" in way.note
        while at < q:
            rows = min(way.block, q - at)
            moved += 8 * rows * 2 * d + (8 * 2 * t * d if at == 0 or not stays else 0)
            at += rows
        assert way.moved_bits == heads * moved
        per_row = 8 * (d + t) if way.kind == "by rows" else 8 * d
        assert way.need_bits >= way.block * per_row


def test_online_softmax_is_taken_where_rows_of_scores_do_not_fit() -> None:
    long = fuse_chain(attention(2048, 1 << 17, 64), buffer(1 << 16))
    assert [group.kind for group in long.groups] == ["attention, online softmax"]
    assert long.moved < long.unfused / 4


def test_a_gated_feed_forward_runs_by_chunks() -> None:
    graph = Transformer(model="llama-2-7b", phase="prefill", prompt=64).expand()
    whole = chain_of(graph)
    first = next(at for at, node in enumerate(whole.nodes) if node.name.endswith("norm2"))
    (group,) = fuse_chain(part(whole, first, len(whole.nodes)), buffer(4 << 20)).groups
    assert group.kind == "feed-forward by chunks"
    assert {op.rpartition(".")[2] for op in group.ops} >= {"ffn_up", "ffn_gate", "act", "gate", "ffn_down"}
    hidden = 64 * 11008 * 2
    assert group.need < hidden + 64 * 4096 * 6  # the hidden layer never is there as a whole
    assert group.saved >= 6 * hidden


def test_a_norm_and_a_sum_join_their_products() -> None:
    graph = Transformer(model="gpt2-small", phase="prefill", prompt=512).expand()
    said = " ".join(fuse(graph, buffer(1 << 20)).why)
    assert all(kind in said for kind in ("norm into product", ": into product", "attention, online softmax"))


def test_the_residual_is_read_again_where_a_later_group_needs_it() -> None:
    """A tensor that leaves a group is written even if the group reads it itself."""
    graph = small(False, 8)
    chain = chain_of(graph)
    names = [node.name for node in chain.nodes]
    at = names.index("prefill.add1")
    assert ("prefill.layer.mid", at) in Cut(chain, at, at + 2).leaving
    assert ("prefill.layer.mid", at) not in Cut(chain, at, len(names)).leaving


def test_keys_of_earlier_passes_are_compulsory() -> None:
    graph = Transformer(model="gpt2-small", phase="decode", context=511, generate=1).expand()
    chain = chain_of(graph)
    grown = chain_of(Transformer(model="gpt2-small", phase="decode", context=1023, generate=1).expand())
    assert bound(grown) - bound(chain) == 512 * 768 * 2 * 2


def test_the_last_turn_of_a_loop_is_taken_unless_told_otherwise() -> None:
    graph = Transformer(model="gpt2-small", phase="decode", context=10, generate=20).expand()
    last, first = (fuse(graph, buffer(1 << 18), env=env).bound for env in (None, {"token": 0}))
    assert last - first == 19 * 768 * 2 * 2


def test_the_record_has_every_op_once() -> None:
    found: Fusion = fuse(small(True, 4), buffer(1 << 14))
    record = found.record()
    assert sum(len(group["ops"]) for group in record["groups"]) == len(chain_of(small(True, 4)).nodes)
    assert record["turns"] == 2
    assert record["saved"] == record["unfused"] - record["moved"]
    assert found.objective == record["moved"]
    assert any("saves" in line and "attention" in line for line in found.why)


def test_too_little_room_and_unknown_names_are_explained() -> None:
    graph = small(False, 4)
    with pytest.raises(DoesNotFit, match="cannot run in the buffer") as caught:
        fuse(graph, buffer(4))
    assert caught.value.need == sum(caught.value.terms.values()) > caught.value.have == 32
    with pytest.raises(DoesNotFit, match="needs 64 bit, has 0 bit"):
        fuse(graph, buffer(0))
    unlimited = fuse(graph, Level(name="buffer"))
    assert unlimited.moved == fuse(graph, buffer(1 << 30)).moved
    with pytest.raises(UnknownName, match="unknown repeat 'lair', did you mean 'layer'"):
        fuse(graph, buffer(1 << 20), where="lair")
    with pytest.raises(UnknownName, match="loop variable"):
        fuse(graph, buffer(1 << 20), env={"step": 1})
