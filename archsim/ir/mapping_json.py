"""Mappings as JSON, and as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from typing import Any

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.ir.mapping import After, Choice, Loop, Mapping, Node, Placement, Range, Task

SCHEMA = "archsim.mapping/1"


def to_json(mapping: Mapping) -> dict[str, Any]:
    """A JSON document that `from_json` reads back to an equal mapping."""
    return {
        "schema": SCHEMA,
        "graph": mapping.graph,
        "design": mapping.design,
        "choice": {
            "mapper": mapping.choice.mapper,
            "metric": mapping.choice.metric,
            "objective": mapping.choice.objective,
            "bound": mapping.choice.bound,
            "options": dict(mapping.choice.options),
        },
        "capacities": dict(mapping.capacities),
        "placements": [
            {
                "tensor": p.tensor,
                "memory": p.memory,
                "start": p.start,
                "size": p.size,
                "strides": dict(p.strides),
                "live": list(p.live),
            }
            for p in mapping.placements
        ],
        "body": [_node(node) for node in mapping.body],
        "notes": list(mapping.notes),
    }


def _node(node: Node) -> dict[str, Any]:
    if isinstance(node, Loop):
        return {"loop": node.var, "count": node.count, "body": [_node(part) for part in node.body]}
    return {
        "task": node.name,
        "op": node.op,
        "kernel": node.kernel,
        "unit": node.unit,
        "args": {name: value.to_json() for name, value in node.args.items()},
        "tile": {dim: [r.start.to_json(), r.stop.to_json()] for dim, r in node.tile.items()},
        "reads": list(node.reads),
        "writes": list(node.writes),
        "after": [{"task": a.task, "distance": a.distance} for a in node.after],
        "why": node.why,
    }


def from_json(data: ReadOnly[str, Any]) -> Mapping:
    """A mapping from its JSON document.

    Raises
    ------
    BadInput
        Another schema, or a field that is missing or of the wrong type; the message names it.
    """
    if not isinstance(data, ReadOnly) or data.get("schema") != SCHEMA:
        given = data.get("schema") if isinstance(data, ReadOnly) else type(data).__name__
        raise BadInput(
            f"not a mapping: schema is {given!r}", right=f"schema {SCHEMA!r}, as written by `archsim map --json`"
        )
    try:
        choice = data["choice"]
        return Mapping(
            data["graph"],
            data["design"],
            tuple(_read(node) for node in data["body"]),
            tuple(_placement(p) for p in data["placements"]),
            dict(data["capacities"]),
            Choice(choice["mapper"], choice["metric"], choice["objective"], choice["bound"], dict(choice["options"])),
            tuple(data["notes"]),
        )
    except KeyError as error:
        raise BadInput(
            f"mapping lacks the field {error.args[0]!r}",
            try_="archsim map DESIGN WORKLOAD --json writes a complete one",
        ) from None
    except (TypeError, AttributeError, ValueError) as error:
        raise BadInput(
            f"mapping is malformed: {error}", try_="archsim map DESIGN WORKLOAD --json writes a good one"
        ) from None


def _placement(p: ReadOnly[str, Any]) -> Placement:
    live = tuple(p["live"])
    return Placement(
        p["tensor"], p["memory"], p["start"], p["size"], dict(p["strides"]), (live[0], live[1]) if live else ()
    )


def _read(node: ReadOnly[str, Any]) -> Node:
    if "loop" in node:
        return Loop(node["loop"], node["count"], tuple(_read(part) for part in node["body"]))
    return Task(
        node["task"],
        node["op"],
        node["kernel"],
        node["unit"],
        {name: Affine.from_json(value) for name, value in node["args"].items()},
        {dim: Range(Affine.from_json(a), Affine.from_json(b)) for dim, (a, b) in node["tile"].items()},
        tuple(node["reads"]),
        tuple(node["writes"]),
        tuple(After(a["task"], a["distance"]) for a in node["after"]),
        node["why"],
    )


def explain(mapping: Mapping) -> str:
    """The program as indented text: what runs where, on which part, after what, and why; then the address map."""
    c = mapping.choice
    lines = [
        f"{mapping.graph} on {mapping.design}, mapper {c.mapper}",
        f"objective {c.objective:,.0f}, bound {c.bound:,.0f}, gap {100 * c.gap:.1f} %   ({c.metric})",
        "",
        *_program(mapping.body, ""),
        "",
        *_addresses(mapping),
        *(f"note: {note}" for note in mapping.notes),
    ]
    return "\n".join(lines)


def _program(body: tuple[Node, ...], indent: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, Loop):
            yield f"{indent}for {node.var} in 0:{node.count}"
            yield from _program(node.body, indent + "  ")
            continue
        args = " ".join(f"{name}={value}" for name, value in node.args.items())
        tile = ", ".join(f"{dim} {r}" for dim, r in node.tile.items())
        yield f"{indent}{node.name}: {node.unit}.{node.kernel}({args})" + (f"  [{tile}]" if tile else "  [helper]")
        waits = ", ".join(a.task + (f" (-{a.distance})" if a.distance else "") for a in node.after)
        if waits:
            yield f"{indent}    after {waits}"
        if node.why:
            yield f"{indent}    because {node.why}"


def _addresses(mapping: Mapping) -> Iterator[str]:
    for memory, capacity in mapping.capacities.items():
        own = [p for p in mapping.placements if p.memory == memory]
        top = max((p.start + p.size for p in own), default=0)
        yield f"{memory}: {capacity:,} B (per bank where banked); one iteration's tensors reach up to {top:,} B"
        for p in sorted(own, key=lambda p: (p.start, p.tensor)):
            strides = "".join(f" + {step:,}*{var}" for var, step in p.strides.items())
            live = f"  live {p.live[0]} .. {p.live[1]}" if p.live else ""
            yield f"  {p.start:>14,}{strides}  {p.size:>12,} B  {p.tensor}{live}"
