"""Everything that can be named: what archsim brings, and what installed plug-ins add through the same door."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points

GROUP = "archsim.plugins"
"""Entry point group: each entry is a module, or a function without arguments, that registers kinds."""


class PluginWarning(UserWarning):
    """An installed plug-in could not be used; everything else works."""


@cache
def register() -> None:
    """Make every design, component, mapper and workload known by its kind. A broken plug-in is a warning naming it."""
    import archsim.mappers
    import archsim.models
    import archsim.workloads

    for package in (archsim.models, archsim.mappers, archsim.workloads):
        package.register()
    for entry in entry_points(group=GROUP):
        try:
            loaded = entry.load()
            if callable(loaded):
                loaded()
        except Exception as error:  # a plug-in is someone else's code: anything can happen in it
            home = f" of {entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""
            text = f"plug-in {entry.name!r}{home} is left out: {type(error).__name__}: {error}"
            warnings.warn(PluginWarning(text), stacklevel=2)
