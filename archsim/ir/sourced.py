"""Fields that carry the source of their default, and the list of all of them for a design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo

from archsim.core.spec import Spec
from archsim.ir.report import Fact


def sourced(default: Any, source: str, confidence: str, **bounds: Any) -> Any:
    """A spec field with a default, where the default is from, and how far to trust it.

    `bounds` as in pydantic's Field.
    """
    return Field(default, json_schema_extra={"source": source, "confidence": confidence}, **bounds)


def facts_of(spec: Spec, sources: Mapping[str, str], prefix: str = "") -> Iterator[Fact]:
    """Every field of a spec tree as a `Fact`.

    A changed value has the source given in `sources`, else it is the user's.
    """
    for name, info in type(spec).model_fields.items():
        value = getattr(spec, name)
        path = prefix + name
        if isinstance(value, Spec):
            yield from facts_of(value, sources, path + ".")
        elif not isinstance(value, Mapping):
            yield Fact(path, str(value), *_origin(info, path, value, sources))


def _origin(info: FieldInfo, path: str, value: object, sources: Mapping[str, str]) -> tuple[str, str]:
    if path in sources:
        source, _, confidence = sources[path].rpartition(" [")
        return (source, confidence.rstrip("]")) if source else (sources[path], "stated")
    extra = info.json_schema_extra
    if value != info.default:
        return ("set by the user", "assumed")
    if not isinstance(extra, dict):
        return ("archsim: a choice of the model", "stated")
    return str(extra.get("source", "")), str(extra.get("confidence", "stated"))
