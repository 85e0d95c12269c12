"""A mapping as JSON data: saved beside every run, compared with a text diff, written by hand and read back."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as ReadOnly
from typing import Any, TypeVar

from archsim.core.errors import BadInput
from archsim.core.gap import in_json
from archsim.ir.affine import Affine
from archsim.ir.mapping import After, Choice, Loop, Mapping, Node, Placement, Range, Task

SCHEMA = "archsim.mapping/1"
T = TypeVar("T")


def to_json(mapping: Mapping) -> dict[str, Any]:
    """The mapping as plain data; `from_json` gives an equal one back."""
    choice = mapping.choice
    return {
        "schema": SCHEMA,
        "graph": mapping.graph,
        "design": mapping.design,
        "choice": {
            "mapper": choice.mapper,
            "metric": choice.metric,
            "objective": choice.objective,
            "bound": choice.bound,
            "gap": in_json(choice.gap),
            "options": dict(choice.options),
        },
        "notes": list(mapping.notes),
        "capacities": dict(mapping.capacities),
        "placements": [_placement(p) for p in mapping.placements],
        "body": [_node(node) for node in mapping.body],
    }


def from_json(data: object) -> Mapping:
    """The mapping that `to_json` made.

    Raises
    ------
    BadInput
        Something is missing, has another type, or another schema; says where in the document.
    """
    doc = _mapping(data, "mapping")
    if doc.get("schema") != SCHEMA:
        raise BadInput(
            f"schema is {doc.get('schema')!r}", where="mapping.schema", right=f"this version reads {SCHEMA!r}"
        )
    choice = _mapping(_get(doc, "choice", "mapping"), "mapping.choice")
    return Mapping(
        _text(doc, "graph", "mapping"),
        _text(doc, "design", "mapping"),
        tuple(_read_node(node, f"mapping.body[{i}]") for i, node in enumerate(_list(doc, "body", "mapping"))),
        tuple(
            _read_placement(p, f"mapping.placements[{i}]") for i, p in enumerate(_list(doc, "placements", "mapping"))
        ),
        {name: _int(n, f"mapping.capacities.{name}") for name, n in _inner(doc, "capacities", "mapping").items()},
        Choice(
            _text(choice, "mapper", "mapping.choice"),
            _text(choice, "metric", "mapping.choice"),
            _number(choice, "objective", "mapping.choice"),
            _number(choice, "bound", "mapping.choice"),
            _inner(choice, "options", "mapping.choice"),
        ),
        tuple(str(note) for note in _list(doc, "notes", "mapping")),
    )


def _node(node: Node) -> dict[str, Any]:
    if isinstance(node, Loop):
        return {"loop": node.var, "count": node.count, "body": [_node(inner) for inner in node.body]}
    out: dict[str, Any] = {"task": node.name, "op": node.op, "kernel": node.kernel, "unit": node.unit}
    out["args"] = {name: value.to_json() for name, value in node.args.items()}
    if node.tile:
        out["tile"] = {name: [r.start.to_json(), r.stop.to_json()] for name, r in node.tile.items()}
    out |= {"reads": list(node.reads), "writes": list(node.writes)}
    out["after"] = [{"task": a.task, "distance": a.distance} for a in node.after]
    if node.why:
        out["why"] = node.why
    return out


def _placement(place: Placement) -> dict[str, Any]:
    out: dict[str, Any] = {"tensor": place.tensor, "memory": place.memory, "start": place.start, "size": place.size}
    if place.strides:
        out["strides"] = dict(place.strides)
    if place.live:
        out["live"] = list(place.live)
    return out


def _read_node(data: object, where: str) -> Node:
    doc = _mapping(data, where)
    if "loop" in doc:
        body = tuple(_read_node(node, f"{where}.body[{i}]") for i, node in enumerate(_list(doc, "body", where)))
        return Loop(_text(doc, "loop", where), _int(_get(doc, "count", where), f"{where}.count"), body)
    args = _inner(doc, "args", where)
    return Task(
        name=_text(doc, "task", where),
        op=_text(doc, "op", where),
        kernel=_text(doc, "kernel", where),
        unit=_text(doc, "unit", where),
        args={name: _affine(value, f"{where}.args.{name}") for name, value in args.items()},
        tile={name: _range(value, f"{where}.tile.{name}") for name, value in _inner(doc, "tile", where).items()},
        reads=tuple(str(name) for name in _list(doc, "reads", where)),
        writes=tuple(str(name) for name in _list(doc, "writes", where)),
        after=tuple(_after(item, f"{where}.after[{i}]") for i, item in enumerate(_list(doc, "after", where))),
        why=str(doc.get("why", "")),
    )


def _read_placement(data: object, where: str) -> Placement:
    doc = _mapping(data, where)
    start, size = (_int(_get(doc, key, where), f"{where}.{key}") for key in ("start", "size"))
    strides = {name: _int(n, f"{where}.strides.{name}") for name, n in _inner(doc, "strides", where).items()}
    live = [str(task) for task in _list(doc, "live", where)]
    if len(live) not in {0, 2}:
        raise BadInput(f"{live!r} is not the first and the last task", where=f"{where}.live")
    ends = (live[0], live[1]) if live else ()
    return Placement(_text(doc, "tensor", where), _text(doc, "memory", where), start, size, strides, ends)


def _range(data: object, where: str) -> Range:
    if not isinstance(data, list) or len(data) != 2:
        raise BadInput(f"{data!r} is not a range", where=where, right="[start, stop]")
    return Range(_affine(data[0], where), _affine(data[1], where))


def _after(data: object, where: str) -> After:
    doc = _mapping(data, where)
    return After(_text(doc, "task", where), _int(doc.get("distance", 0), f"{where}.distance"))


def _affine(data: object, where: str) -> Affine:
    if isinstance(data, dict):
        return Affine.from_json({str(name): _int(n, where) for name, n in data.items()})
    return Affine(_int(data, where))


def _get(doc: ReadOnly[str, Any], key: str, where: str) -> Any:
    if key not in doc:
        raise BadInput(f"{key!r} is missing", where=where, right=f"keys here: {', '.join(doc) or 'none'}")
    return doc[key]


def _checked(value: object, kind: Callable[[object], bool], noun: str, where: str) -> Any:
    if not kind(value):
        raise BadInput(f"{value!r:.60} is not {noun}", where=where)
    return value


def _mapping(value: object, where: str) -> dict[str, Any]:
    found: dict[str, Any] = _checked(value, lambda v: isinstance(v, dict), "an object", where)
    return found


def _inner(doc: ReadOnly[str, Any], key: str, where: str) -> dict[str, Any]:
    return _mapping(doc.get(key, {}), f"{where}.{key}")


def _list(doc: ReadOnly[str, Any], key: str, where: str) -> list[Any]:
    found: list[Any] = _checked(doc.get(key, []), lambda v: isinstance(v, list), "a list", f"{where}.{key}")
    return found


def _text(doc: ReadOnly[str, Any], key: str, where: str) -> str:
    found: str = _checked(_get(doc, key, where), lambda v: isinstance(v, str), "text", f"{where}.{key}")
    return found


def _number(doc: ReadOnly[str, Any], key: str, where: str) -> float:
    value = _get(doc, key, where)
    return float(_checked(value, lambda v: isinstance(v, int | float), "a number", f"{where}.{key}"))


def _int(value: object, where: str) -> int:
    found: int = _checked(value, lambda v: isinstance(v, int) and not isinstance(v, bool), "a whole number", where)
    return found
