"""What is to be computed: transformer shapes and phases, and lone operators, as graphs of operators.

`load_workload` reads every form a workload can be named in. Public names are loaded when first used, so that listing
model names imports no pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.workloads.catalog import load_shape, models
    from archsim.workloads.load import load_workload
    from archsim.workloads.shape import ModelShape
    from archsim.workloads.single import Operator
    from archsim.workloads.transformer import Transformer

_HOME = {
    "ModelShape": "shape",
    "Operator": "single",
    "Transformer": "transformer",
    "load_shape": "catalog",
    "load_workload": "load",
    "models": "catalog",
}

__all__ = ["ModelShape", "Operator", "Transformer", "load_shape", "load_workload", "models", "register"]


def register() -> None:
    """Make the workload kinds of this package known by name."""
    for module in ("single", "transformer"):
        import_module(f"{__name__}.{module}")


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
