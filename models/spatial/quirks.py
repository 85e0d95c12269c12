"""What only the published numbers have: reads of the global buffer, and FLAT's choice of plans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.flat import Flat
from archsim.units.spatial.problem import VECTOR, Problem, Steady

if TYPE_CHECKING:
    from archsim.models.spatial.spec import SpatialDesign

ONE_PASS = ("fusemax", "fusemax-arch", "fusemax-cascade")


def as_published(design: SpatialDesign, dataflow: str, problem: Problem, steady: Steady) -> Steady:
    """The steady state with the reads that the published energies charge besides, in artifact mode; else unchanged.

    From `quirks.first_reads_from` keys on, the first read of a result that waits in the buffer for its reduction is no
    longer left out: everything that the einsums of a single pass leave there, and the exponentials of the unfused
    baseline, one word for each score. FPSG-UIUC/micro24-fusemax-artifact@218ce19, workspace/src/accel/cascade.py, says
    that Timeloop's elision of first reads is broken [stated]; from where on follows from its energies [derived].
    """
    quirks = design.energy.quirks
    if design.energy.mode != "artifact" or problem.keys < quirks.first_reads_from:
        return steady
    if dataflow in ONE_PASS:
        written = sum(counts.get("buffer_write", 0) for counts in steady.counts.values())
        extra = written - int(steady.read) // design.arrays.word_bytes  # what the DRAM fills is no result
    elif dataflow == "unfused":
        extra = problem.instances * problem.queries * problem.keys
    else:
        return steady
    vector = {**steady.counts[VECTOR], "buffer_read": steady.counts[VECTOR].get("buffer_read", 0) + extra}
    return replace(steady, counts={**steady.counts, VECTOR: vector})


def published_choice(flow: Dataflow, problem: Problem, arrays: SpatialArrays, steady: Steady) -> tuple[str, ...]:
    """A note where FLAT's published choice moves more than another plan would, and how to have that one."""
    if not isinstance(flow, Flat) or arrays.plan != "published":
        return ()
    other = replace(arrays, plan="least_traffic")
    best = flow.steady(problem, other, flow.plan(problem, other))
    moved, least = (float(form.read + form.written) for form in (steady, best))
    if moved <= least:
        return ()
    return (
        f"flat's plan is the choice of its authors' cost model, which leaves out the softmax and its spilled words; it "
        f"moves {moved / least:.3g} times the least of any plan ({moved:.4g} B, {least:.4g} B), and a larger buffer "
        f"may make it move more: --set plan=least_traffic",
    )
