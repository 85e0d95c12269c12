"""The machine: one array, and what is known about its numbers."""

from __future__ import annotations

from archsim.ir.component import Design
from archsim.ir.report import Fact
from archsim.ir.sourced import facts_of
from archsim.units.systolic import Systolic

SCALESIM = "SCALE-Sim v3 (github.com/scalesim-project/scale-sim-v3): equal to its stall-free runs"

ASSUMPTIONS = (
    Fact("array cycles", "folds x (stream + fill + drain), nothing overlaps between folds", SCALESIM, "exact"),
    Fact("buffer bytes", "SRAM accesses of the array in closed form", SCALESIM, "exact"),
    Fact(
        "memory traffic",
        "the better of two loop orders; what does not fit half the buffer is fetched again",
        "archsim",
        "assumed",
    ),
    Fact(
        "what stays",
        "mapper cosma: activations, blocks of them and weights in the scratchpad cost no traffic, sums grow in place",
        "archsim",
        "assumed",
    ),
    Fact(
        "overlap", "moving hides behind computing within an op; the first fill is free", "double buffering", "assumed"
    ),
    Fact("vector lane", "softmax and layernorm take 3 passes, rmsnorm and rope 2, others 1", "archsim", "assumed"),
    Fact(
        "causal mask",
        "saves nothing in a task, which computes the whole rectangle; blocks of queries (cosma) leave out later keys",
        "archsim",
        "assumed",
    ),
    Fact("not modelled", "bank conflicts, DRAM rows and refresh, leakage, overlap between ops", "archsim", "stated"),
)


class SystolicDesign(Design, kind="systolic"):
    """A systolic array with a scratchpad, a memory port and a vector lane, one op at a time."""

    array: Systolic = Systolic()
    """The array and everything around it."""

    def facts(self) -> tuple[Fact, ...]:
        """Every constant with its source, what is assumed, and what is left out."""
        return (*facts_of(self, {}), *ASSUMPTIONS)
