"""Gurobi through PuLP, where it is installed and has a licence: PuLP's interface with its gaps closed.

PuLP says that nothing was found when the time is up, passes no gap of 0 on, and lets every parameter be printed.
Without registration Gurobi solves up to 2,000 variables and 2,000 rows; what it then refuses is said as it says it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def environment() -> Any:
    """A quiet environment, started once; None where Gurobi is not installed or does not start."""
    return None if refusal() else _started()


@cache
def refusal() -> str:
    """Why there is no Gurobi here, in its own words; empty where there is."""
    try:
        _started()
    except ImportError as error:
        return str(error)
    except Exception as error:
        if type(error).__name__ != "GurobiError":
            raise
        return str(error)
    return ""


@cache
def _started() -> Any:
    return import_module("gurobipy").Env(params={"OutputFlag": 0})


def make(seconds: float | None) -> Any:
    """PuLP's object for one run: one thread, exact, and a time limit after which what was found counts."""
    import pulp

    class Gurobi(pulp.GUROBI):  # type: ignore[misc]
        def findSolutionValues(self, lp: Any) -> Any:  # noqa: N802 (PuLP's name for it)
            status = super().findSolutionValues(lp)
            if status == pulp.LpStatusNotSolved and lp.solverModel.SolCount:
                lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionIntegerFeasible)
            return status

    # Big-M constraints hold only as exactly as integers are integer.
    exact = {"MIPGap": 0.0, "IntFeasTol": 1e-9, "Seed": 0, "Threads": 1}
    return Gurobi(env=environment(), msg=False, timeLimit=seconds, **exact)


def proved(program: Any) -> float | None:
    """The bound of a solved program, its constant left out; None where there is none yet."""
    bound = float(program.solverModel.ObjBound)
    return bound if abs(bound) < 1e100 else None
