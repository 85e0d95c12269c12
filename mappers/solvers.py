"""Solvers of integer programs: which are there, asked once, and one way to run each of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from math import ceil
from time import perf_counter
from typing import Any, Literal

from archsim.core.errors import BadInput, UnknownName
from archsim.mappers.solvers_gurobi import make as make_gurobi
from archsim.mappers.solvers_gurobi import proved as proved_by_gurobi
from archsim.mappers.solvers_gurobi import refusal

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
"""Proved best; a solution, perhaps not the best; proved that there is none; nothing found and nothing proved."""

EPSILON = 1e-6
"""Relative error of an objective or bound that comes from floating point."""


@dataclass(frozen=True, slots=True)
class Solver:
    """A solver of mixed integer programs that PuLP can call.

    Parameters
    ----------
    name
        How it is asked for.
    version
        Its version, as far as it says.
    """

    name: str
    version: str
    make: Callable[[float | None], Any]
    """Time limit in seconds -> PuLP's object; deterministic, one thread."""
    proves: Callable[[Any], float | None]
    """Solved program -> the bound it proved on the objective less its constant, where it says so."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of a solver came to."""

    status: Status
    objective: int | None
    """The best found; None where nothing was."""
    bound: int
    """No solution is below; 0 where nothing is proved, since nothing we count is negative."""
    solver: str
    seconds: float


INSTALL = {
    "highs": "pip install 'highspy==1.13.*'",
    "cbc": "pip install 'pulp>=3.3,<4'",
    "gurobi": "pip install gurobipy",
    "cp-sat": "pip install 'ortools>=9.15'",
}
"""Solver -> how to get it, in the order in which they are tried. CP-SAT has a model of its own."""


@cache
def solvers() -> dict[str, Solver]:
    """Solvers that are here, the best first; looked for once."""
    try:
        import pulp
    except ModuleNotFoundError:
        return {}
    found: dict[str, Solver] = {}
    if _usable("HiGHS"):
        found["highs"] = Solver("highs", _version("highspy"), _highs, _highs_bound)
    if not refusal():
        found["gurobi"] = Solver("gurobi", _version("gurobipy"), make_gurobi, proved_by_gurobi)
    for name in ("COIN_CMD", "PULP_CBC_CMD"):
        if "cbc" not in found and _usable(name):
            cbc = f"with PuLP {pulp.__version__}"
            found["cbc"] = Solver("cbc", cbc, partial(_cbc, name), lambda _: None)
    return found


def solver(name: str | None = None) -> Solver:
    """The solver of that name, or the best that is here.

    Raises
    ------
    BadInput
        No such name, or it is not installed: says how to install it.
    """
    known = [each for each in INSTALL if each != "cp-sat"]
    if name is not None and name not in known:
        raise UnknownName("solver", name, known)
    found = solvers()
    if name is None and found:
        return next(iter(found.values()))
    if name is None or name not in found:
        raise missing(name or "highs")
    return found[name]


def missing(name: str) -> BadInput:
    """The error for a solver that is not installed, or that is and does not start."""
    here = ", ".join(solvers()) or "none"
    if name == "gurobi" and refusal() and _version("gurobipy") != "unknown":
        what = f"solver 'gurobi' is installed, but does not start: {refusal()}"
        return BadInput(what, right=f"usable: {here}", try_=("grbgetkey, with a licence of yours", "--solver highs"))
    return BadInput(f"solver {name!r} is not installed", right=f"installed: {here}", try_=INSTALL[name])


def has_cp_sat() -> bool:
    """Whether OR-tools can be imported."""
    from importlib.util import find_spec

    return find_spec("ortools") is not None


def versions() -> dict[str, str]:
    """Every solver that is here and its version."""
    found = {name: each.version for name, each in solvers().items()}
    return found | ({"cp-sat": _version("ortools")} if has_cp_sat() else {})


def run(program: Any, by: Solver, seconds: float | None = None) -> Outcome:
    """Solve a PuLP program whose objective is a whole number of units, minimised.

    Only `sol_status` tells a proof from a time limit, and not all solvers prove what they say then: CBC calls a program
    infeasible when its time is up, so after the limit that counts as unknown.
    """
    import pulp

    began = perf_counter()
    _solve(program, by, seconds)
    took = perf_counter() - began
    status, bound = program.sol_status, 0
    objective = None
    if status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        objective = round(pulp.value(program.objective) or 0)
        bound = objective if status == pulp.LpSolutionOptimal else min(objective, _proved(program, by))
        return Outcome("optimal" if bound == objective else "feasible", objective, bound, by.name, took)
    in_time = seconds is None or took < 0.95 * seconds
    if status == pulp.LpSolutionInfeasible and in_time:
        return Outcome("infeasible", None, 0, by.name, took)
    return Outcome("unknown", None, 0, by.name, took)


def least(program: Any, by: Solver, seconds: float | None = None) -> float | None:
    """The optimum of a PuLP program without whole numbers; None where the time was up or there is none."""
    import pulp

    _solve(program, by, seconds)
    return float(pulp.value(program.objective) or 0.0) if program.sol_status == pulp.LpSolutionOptimal else None


def _solve(program: Any, by: Solver, seconds: float | None) -> None:
    try:
        program.solve(by.make(seconds))
    except Exception as error:
        if type(error).__name__ != "GurobiError":
            raise
        size = f"{program.numVariables():,} variables, {program.numConstraints():,} rows"
        right = "without a licence of its own, gurobipy solves up to 2,000 of each"
        raise BadInput(f"gurobi: {error} ({size})", right=right, try_="--solver highs") from None


def _proved(program: Any, by: Solver) -> int:
    """The bound in whole units; solvers do not know of the constant of an objective."""
    found = by.proves(program)
    if found is None:
        return 0
    found += float(program.objective.constant)
    return max(0, ceil(found - EPSILON * max(1.0, abs(found))))


def _usable(name: str) -> bool:
    import pulp

    try:
        return bool(_bundled(name, msg=False).available())
    except (pulp.PulpSolverError, ImportError):
        return False


def _bundled(name: str, **options: Any) -> Any:
    """A solver by PuLP's name for it, without the warning that the CBC in PuLP's wheel will leave it with version 4."""
    import pulp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return pulp.getSolver(name, **options)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _highs(seconds: float | None) -> Any:
    import pulp

    return pulp.HiGHS(msg=False, threads=1, timeLimit=seconds, gapRel=0.0, random_seed=0)


def _highs_bound(program: Any) -> float | None:
    bound = float(program.solverModel.getInfo().mip_dual_bound)
    return bound if abs(bound) < 1e30 else None


def _cbc(name: str, seconds: float | None) -> Any:
    return _bundled(name, msg=False, threads=1, timeLimit=seconds, gapRel=0.0, options=["randomSeed 1"])
