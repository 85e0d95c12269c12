"""Tensor graphs as JSON, and as YAML for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsim.core.errors import BadInput, UnknownName
from archsim.core.quantities import Bytes
from archsim.core.yamlfile import load_document
from archsim.ir.tensorgraph import TensorGraph, TensorOp

KEYS = ("name", "tensors", "ops", "weights", "results")
OP_KEYS = ("name", "reads", "writes", "after")


def graph_to_json(graph: TensorGraph) -> dict[str, Any]:
    """A document that `graph_from_json` reads; the YAML form is the same."""
    ops = []
    for op in graph.ops:
        entry: dict[str, Any] = {"name": op.name, "reads": list(op.inputs), "writes": list(op.outputs)}
        ops.append(entry | ({"after": list(op.after)} if op.after else {}))
    return {
        "name": graph.name,
        "tensors": dict(graph.sizes),
        "ops": ops,
        "weights": sorted(graph.weights),
        "results": sorted(graph.results),
    }


def graph_from_json(data: Mapping[str, Any], *, where: str = "") -> TensorGraph:
    """The graph of a document.

    Parameters
    ----------
    data
        Keys ``name``, ``tensors`` (name -> bytes, or text such as ``32 KiB``), ``ops`` (each with ``name``, ``reads``,
        ``writes``, ``after``), ``weights`` and ``results``.
    where
        What errors call the document.

    Raises
    ------
    BadInput
        A key that is unknown or missing, a value that makes no sense, or a graph that is none.
    """
    for key in data:
        if key not in KEYS:
            raise UnknownName("key", str(key), KEYS, where=where)
    for key, kind, right in (("tensors", Mapping, "name: bytes"), ("ops", list, "a list of ops")):
        if not isinstance(data.get(key), kind):
            raise BadInput(f"{key} is {'missing' if key not in data else repr(data[key])}", where=where, right=right)
    sizes = {str(name): _size(str(name), size, where) for name, size in data["tensors"].items()}
    ops = tuple(_op(entry, index, where) for index, entry in enumerate(data["ops"]))
    weights, results = (frozenset(_names(data.get(key, ()), key, where)) for key in ("weights", "results"))
    try:
        return TensorGraph(str(data.get("name", "graph")), ops, sizes, weights, results)
    except BadInput as error:
        place = f"{where}, {error.where}" if where and error.where else where or error.where
        raise BadInput(error.what, where=place, right=error.right, try_=error.tries) from None


def load_tensor_graph(path: str | Path) -> TensorGraph:
    """Read a graph from a YAML file.

    Raises
    ------
    BadInput
        The file cannot be read or is not a graph.
    """
    document = load_document(path)
    name = Path(path).stem
    return graph_from_json({"name": name, **document.data}, where=document.marks.source)


def _size(name: str, size: object, where: str) -> int:
    if isinstance(size, str):
        try:
            return int(Bytes(size))
        except BadInput as error:
            raise BadInput(error.what, where=f"{where}, tensor {name!r}", right="bytes, or such as '32 KiB'") from None
    if isinstance(size, bool) or not isinstance(size, int):
        raise BadInput(f"size is {size!r}", where=f"{where}, tensor {name!r}", right="bytes, or such as '32 KiB'")
    return size


def _op(entry: object, index: int, where: str) -> TensorOp:
    here = f"{where}, ops[{index}]"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise BadInput(f"{entry!r} is no op", where=here, right="{name: ..., reads: [...], writes: [...]}")
    for key in entry:
        if key not in OP_KEYS:
            raise UnknownName("key", str(key), OP_KEYS, where=here)
    reads, writes, after = (_names(entry.get(key, ()), key, here) for key in ("reads", "writes", "after"))
    return TensorOp(entry["name"], reads, writes, after)


def _names(value: object, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise BadInput(f"{key} is {value!r}", where=where, right="a list of names")
    return tuple(value)
