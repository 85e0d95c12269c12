"""Every wait that is needed is seen by `check`: a mapping without it is refused, or computes the graph in any order."""

from __future__ import annotations

import random

import pytest

from archsim.api.designs import load_design
from archsim.core.errors import ArchsimError
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from archsim.mappers.spatial import SpatialMapper
from tests.compliance.mapper import Case
from tests.compliance.mutants import impatient
from tests.ir_execute.cases import operator
from tests.mappers.test_compliance import SHAPES, TINY, small_graph
from tests.mappers.test_spatial import SMALL

MOST = 8
"""Waits that are dropped, one at a time, for each mapping."""
ORDERS = 4
"""Orders in which what `check` accepts is executed."""
FAMILIES: dict[str, tuple[str, Mapper, str | int]] = {
    "ops": ("systolic", OpMapper(), 1),
    "cosma": ("systolic", CosmaMapper(), 2),
    "pim": ("pim-gpt", PimMapper(), 1),
    "pim, one sequence after the other": ("pim-gpt", PimMapper(), 4),
    "pim, vectors when needed": ("pim-gpt", PimMapper(vectors_ahead=False), 3),
    "fusemax": ("fusemax", SpatialMapper(), "attention:1,4,2,9,9,4,causal"),
    "fusemax, a model": ("fusemax", SpatialMapper(), 1),
    "fusemax-cascade": ("fusemax-cascade", SpatialMapper(), "attention:2,2,1,9,13,4"),
    "fusemax-arch": ("fusemax-arch", SpatialMapper(), "attention:1,2,1,21,33,4"),
    "flat": ("flat", SpatialMapper(), "attention:1,4,2,9,9,4"),
    "flash2": ("flat", SpatialMapper(dataflow="flash2"), "attention:1,4,2,9,9,4"),
    "unfused": ("unfused", SpatialMapper(), "attention:1,4,2,9,9,4"),
}
"""Family -> design, mapper, workload: an operator, or one of the small models by its number."""


def case(family: str) -> tuple[Case, Mapper]:
    """A small graph on a small machine, and what maps it."""
    name, mapper, workload = FAMILIES[family]
    options = {"pim-gpt": TINY, "systolic": {}}.get(name, SMALL)
    graph = operator(workload) if isinstance(workload, str) else small_graph(*SHAPES[workload])
    return (graph, load_design(name, set=options)), mapper


@pytest.mark.parametrize("family", FAMILIES)
def test_a_wait_that_is_needed_is_missed(family: str) -> None:
    (graph, design), mapper = case(family)
    mapping = mapper.map(graph, design)
    mutants = [*impatient(mapping)]
    refused = 0
    for mutant in random.Random(len(family)).sample(mutants, min(MOST, len(mutants))):
        if text := refusal(mutant.mapping, graph, design):
            refused += 1
            assert any(name in text for name in mutant.culprits), f"{mutant.culprits} not in {text}"
            continue
        for seed in range(ORDERS):
            found = mutant.mapping.execute(graph, design, seed, order="any")
            assert found.ok, (mutant.culprits, found.lines())
    units = {task.unit for task, _ in mapping.walk()}
    assert refused or len(units) == 1, "no wait was needed"  # one unit takes everything in order


def refusal(mapping: Mapping, graph: Graph, design: Design) -> str:
    """What `check` says; empty where it accepts."""
    try:
        mapping.check(graph, design)
    except ArchsimError as error:
        return str(error)
    return ""
