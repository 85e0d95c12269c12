"""Which plan an attention runs by whose sizes a loop moves."""

from __future__ import annotations

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.problem import Plan, Problem, Steady


def planned(
    flow: Dataflow, problem: Problem, arrays: SpatialArrays, plan: Plan | None = None, *, moving: bool = False
) -> tuple[Plan, Steady]:
    """The plan that holds and its steady state.

    Parameters
    ----------
    flow, problem, arrays
        What runs where.
    plan
        The given plan; None plans afresh.
    moving
        Whether a loop moves the sizes: the given plan then holds as long as they stay within it, and the best one
        after that. Sizes that no loop moves have to fit the given plan.

    Raises
    ------
    Infeasible, BadInput
        As the dataflow's `plan`, or as its `steady` where the given plan has to hold.
    """
    if plan is not None:
        try:
            return plan, flow.steady(problem, arrays, plan)
        except (BadInput, Infeasible):
            if not moving:
                raise
    best = flow.plan(problem, arrays)
    return best, flow.steady(problem, arrays, best)
