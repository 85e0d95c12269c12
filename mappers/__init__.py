"""Mappers: heuristics and integer programs that turn a graph and a design into a mapping."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsim.mappers.allocation import Allocation, Buffer, Gap, allocate, read_buffers
    from archsim.mappers.fusion import Fusion, fuse
    from archsim.mappers.placement import Item, Link, Placement, Unit, balance_kv, place, place_experts
    from archsim.mappers.precision import Precision, PrecisionTable, choose_precision, read_table
    from archsim.mappers.residency import Plan, plan
    from archsim.mappers.tiling import Gemm, Hierarchy, Level, SpatialArray, Tiling, tile

__all__ = [
    "METHODS",
    "Allocation",
    "Buffer",
    "Fusion",
    "Gap",
    "Gemm",
    "Hierarchy",
    "Item",
    "Level",
    "Link",
    "Placement",
    "Plan",
    "Precision",
    "PrecisionTable",
    "SpatialArray",
    "Tiling",
    "Unit",
    "allocate",
    "balance_kv",
    "choose_precision",
    "fuse",
    "place",
    "place_experts",
    "plan",
    "read_buffers",
    "read_table",
    "register",
    "tile",
]

_HOMES = {
    "allocation": ("Allocation", "Buffer", "Gap", "allocate", "read_buffers"),
    "fusion": ("Fusion", "fuse"),
    "placement": ("Item", "Link", "Placement", "Unit", "balance_kv", "place", "place_experts"),
    "precision": ("Precision", "PrecisionTable", "choose_precision", "read_table"),
    "residency": ("Plan", "plan"),
    "tiling": ("Gemm", "Hierarchy", "Level", "SpatialArray", "Tiling", "tile"),
}
_HOME = {name: package for package, names in _HOMES.items() for name in names}

METHODS = ("cosma", "ops", "pim", "placed", "spatial")
"""The modules here, each of which registers its mappers when it is imported."""


def register() -> None:
    """Make every mapper known by its name."""
    for method in METHODS:
        import_module(f"archsim.mappers.{method}")


def __getattr__(name: str) -> Any:
    """The methods that are libraries of their own, loaded when they are asked for."""
    if name in _HOME:
        return getattr(import_module(f"archsim.mappers.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
