"""`archsim check`: is this file right, without running it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from archsim.api.cases import load_workload
from archsim.api.designs import base_path, load_design
from archsim.api.studyfile import check_study
from archsim.core.errors import ArchsimError, BadInput
from archsim.core.userfile import is_user_class, load_module
from archsim.core.yamlfile import load_document
from archsim.ir.component import Design
from archsim.ir.mapping import instances
from archsim.ir.mappingfile import from_json
from archsim.ir.workload import Workload


@dataclass(frozen=True)
class Checked:
    """One file: what it is, or what is wrong with it."""

    file: str
    what: str = ""
    error: ArchsimError | None = None


def check_files(files: list[str]) -> list[Checked]:
    """Check YAML of any kind (designs, workloads, studies, memories, ...), mappings in JSON, classes in Python."""
    return [_checked(file) for file in files]


def _checked(file: str) -> Checked:
    try:
        return Checked(file, _look(file))
    except ArchsimError as error:
        return Checked(file, error=error)


def _look(file: str) -> str:
    if is_user_class(file) or file.endswith(".py"):
        return _python(file)
    if file.endswith(".json"):
        return _mapping(Path(file))
    if file.endswith((".yaml", ".yml")):
        return _yaml(Path(file))
    return _named(file)


def _yaml(path: Path) -> str:
    from archsim.api.cascades import cascade_line, is_cascade

    if is_cascade(str(path)):
        return cascade_line(path)
    keys = _read_over_bases(path)
    if {"question", "space"} & keys.keys():
        return check_study(path)
    from archsim.api.dram import load_device
    from archsim.api.memories import is_memory
    from archsim.api.plugins import register
    from archsim.mappers.placement.file import PlacementFile, read_placement
    from archsim.memory.device import Memory

    register()
    if keys.get("kind") in PlacementFile.registry:
        return f"placement of kind {read_placement(path).kind}"
    if is_memory(str(path)):
        device = load_device(path, kind=Memory)
        return f"memory {getattr(device, 'standard', device.kind)}"
    if "kind" in keys and keys["kind"] in Workload.registry and keys["kind"] not in Design.registry:
        return _workload(str(path))
    if {"kind", "use"} & keys.keys():
        return f"design {load_design(path).kind}"
    return _workload(str(path))


def _read_over_bases(path: Path) -> dict[str, object]:
    """The document over its bases, be they designs, memories or models: enough to see what it is."""
    from archsim.api.memories import memory_base
    from archsim.workloads.catalog import base_path as model_base

    for resolve in (base_path, memory_base):
        try:
            return load_document(path, resolve_base=resolve).data
        except BadInput:
            if not path.is_file():
                raise
    return load_document(path, resolve_base=model_base).data


def _workload(text: str) -> str:
    workload = load_workload(text)
    graph = workload.expand()
    return f"workload {workload.label}: {len(graph.ops)} ops, {graph.macs:,} MACs"


def _named(text: str) -> str:
    try:
        return f"design {load_design(text).kind}"
    except BadInput:
        if not Path(text).exists():
            return _workload(text)
        raise BadInput(
            "not a kind of file that archsim reads", where=text, right=".yaml, .json (a mapping), file.py:Class"
        ) from None


def _python(text: str) -> str:
    if is_user_class(text):
        return f"design {load_design(text).kind}"
    module = load_module(_existing(Path(text)))
    own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
    designs = [cls.__name__ for cls in own if issubclass(cls, Design)]
    for name in designs:
        load_design(f"{text}:{name}")
    return f"python, designs: {', '.join(designs) or 'none'}"


def _mapping(path: Path) -> str:
    text = _existing(path).read_text(encoding="utf-8")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadInput(f"not JSON: {error}", where=str(path)) from None
    try:
        mapping = from_json(data)
    except BadInput as error:
        raise BadInput(f"{error.where}: {error.what}", where=str(path), right=error.right) from None
    what = f"mapping of {mapping.graph} on {mapping.design}: {instances(mapping.body):,} tasks"
    if not (path.parent / "manifest.json").is_file():
        return f"{what}; well formed, and no more is known: no manifest.json beside it says what it maps"
    from archsim.api.saving import recover
    from archsim.ir.check import check

    case, _ = recover(path.parent)
    check(mapping, case.workload.expand(), case.design)
    return f"{what}, covers its graph, fits its design"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise BadInput("no such file", where=str(path))
    return path
