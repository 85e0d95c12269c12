"""The core is light: it stands below everything, so what it imports everything pays for."""

import subprocess
import sys

import pytest

import archsim.core


def modules_after(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split())


def test_the_core_imports_no_heavy_library() -> None:
    loaded = modules_after("from archsim.core import *")
    assert loaded.isdisjoint({"numpy", "pandas", "pulp", "simpy", "matplotlib", "numba", "typer", "rich", "amaranth"})


def test_an_error_costs_no_pydantic() -> None:
    loaded = modules_after("from archsim.core import BadInput")
    assert loaded.isdisjoint({"pydantic", "yaml"})


def test_every_public_name_is_there() -> None:
    for name in archsim.core.__all__:
        assert getattr(archsim.core, name).__doc__
    assert dir(archsim.core) == sorted(archsim.core.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = archsim.core.nothing  # type: ignore[attr-defined]
