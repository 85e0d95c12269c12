"""The base of everything that can be set: frozen, checked, documented field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from archsim.core.describe import members
from archsim.core.meaning import documented_fields, note_source
from archsim.core.merge import deep_merge
from archsim.core.validate import build
from archsim.core.yamlfile import Document, Marks


class Spec(BaseModel):
    """Frozen data with typed fields.

    The docstring below a field is its description in errors, `archsim show` and JSON Schema. Unknown keys, NaN and
    infinity are errors; defaults are checked like given values. A mapping given for a field whose default is a spec
    changes that default, so ``npu: {rows: 64}`` keeps what else the default sets; a mapping with a `kind` starts anew.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,  # most classes are never made in a run
        validate_default=True,
        allow_inf_nan=False,
        polymorphic_serialization=True,  # a field typed Component writes all that the component in it has
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        note_source(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(core_schema)
        properties = handler.resolve_ref_schema(made).get("properties", {})
        for name, info in documented_fields(cls).items():
            if info.description:
                properties[info.alias or name].setdefault("description", info.description)
        return made

    def vary(self, **changes: object) -> Self:
        """This spec with some fields changed: a mapping changes the fields it names, anything else replaces.

        ``server.vary(links=4, npu={"rows": 64})`` keeps every other field of `npu`; a mapping with a `kind` replaces
        the component.

        Raises
        ------
        BadInput
            An unknown field or a value that its field does not take.
        """
        return build(type(self), Document(_changed(self, changes), Marks(f"{type(self).__name__}.vary")))

    @field_validator("*", mode="before")
    @classmethod
    def _read_over_default(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool):
            return _no_number(value, members(field.annotation))
        if isinstance(value, Mapping) and "kind" not in value and isinstance(field.default, Spec):
            return _tagged(field.default, _changed(field.default, value), members(field.annotation))
        return value


def _changed(spec: Spec, changes: Mapping[str, object]) -> dict[str, object]:
    """The fields of `spec` with `changes` on top."""
    data: dict[str, object] = {name: getattr(spec, name) for name in type(spec).model_fields}
    for name, change in changes.items():
        old = data.get(name)
        if isinstance(change, Mapping) and "kind" not in change:
            if isinstance(old, Spec):
                data[name] = _tagged(old, _changed(old, change), members(type(spec).model_fields[name].annotation))
                continue
            if isinstance(old, Mapping):
                data[name] = deep_merge(old, change)
                continue
        data[name] = change
    return data


def _tagged(spec: Spec, data: dict[str, object], declared: tuple[object, ...]) -> dict[str, object]:
    """`data` with the kind of `spec`, where the declared type alone would not lead back to it."""
    kind = getattr(type(spec), "kind", "")
    return data if type(spec) in declared or not kind else {"kind": kind, **data}


def _no_number(value: bool, options: tuple[object, ...]) -> bool:
    # Pydantic reads true as 1; in YAML `banks: true` is a slip, not a number.
    if bool not in options and (int in options or float in options):
        noun = "a whole number" if int in options else "a number"
        raise PydanticCustomError("not_a_number", "{given} is not {noun}", {"given": str(value).lower(), "noun": noun})
    return value
