"""Everything that has a name: what `archsim list`, `show` and `explain` print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from archsim.api.designs import Sets, bundled_names, bundled_path, resolve_design
from archsim.api.plugins import register
from archsim.core.describe import describe_type
from archsim.core.errors import UnknownName
from archsim.core.meaning import documented_fields
from archsim.ir.component import Component, Design
from archsim.ir.kinded import Kinded
from archsim.ir.mapper import Mapper
from archsim.ir.report import Fact
from archsim.ir.workload import Workload

Listing = dict[str, str]
"""Name -> one line about it."""


def catalog() -> dict[str, Callable[[], Listing]]:
    """What there is, by group; each group is looked up when it is asked for."""
    return {
        "designs": lambda: {name: _first_comment(bundled_path("designs", name)) for name in bundled_names("designs")},
        "models": _models,
        "memories": lambda: {
            name: _first_comment(bundled_path("memories", name)) for name in bundled_names("memories")
        },
        "cascades": lambda: {
            name: _first_comment(bundled_path("cascades", name)) for name in bundled_names("cascades")
        },
        "standards": _standards,
        "kernels": _kernels,
        "operators": _operators,
        "studies": lambda: {name: _question(bundled_path("sweeps", name)) for name in bundled_names("sweeps")},
        "mappers": lambda: _kinds(Mapper),
        "design-kinds": lambda: _kinds(Design),
        "components": lambda: _kinds(Component),
        "memory-kinds": _memory_kinds,
        "workload-kinds": lambda: _kinds(Workload),
    }


def list_names(group: str | None = None) -> dict[str, Listing]:
    """Names with a line about each, of one group or of all.

    Raises
    ------
    UnknownName
        There is no such group.
    """
    groups = catalog()
    if group is not None and group not in groups:
        raise UnknownName("group", group, groups)
    register()
    return {name: look() for name, look in groups.items() if group in (None, name)}


def show(name: str, *, set: Sets = None) -> str:
    """A design, model, memory, cascade, study or kind as YAML, fields with their meaning, ready to be changed and used.

    A DRAM has its organisation, timings and rules below it, in numbers; a DRAM standard its rules in names of timings;
    ``standards`` is one table of the rules of all of them. A cascade has its passes, what it keeps and its operations.

    Raises
    ------
    UnknownName
        Nothing has this name.
    BadInput
        Settings for a cascade, which has no fields to set.
    """
    from archsim.api.cascades import cascade_text, is_cascade
    from archsim.workloads.catalog import ALIASES, load_shape, models

    register()
    if is_cascade(name):
        return cascade_text(name, set)
    if name in models() or name in ALIASES:
        return f"# {name}: archsim run DESIGN FILE.yaml reads this back\n" + documented(load_shape(name))
    if (study := bundled_path("sweeps", name)) is not None:
        return study.read_text(encoding="utf-8")
    if (memory := _memory(name, set)) is not None:
        return memory
    for base in (Mapper, Workload):
        if name in base.registry and name not in bundled_names("designs"):
            return _kind_text(base.registry.get(name))
    try:
        named = resolve_design(name, set)
    except UnknownName as error:
        if name in Component.registry:
            return _kind_text(Component.registry.get(name))
        if error.name != name:
            raise
        known = {*models(), *bundled_names("sweeps"), *bundled_names("designs"), *bundled_names("memories")}
        known |= {*bundled_names("cascades")}
        for registered in (Mapper, Workload, Component, Design):
            known |= {*registered.registry.names()}
        raise UnknownName("name", name, known) from None
    return f"# {_doc(type(named.design))}\n{documented(named.design)}"


def explain(name: str, *, set: Sets = None) -> tuple[Fact, ...]:
    """Constants of a design or memory with their sources and confidence, its assumptions, and what is not modelled.

    Of a DRAM standard the meaning of its timings and commands; of a cascade what follows from its einsums, where
    settings are sizes of ranks.
    """
    from archsim.api.cascades import is_cascade
    from archsim.api.memories import is_memory, memory_facts, standard_facts
    from archsim.memory.standards import STANDARDS

    if is_cascade(name):
        from archsim.api.cascade_facts import cascade_facts

        register()
        return cascade_facts(name, set)
    if is_memory(name) and name not in bundled_names("designs"):
        return memory_facts(name, set=set)
    if name in STANDARDS and name not in bundled_names("designs"):
        return standard_facts(name)
    return resolve_design(name, set).design.facts()


def documented(spec: BaseModel, indent: int = 0) -> str:
    """A spec as YAML, each field below a comment that says what it means and what it takes."""
    pad = "  " * indent
    kind = getattr(type(spec), "kind", "")
    lines = [f"{pad}kind: {kind}"] if isinstance(kind, str) and kind else []
    plain = spec.model_dump(mode="json")
    for name, info in documented_fields(type(spec)).items():
        meaning = " ".join((info.description or "").split())
        value = getattr(spec, name)
        if isinstance(value, BaseModel):
            lines += [f"{pad}# {meaning}"] if meaning else []
            lines += [f"{pad}{name}:", documented(value, indent + 1).rstrip("\n")]
            continue
        lines.append(f"{pad}# {meaning} ({describe_type(info.annotation, info.metadata)})".replace("#  (", "# ("))
        lines.append(f"{pad}{name}: {_scalar(plain[name])}")
    return "\n".join(lines) + "\n"


def _memory(name: str, set: Sets) -> str | None:
    """The text of a memory, of a DRAM standard or of a memory kind of this name; None where there is none."""
    from archsim.api.dram import load_device
    from archsim.api.memories import is_memory, memory_text, standard_text, standards_table
    from archsim.memory.device import Memory
    from archsim.memory.standards import STANDARDS

    if is_memory(name) and name not in bundled_names("designs"):
        device = load_device(name, set=set, kind=Memory)
        return memory_text(name, documented(device), device)
    if name == "standards":
        return standards_table()
    if name in STANDARDS:
        return standard_text(name)
    return _kind_text(Memory.registry.get(name)) if name in Memory.registry else None


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _kind_text(cls: type[BaseModel]) -> str:
    required = [name for name, info in cls.model_fields.items() if info.is_required()]
    if not required:
        return f"# {_doc(cls)}\n{documented(cls())}"
    lines = [f"# {_doc(cls)}", f"kind: {getattr(cls, 'kind', '')}"]
    for name, info in documented_fields(cls).items():
        meaning = " ".join((info.description or "").split())
        lines.append(f"# {meaning} ({describe_type(info.annotation, info.metadata)})")
        default = (
            "..." if info.is_required() else _scalar(to_jsonable_python(info.get_default(call_default_factory=True)))
        )
        lines.append(f"{name}: {default}")
    return "\n".join(lines) + "\n"


def _kinds(base: type[Kinded]) -> Listing:
    items: Mapping[str, type] = dict(base.registry.items())
    return {name: _doc(cls) for name, cls in items.items()}


def _doc(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _models() -> Listing:
    from archsim.workloads.catalog import models

    return {name: _first_comment(bundled_path("models", name)) for name in models()}


def _standards() -> Listing:
    from archsim.memory.standards import STANDARDS

    return {name: protocol.source for name, protocol in STANDARDS.items()}


def _kernels() -> Listing:
    from archsim.memory.pim.kernels import listing

    return listing()


def _memory_kinds() -> Listing:
    import archsim.api.dram  # noqa: F401  (kinds are known once their modules are)
    from archsim.memory.device import Memory

    return _kinds(Memory)


def _operators() -> Listing:
    from archsim.workloads.single import FORMS

    return {f"{name}:{form}": form.meaning for name, form in FORMS.items()}


def _first_comment(path: Path | None) -> str:
    """The comment a bundled file begins with: what it is."""
    lines = [] if path is None else path.read_text(encoding="utf-8").splitlines()
    return lines[0].lstrip("# ").partition(". ")[0].rstrip(".") if lines and lines[0].startswith("#") else ""


def _question(path: Path | None) -> str:
    from archsim.core.yamlfile import load_document

    return "" if path is None else str(load_document(path).data.get("question", ""))
