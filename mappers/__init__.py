"""Mappers: heuristics and integer programs that turn a graph and a design into a mapping."""

from importlib import import_module

METHODS = ("ops", "pim", "spatial")
"""The modules here, each of which registers its mappers when it is imported."""


def register() -> None:
    """Make every mapper known by its name."""
    for method in METHODS:
        import_module(f"archsim.mappers.{method}")
