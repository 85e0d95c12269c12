"""`import archsim` is the one public door: cheap, complete, typed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import archsim

HEAVY = ("numpy", "pandas", "pulp", "matplotlib", "amaranth", "simpy", "pydantic", "yaml", "typer", "rich")


def test_every_public_name_is_there() -> None:
    for name in archsim.__all__:
        assert getattr(archsim, name) is not None
    assert set(archsim.__all__) <= set(dir(archsim))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        _ = archsim.walk


def test_importing_archsim_imports_nothing_heavy() -> None:
    code = f"import sys, archsim; print([m for m in {HEAVY!r} if m in sys.modules], archsim.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", archsim.__version__]


def test_every_public_name_is_documented() -> None:
    for name in archsim.__all__:
        assert (getattr(archsim, name).__doc__ or "").strip(), name
