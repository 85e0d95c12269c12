"""Proof that a mapping is one.

Well formed, every op covered exactly once, every memory fits, producers before consumers, parts on chip read where they
are, inputs loaded and results stored, nothing overwritten while it is needed. One module for each of these.
"""

from __future__ import annotations

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.check_capacity import check_capacity, element_bytes
from archsim.ir.check_cover import check_cover
from archsim.ir.check_form import check_form
from archsim.ir.check_host import check_host
from archsim.ir.check_instances import check_instances
from archsim.ir.check_order import check_order
from archsim.ir.check_parts import check_parts
from archsim.ir.check_sizes import check_sizes
from archsim.ir.check_units import check_units
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.main_memory import check_main_memory
from archsim.ir.mapping import Mapping

__all__ = [
    "BadMapping",
    "check",
    "check_capacity",
    "check_cover",
    "check_form",
    "check_host",
    "check_instances",
    "check_main_memory",
    "check_order",
    "check_parts",
    "check_sizes",
    "check_units",
]


def check(mapping: Mapping, graph: Graph, design: Design) -> None:
    """Raise unless the mapping computes the graph on the design.

    Raises
    ------
    BadMapping
        Malformed, an op not covered exactly once, a consumer that does not wait for its producer, tensors that live at
        the same time and share bytes.
    DoesNotFit
        A placement that ends beyond its memory, or has no room for what a task makes or takes at once; a memory that is
        claimed to be larger than the design's; weights and cache that are larger than the memory they live in.
    UnknownName
        A unit, kernel, op or task that does not exist.
    """
    check_form(mapping, graph, design)
    for op, around in graph.walk():
        check_cover(mapping, op, around, graph)
    check_main_memory(graph, design)
    check_capacity(mapping, graph, design)
    check_sizes(mapping, graph, design, element_bytes(design))
    check_units(mapping, graph, design)
    check_order(mapping, graph)
    check_parts(mapping, graph)
    check_host(mapping, graph, design)
    check_instances(mapping, graph, element_bytes(design))
