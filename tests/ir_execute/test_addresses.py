"""Placements are honoured when a mapping is executed, and what has none is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archsim.api.designs import load_design
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from tests.ir_execute.test_parts import cut
from tests.mappers.test_compliance import SHAPES, TINY, small_graph


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_every_placement_of_the_banks_is_honoured(shape: int) -> None:
    """All that a mapping for banks has is placed, and copies that share bytes are missed."""
    graph, design = small_graph(*SHAPES[shape]), load_design("pim-gpt", set=TINY)
    mapping = PimMapper().map(graph, design)
    found = mapping.execute(graph, design)
    assert found.ok
    assert found.addressed == found.held
    for at, place in enumerate(mapping.placements):
        if place.strides:
            short = replace(place, strides=dict.fromkeys(place.strides, 0))
            others = [*mapping.placements[:at], short, *mapping.placements[at + 1 :]]
            assert not replace(mapping, placements=tuple(others)).execute(graph, design).ok, place


def test_what_has_no_address_is_counted() -> None:
    mapping, graph, design = cut(96, minimise="bytes")
    found = mapping.execute(graph, design)
    assert found.addressed == len({place.tensor for place in mapping.placements})
    assert found.addressed < found.held, "weights in DRAM have no address"
    whole = OpMapper().map(small := small_graph(*SHAPES[0]), systolic := load_design("systolic"))
    assert whole.execute(small, systolic).addressed == 0
