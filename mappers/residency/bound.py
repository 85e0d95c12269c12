"""A bound that holds for every order, from what must be on chip or have left it while each op runs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from archsim.mappers.residency.problem import Problem
from archsim.mappers.residency.stay import write_back
from archsim.mappers.solvers import Solver, run, solver

Hop = tuple[int, int]
"""A tensor and a stretch between two of its uses that come one after the other in every order."""


def must_leave(problem: Problem, capacity: int, *, by: Solver | None = None) -> int:
    """Units that every order moves beyond the compulsory ones.

    A tensor that is used before an op by something that always comes before it, and after it by something that always
    comes after, is either on chip during the op or leaves and is loaded again in between. Uses that follow each other
    in every order cut a tensor's life into stretches; those that find no room beside an op's operands are loaded again
    in one of the stretches that the op may lie in, and written once. The cheapest choice that satisfies all ops at once
    is the bound.
    """
    chains = [_chain(problem, tensor) for tensor in range(len(problem.tensors))]
    rows = []
    for op, need in enumerate(problem.working_set):
        crossing = _crossing(problem, op, chains)
        excess = sum(problem.size[hops[0][0]] for hops in crossing) + need - capacity
        if excess > 0:
            rows.append((crossing, excess))
    if not rows:
        return 0
    import pulp

    program = pulp.LpProblem("leave", pulp.LpMinimize)
    asked = sorted({hop for crossing, _ in rows for hops in crossing for hop in hops})
    loads = {hop: program.add_variable(f"load{hop[0]}_{hop[1]}", 0, 1, "Binary") for hop in asked}
    written: dict[int, Any] = {}
    for hop in asked:
        if write_back(problem, hop[0]):
            if hop[0] not in written:
                written[hop[0]] = program.add_variable(f"written{hop[0]}", 0, 1)
            program += written[hop[0]] >= loads[hop]
    cost = [problem.size[tensor] * var for (tensor, _), var in loads.items()]
    program.setObjective(pulp.lpSum([*cost, *(write_back(problem, a) * var for a, var in written.items())]))
    for crossing, excess in rows:
        program += pulp.lpSum(problem.size[hop[0]] * loads[hop] for hops in crossing for hop in hops) >= excess
    return run(program, by or solver()).bound


def _chain(problem: Problem, tensor: int) -> list[int]:
    """The longest row of uses of a tensor that follow each other in every order."""
    uses = set(problem.readers[tensor]) | ({problem.writer[tensor]} if problem.writer[tensor] >= 0 else set())
    longest: dict[int, list[int]] = {}
    for op in (op for op in problem.program if op in uses):
        before = [row for other, row in longest.items() if problem.ancestors[op] >> other & 1]
        longest[op] = [*max(before, key=len, default=[]), op]
    return max(longest.values(), key=len, default=[])


def _crossing(problem: Problem, op: int, chains: list[list[int]]) -> list[list[Hop]]:
    """Per tensor that must cross an op, the stretches of its chain in which it can come back."""
    before, after = problem.ancestors[op], problem.descendants[op]
    own, found = set(problem.operands[op]), []
    for tensor, chain in enumerate(chains):
        first = [i for i, use in enumerate(chain) if before >> use & 1]
        last = [i for i, use in enumerate(chain) if after >> use & 1]
        if tensor not in own and first and last:
            found.append([(tensor, i) for i, _ in enumerate(pairwise(chain)) if first[-1] <= i < last[0]])
    return found
