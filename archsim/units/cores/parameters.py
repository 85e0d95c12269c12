"""Parameters of a unit as plain values by dotted name, as documents, file names and commands write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsim.core.meaning import documented_fields
from archsim.core.spec import Spec
from archsim.units.cores.core import Core


def parameters(spec: Core) -> dict[str, Any]:
    """Every field; one of a unit inside this one as ``mac.lanes``."""
    return _flat(spec.model_dump(mode="json"), "")


def changed(spec: Core) -> dict[str, Any]:
    """Those that differ from the defaults of the kind."""
    usual = parameters(type(spec)())
    return {name: value for name, value in parameters(spec).items() if value != usual.get(name)}


def settings(spec: Core) -> list[str]:
    """Those that differ, as options of a command."""
    return [f"--set {name}={value}" for name, value in changed(spec).items()]


def description(spec: Spec, name: str) -> str:
    """What a parameter means."""
    first, _, rest = name.partition(".")
    inner = getattr(spec, first)
    if rest and isinstance(inner, Spec):
        return description(inner, rest)
    return documented_fields(type(spec))[first].description or ""


def _flat(data: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{name}.")
        elif name != "kind":
            out[prefix + name] = value
    return out
