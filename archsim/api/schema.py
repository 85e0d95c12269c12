"""JSON Schema of every YAML document, so that editors check and complete while one types."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from archsim.api.plugins import register
from archsim.core.userfile import source_of
from archsim.dse.study import Study
from archsim.ir.cascade.file import KIND, CascadeFile
from archsim.ir.component import Component, Design
from archsim.ir.kinded import Kinded
from archsim.ir.mapper import Mapper
from archsim.ir.workload import Workload
from archsim.memory.device import Memory

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Schema of designs, memories, cascades, workloads, model shapes, studies and placements; mappers are in ``$defs``.

    A document is told by what only it has: `question` for a study, `layers` for a model shape, else its `kind`.
    """
    import archsim.api.dram  # noqa: F401  (memory kinds are known once their modules are)
    from archsim.mappers.placement.file import PlacementFile
    from archsim.workloads.shape import ModelShape

    register()
    families: dict[str, list[type[Kinded]]] = {
        "design": _own(Design),
        "component": _own(Component),
        "workload": _own(Workload),
        "mapper": _own(Mapper),
        "memory": _own(Memory),
        "placement": _own(PlacementFile),
    }
    specs = [cls for classes in families.values() for cls in classes]
    refs, made = models_json_schema(
        [
            *((cls, "validation") for cls in specs),
            *((plain, "validation") for plain in (Study, ModelShape, CascadeFile)),
        ],
        ref_template="#/$defs/{model}",
    )
    defs: dict[str, Any] = made["$defs"]
    bases = [*families["design"], *families["memory"]]
    for cls in specs:
        _add_kind(defs[_name(refs[cls, "validation"])], cls, whole=cls in bases)
    for cls in families["placement"]:
        definition = defs[_name(refs[cls, "validation"])]
        definition["required"] = ["kind", *definition.get("required", ())]
    for family, classes in families.items():
        defs[family] = {"anyOf": [refs[cls, "validation"] for cls in classes]}
    for spec in (Study, ModelShape):
        _allow_base(defs[_name(refs[spec, "validation"])])
    _add_cascade(defs, _name(refs[CascadeFile, "validation"]))
    defs["use"] = _USE
    study, shape = refs[Study, "validation"], refs[ModelShape, "validation"]
    named = [{"$ref": f"#/$defs/{name}"} for name in ("design", "memory", "cascade", "workload", "placement", "use")]
    documents = [*named, study, shape]
    return {"$schema": DIALECT, "title": "archsim", "anyOf": documents, "$defs": dict(sorted(defs.items()))}


def schema_text() -> str:
    """The schema as the text of a file; the same for the same registered kinds."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


_USE = {
    "title": "a design from a file",
    "description": "A design whose class is in a Python file; its fields are those of the class.",
    "type": "object",
    "required": ["use"],
    "properties": {"use": {"type": "string", "pattern": r"\.py:", "description": "./my_design.py:MyDesign"}},
}


def _own(base: type[Any]) -> list[type[Kinded]]:
    """Kinds of archsim and of plug-ins, not those of users' files that happen to be loaded."""
    return [cls for _, cls in base.registry.items() if source_of(cls) is None]


def _add_kind(definition: dict[str, Any], cls: type[Kinded], *, whole: bool) -> None:
    """Say that a document or a part of one may, or for a whole design must, name its kind."""
    kind = {"const": cls.kind, "description": "What this is."}
    definition["properties"] = {"kind": kind, **definition.get("properties", {})}
    if whole:
        _allow_base(definition)
        definition["anyOf"] = [{"required": ["kind"]}, {"required": ["base"]}]


def _add_cascade(defs: dict[str, Any], name: str) -> None:
    """A cascade of einsums: its kind, a base, and states that may begin at -inf."""
    definition = defs[name]
    number = {"anyOf": [{"type": "number"}, {"enum": ["-inf"], "type": "string"}]}
    definition["properties"]["initial"]["additionalProperties"] = number
    definition["properties"] = {"kind": {"const": KIND, "description": "What this is."}, **definition["properties"]}
    definition["required"] = ["kind", *definition["required"]]
    _allow_base(definition)
    defs["cascade"] = {"$ref": f"#/$defs/{name}"}


def _allow_base(definition: dict[str, Any]) -> None:
    base = {"type": "string", "description": "A bundled name or a file that this document is merged over."}
    definition["properties"] = {"base": base, **definition["properties"]}
    if required := definition.pop("required", []):
        definition["anyOf"] = [{"required": required}, {"required": ["base"]}]


def _name(ref: dict[str, Any]) -> str:
    return str(ref["$ref"]).rsplit("/", 1)[-1]
