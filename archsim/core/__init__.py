"""What everything else stands on: quantities, errors, names, YAML with line numbers, and specifications.

The public names below are loaded when first used, so that importing one error does not import pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.core.describe import describe_field, describe_type
    from archsim.core.errors import (
        ArchsimError,
        BadInput,
        Broken,
        DoesNotFit,
        Infeasible,
        NameTaken,
        UnknownName,
    )
    from archsim.core.files import bundled, write_atomic
    from archsim.core.hashing import canonical_json, digest
    from archsim.core.merge import apply_sets, deep_merge, parse_set
    from archsim.core.quantities import (
        Bandwidth,
        BitRate,
        Bytes,
        Current,
        Energy,
        Frequency,
        Power,
        Quantity,
        Time,
        Voltage,
    )
    from archsim.core.registry import Registry
    from archsim.core.spec import Spec
    from archsim.core.validate import build
    from archsim.core.yamlfile import Document, Marks, load_document

_HOMES = {
    "describe": ("describe_field", "describe_type"),
    "errors": ("ArchsimError", "BadInput", "Broken", "DoesNotFit", "Infeasible", "NameTaken", "UnknownName"),
    "files": ("bundled", "write_atomic"),
    "hashing": ("canonical_json", "digest"),
    "merge": ("apply_sets", "deep_merge", "parse_set"),
    "quantities": (
        *("Bandwidth", "BitRate", "Bytes", "Current", "Energy"),
        *("Frequency", "Power", "Quantity", "Time", "Voltage"),
    ),
    "registry": ("Registry",),
    "spec": ("Spec",),
    "validate": ("build",),
    "yamlfile": ("Document", "Marks", "load_document"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ArchsimError",
    "BadInput",
    "Bandwidth",
    "BitRate",
    "Broken",
    "Bytes",
    "Current",
    "Document",
    "DoesNotFit",
    "Energy",
    "Frequency",
    "Infeasible",
    "Marks",
    "NameTaken",
    "Power",
    "Quantity",
    "Registry",
    "Spec",
    "Time",
    "UnknownName",
    "Voltage",
    "apply_sets",
    "build",
    "bundled",
    "canonical_json",
    "deep_merge",
    "describe_field",
    "describe_type",
    "digest",
    "load_document",
    "parse_set",
    "write_atomic",
]


if not TYPE_CHECKING:  # a type checker that saw this would accept any name

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
