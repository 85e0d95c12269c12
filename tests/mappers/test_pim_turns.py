"""Where the scratchpad is small, heads and sequences take turns: the same is computed, and no mapping gets cheaper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.api.cases import load_workload
from archsim.api.designs import load_design
from archsim.core.errors import DoesNotFit
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping
from archsim.mappers.pim import PimMapper
from archsim.sim.machine import elaborate
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer
from tests.compliance import proofs
from tests.mappers.test_compliance import TINY, small_graph

KINDS = {"group", "share"}


@st.composite
def long_contexts(draw: st.DrawFn) -> Graph:
    """Narrow decoders whose scores take more room than what else they have."""
    kv = draw(st.integers(1, 4))
    position = draw(st.sampled_from(["none", "learned", "rope"]))
    shape = ModelShape.model_validate(
        {
            "name": "narrow",
            "layers": draw(st.integers(1, 2)),
            "d_model": draw(st.sampled_from([4, 6])),
            "heads": kv * draw(st.integers(1, 4)),
            "kv_heads": kv,
            "head_dim": draw(st.sampled_from([2, 4])),
            "d_ff": draw(st.sampled_from([3, 7])),
            "vocab": 5,
            "max_positions": 32,
            "position": position,
            "gated": draw(st.booleans()),
            "post_norm": draw(st.booleans()),
            "embed_norm": draw(st.booleans()),
            "qkv_bias": draw(st.booleans()),
        }
    )
    phase = draw(
        st.sampled_from(
            [
                {"phase": "decode", "context": 20},
                {"phase": "decode", "context": 13, "generate": 2},
                {"phase": "prefill", "prompt": 7},
                {"phase": "generate", "prompt": 5, "generate": 3},
            ]
        )
    )
    return Transformer.model_validate({"model": shape, "batch": draw(st.integers(1, 3)), **phase}).expand()


def height(mapping: Mapping) -> int:
    """Bytes of the scratchpad in use."""
    return max(place.start + place.size for place in mapping.placements if place.memory == "asic.sram")


def tighter(graph: Graph, mapper: PimMapper, **more: object) -> Iterator[tuple[Mapping, Design]]:
    """Mappings onto scratchpads of which each is a byte smaller than what the one before takes, until none fits."""
    design = load_design("pim-gpt", set={**TINY, **more})
    while (mapping := fitted(mapper, graph, design)) is not None:
        yield mapping, design
        design = load_design("pim-gpt", set={**TINY, **more, "asic.sram": f"{height(mapping) - 1} B"})
    with pytest.raises(DoesNotFit) as caught:
        mapper.map(graph, design)
    error = caught.value
    assert error.where == "asic.sram"
    assert error.need > error.have
    roomy = load_design("pim-gpt", set={**TINY, **more, "asic.sram": f"{error.need} B"})
    assert height(mapper.map(graph, roomy)) == error.need, "what would fit is said exactly"


def fitted(mapper: PimMapper, graph: Graph, design: Design) -> Mapping | None:
    """The mapping, if there is one."""
    try:
        return mapper.map(graph, design)
    except DoesNotFit:
        return None


def loops_of(mapping: Mapping) -> set[str]:
    """Variables of all loops."""
    return {loop.var for _, around in mapping.walk() for loop in around}


def test_every_scratchpad_computes_the_same_or_is_refused() -> None:
    seen: Counter[str] = Counter()

    @given(long_contexts(), st.integers(0, 3), st.booleans(), st.booleans(), st.integers(1, 3))
    @settings(deadline=None, derandomize=True, max_examples=20, suppress_health_check=list(HealthCheck))
    def check(graph: Graph, seed: int, hide: bool, ahead: bool, channels: int) -> None:
        mapper = PimMapper(vectors_ahead=ahead, hide_value_write=hide)
        before = 0.0
        for mapping, design in tighter(graph, mapper, **{"pim.channels": channels}):
            mapping.check(graph, design)
            proofs.covers_every_point_once(mapping, graph)
            proofs.fits_every_memory(mapping, design)
            found = mapping.execute(graph, design, seed, order="any")
            assert found.ok, found.lines()
            assert elaborate(design).run(mapping) == elaborate(design).run(mapping, fast_forward=False)
            assert mapping.choice.objective >= max(before, mapping.choice.bound), "less room, fewer column accesses"
            before = mapping.choice.objective
            seen.update(loops_of(mapping) & KINDS)
            if any("from the first op" in note for note in mapping.notes):
                seen["whole sequences"] += 1
                seen["again and again"] += "token" in loops_of(mapping)

    check()
    print(f"\n{dict(seen)}")
    assert min(seen[kind] for kind in (*KINDS, "whole sequences", "again and again")) > 3, seen


@pytest.mark.parametrize("batch", [2, 3, 4])
@pytest.mark.parametrize("phase", [{"phase": "decode", "context": 9}, {"phase": "generate", "prompt": 2}], ids=str)
def test_whole_sequences_take_turns_step_after_step(phase: dict[str, object], batch: int) -> None:
    """Each sequence goes on with the token that it picked itself, whatever the others pick in between."""
    counts = {**phase, "generate": 4, "batch": batch}
    graph = small_graph({"layers": 1, "position": "rope", "heads": 2, "head_dim": 2, "vocab": 9}, counts)
    whole = 0
    for mapping, design in tighter(graph, PimMapper()):
        mapping.check(graph, design)
        assert mapping.execute(graph, design, 0, order="any").ok
        whole += any("from the first op" in note for note in mapping.notes)
    assert whole, "no scratchpad made whole sequences take turns"


@pytest.mark.parametrize("batch", [2, 3, 4])
def test_several_sequences_of_llama_fit_aim_step_after_step(batch: int) -> None:
    graph = load_workload("llama-2-7b", phase="decode", context=512, batch=batch, generate=3).expand()
    design = load_design("aim")
    mapping = PimMapper().map(graph, design)
    mapping.check(graph, design)
    assert any(f"all {batch} sequences from the first op to the last" in note for note in mapping.notes)


@pytest.mark.parametrize("spec", ["attention:1,8,2,1,20,4", "attention:2,4,4,1,13,2", "attention:1,6,3,4,9,4"])
def test_attention_alone_takes_turns_too(spec: str) -> None:
    """Without a layer around it: every scratchpad that is large enough gives the same values."""
    graph, seen = load_workload(spec).expand(), set()
    for mapping, design in tighter(graph, PimMapper()):
        mapping.check(graph, design)
        assert mapping.execute(graph, design, 0, order="any").ok
        seen |= loops_of(mapping) & KINDS
    assert seen, "no scratchpad made it take turns"


@pytest.mark.parametrize("phase", [{"phase": "decode", "context": 9}, {"phase": "prefill", "prompt": 6}], ids=str)
def test_turns_cost_what_the_banks_then_do(phase: dict[str, object]) -> None:
    """Column accesses of every grouping, in closed form and counted command by command."""
    graph = small_graph({"layers": 2, "d_model": 8, "heads": 8, "kv_heads": 4, "d_ff": 4}, {**phase, "batch": 2})
    found = list(tighter(graph, PimMapper(), **{"pim.channels": 3}))
    assert len(found) > 3
    for mapping, design in found:
        trace = elaborate(design).run(mapping)
        columns = sum(value for key, value in trace.accounts.items() if key[0] == "count" and key[-1] == "macab")
        assert mapping.choice.objective == columns / 3


def test_heads_that_divide_over_the_channels_cost_no_column_accesses() -> None:
    """8 heads of 4 features over 2 banks: 16 groups of features, 8 to 2 of them at a time on 2 channels."""
    graph = small_graph(
        {"layers": 1, "d_model": 8, "heads": 8, "head_dim": 4, "d_ff": 4}, {"phase": "decode", "context": 30}
    )
    found = list(tighter(graph, PimMapper(), **{"pim.channels": 2}))
    counts = [max([loop.count for _, around in m.walk() for loop in around if loop.var == "group"] or [1])
              for m, _ in found]  # fmt: skip
    assert counts == [1, 2, 4, 8], "the largest groups that fit"
    assert len({mapping.choice.objective for mapping, _ in found}) == 1


@pytest.mark.parametrize(
    ("model", "options", "turns"),
    [
        ("llama-2-7b", {"phase": "decode", "context": 2048}, 4),
        ("llama-2-7b", {"phase": "prefill", "prompt": 2048}, 2),
        ("gpt2-small", {"phase": "decode", "context": 8192}, 2),
        ("gpt2-small", {"phase": "decode", "context": 1024}, 1),
    ],
    ids=str,
)
def test_long_contexts_fit_the_scratchpad_of_aim(model: str, options: dict[str, str], turns: int) -> None:
    """No more turns than needed, no more column accesses than with room for all, and less than 4 % slower."""
    graph = load_workload(model, **options).expand()  # type: ignore[arg-type]
    design, roomy = load_design("aim"), load_design("aim", set={"asic.sram": "1 MiB"})
    mapping, free = PimMapper().map(graph, design), PimMapper().map(graph, roomy)
    mapping.check(graph, design)
    assert max([loop.count for _, around in mapping.walk() for loop in around if loop.var == "group"] or [1]) == turns
    assert bool(turns > 1) == any("groups of KV heads; all at once need" in note for note in mapping.notes)
    assert mapping.choice.objective == free.choice.objective
    took, least = (elaborate(d).run(m).total_ps for d, m in ((design, mapping), (roomy, free)))
    assert least <= took < 1.04 * least
