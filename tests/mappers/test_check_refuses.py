"""Whatever `check` lets through computes the graph: a mapping with one thing changed is refused, or proven right."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from archsim.api.designs import load_design
from archsim.core.errors import ArchsimError, DoesNotFit, UnknownName
from archsim.ir.check import BadMapping
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import After, Loop, Mapping
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from tests.compliance import proofs
from tests.compliance.mutants import KINDS, Mutant, edited
from tests.mappers.test_compliance import SHAPES, TINY, small_graph

MOST = 25
"""Mutants of one kind that are looked at per mapping."""
Case = tuple[Graph, Design, Mapping]


@cache
def cases() -> list[Case]:
    pim, ops = load_design("pim-gpt", set=TINY), load_design("systolic")
    graphs = [small_graph(*shape) for shape in (SHAPES[1], SHAPES[3], SHAPES[4])]
    found: list[Case] = [
        (g, design, mapper.map(g, design))
        for g in graphs
        for mapper, design in ((PimMapper(), pim), (OpMapper(), ops), (CosmaMapper(), ops))
    ]
    return [*found, in_turns()]


def in_turns() -> Case:
    """Whole sequences one after the other, step after step, in the smallest scratchpad that holds them."""
    graph, design = small_graph(*SHAPES[3]), load_design("pim-gpt", set=TINY)
    found = graph, design, PimMapper().map(graph, design)
    with suppress(DoesNotFit):
        while True:
            used = max(p.start + p.size for p in found[2].placements if p.memory == "asic.sram")
            design = load_design("pim-gpt", set={**TINY, "asic.sram": f"{used - 1} B"})
            found = graph, design, PimMapper().map(graph, design)
    return found


def test_whole_sequences_are_among_them() -> None:
    assert any("from the first op" in note for note in in_turns()[2].notes)


def sample(mutants: Sequence[Mutant]) -> Sequence[Mutant]:
    """A few, the same ones every time."""
    return random.Random(4).sample(list(mutants), min(MOST, len(mutants)))


def wrong(mutant: Mutant, graph: Graph, design: Design) -> str:
    """What brute force finds wrong; empty where it is right."""
    try:
        proofs.covers_every_point_once(mutant.mapping, graph)
        proofs.fits_every_memory(mutant.mapping, design)
        for salt in proofs.SALTS:
            proofs.waits_for_its_producers(mutant.mapping, salt)
            proofs.keeps_what_is_still_needed(mutant.mapping, salt)
    except AssertionError as found:
        return str(found) or "wrong"
    return ""


def refusal(mapping: Mapping, graph: Graph, design: Design) -> str:
    """What `check` says; empty where it accepts."""
    try:
        mapping.check(graph, design)
    except ArchsimError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_accepted_is_right(kind: str) -> None:
    seen = 0
    for graph, design, mapping in cases():
        for mutant in sample(list(KINDS[kind](mapping))):
            seen += 1
            if not refusal(mutant.mapping, graph, design):
                assert not wrong(mutant, graph, design), mutant.culprits
    assert seen > 5


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_is_named(kind: str) -> None:
    for graph, design, mapping in cases():
        for mutant in sample(list(KINDS[kind](mapping))):
            text = refusal(mutant.mapping, graph, design)
            assert not text or any(name in text for name in mutant.culprits), f"{mutant.culprits} not in {text}"


@pytest.fixture
def case() -> Case:
    return cases()[0]


def change(mapping: Mapping, victim: str, **fields: Any) -> Mapping:
    return replace(mapping, body=edited(mapping.body, victim, lambda task: (replace(task, **fields),)))


def test_names_that_do_not_exist_are_named(case: Case) -> None:
    graph, design, mapping = case
    name = "decode.qkv"
    for fields, culprit in (
        ({"op": "decode.qvk"}, "did you mean 'decode.qkv'"),
        ({"kernel": "gemm"}, "unknown kernel of pim 'gemm'"),
        ({"unit": "pin"}, "did you mean 'pim'"),
        ({"after": (After("decode.norm"),)}, "unknown task 'decode.norm', did you mean"),
    ):
        with pytest.raises(UnknownName) as caught:
            change(mapping, name, **fields).check(graph, design)
        assert culprit in str(caught.value)
        assert name in str(caught.value)


def test_form_is_proven(case: Case) -> None:
    graph, design, mapping = case
    with pytest.raises(BadMapping, match=r"two tasks are named 'decode\.qkv'"):
        change(mapping, "decode.proj", name="decode.qkv").check(graph, design)
    with pytest.raises(BadMapping, match=r"decode\.qkv  waits for an instance 1 in the future"):
        change(mapping, "decode.qkv", after=(After("decode.norm1", -1),)).check(graph, design)
    tile = {dim: r for dim, r in mapping.tasks()["decode.qkv"][0].tile.items() if dim != "k"}
    with pytest.raises(BadMapping, match=r"tile has dims \['m', 'n'\]"):
        change(mapping, "decode.qkv", tile=tile).check(graph, design)
    with pytest.raises(BadMapping, match="'none' has no task in it"):
        replace(mapping, body=(*mapping.body, Loop("none", 3, ()))).check(graph, design)


def test_what_does_not_fit_says_how_much_is_missing(case: Case) -> None:
    graph, design, mapping = case
    last = max(mapping.placements, key=lambda p: (p.memory == "pim", p.start))
    far = replace(last, start=mapping.capacities["pim"] - last.size + 1)
    places = tuple(far if p is last else p for p in mapping.placements)
    with pytest.raises(DoesNotFit) as caught:
        replace(mapping, placements=places).check(graph, design)
    assert (caught.value.need, caught.value.have) == (mapping.capacities["pim"] + 1, mapping.capacities["pim"])
    assert last.tensor in str(caught.value)


def test_two_live_tensors_in_one_place_are_both_named(case: Case) -> None:
    graph, design, mapping = case
    q = next(p for p in mapping.placements if p.tensor == "decode.layer.q")
    others = [p for p in mapping.placements if p.tensor == "decode.layer.k"]
    places = tuple(replace(p, start=q.start) if p in others else p for p in mapping.placements)
    with pytest.raises(BadMapping) as caught:
        replace(mapping, placements=places).check(graph, design)
    assert "decode.layer" in str(caught.value)
    assert "share bytes of asic.sram" in str(caught.value)
