"""Hardware units of which RTL exists: parameters, golden function, timing. One module per unit, named as its kind."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.core.errors import UnknownName

if TYPE_CHECKING:
    from archsim.units.cores.core import Core

SHARED = {"__init__", "core", "formats", "parameters", "softfloat", "synthesis", "timing"}
"""Modules of this folder that hold no unit of their own; names that begin with an underscore do not either."""


def names() -> tuple[str, ...]:
    """Every unit, sorted."""
    stems = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(stem for stem in stems if stem not in SHARED and not stem.startswith("_")))


def find(name: str) -> type[Core]:
    """The unit of this name; only its own module is imported.

    Raises
    ------
    UnknownName
        There is no such unit; the error offers the nearest.
    """
    from archsim.units.cores.core import Core

    if name not in Core.registry:
        if name not in names():
            raise UnknownName("unit", name, {*names(), *Core.registry.names()})
        import_module(f"archsim.units.cores.{name}")
    unit: type[Core] = Core.registry.get(name)
    return unit


def shipped() -> tuple[Core, ...]:
    """Every parameter set that is verified, exported and measured: the default of each unit comes first."""
    return tuple(spec for name in names() for spec in find(name).shipped())
