"""Mappers: heuristics and integer programs that turn a graph and a design into a mapping."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsim.mappers.allocation import Allocation, Buffer, Gap, allocate, read_buffers

__all__ = ["METHODS", "Allocation", "Buffer", "Gap", "allocate", "read_buffers", "register"]

METHODS = ("ops", "pim", "spatial")
"""The modules here, each of which registers its mappers when it is imported."""


def register() -> None:
    """Make every mapper known by its name."""
    for method in METHODS:
        import_module(f"archsim.mappers.{method}")


def __getattr__(name: str) -> Any:
    """Static allocation, loaded when it is asked for."""
    if name in __all__:
        return getattr(import_module("archsim.mappers.allocation"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
