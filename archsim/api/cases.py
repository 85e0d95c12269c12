"""Everything that decides a result, resolved and checked, before anything is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from archsim.api.designs import NamedDesign, Sets, refuse_other_paths, resolve_design
from archsim.api.plugins import register
from archsim.api.settings import chosen, scoped
from archsim.api.versions import code_version, user_sources
from archsim.core.errors import BadInput, UnknownName
from archsim.core.hashing import digest
from archsim.core.validate import build
from archsim.core.yamlfile import Document, Marks
from archsim.ir.component import Design
from archsim.ir.mapper import Mapper
from archsim.ir.workload import Workload

SEED = 0
"""Nothing is random yet; part of every key, so that it can become an option."""


class Fidelity(StrEnum):
    """How time is found."""

    CYCLE = "cycle"
    """Exact simulation."""
    ROOFLINE = "roofline"
    """Closed form: every unit at its peak rate, nothing waits."""


@dataclass(frozen=True)
class Case:
    """One run, before it runs. Equal keys give equal results."""

    named: NamedDesign
    workload: Workload
    mapper: Mapper
    fidelity: Fidelity

    @property
    def design(self) -> Design:
        """The machine."""
        return self.named.design

    @property
    def title(self) -> str:
        """``design-workload``, for folder names."""
        return f"{self.named.name}-{self.workload.label}"

    @cached_property
    def key(self) -> str:
        """Stands for design, workload, mapper, fidelity, seed and code version: the address of the result."""
        inputs = (self.design, self.workload, self.mapper)
        return digest((*inputs, self.fidelity.value, SEED, code_version(), user_sources(*inputs)))


def load_workload(
    workload: str | Path | Workload,
    *,
    phase: str | None = None,
    batch: int | None = None,
    prompt: int | None = None,
    context: int | None = None,
    generate: int | None = None,
    set: Sets = None,
) -> Workload:
    """The workload of this name, with options and settings merged over it.

    Parameters
    ----------
    workload
        A model (`archsim list models`), a YAML file, ``file.py:Class``, an operator such as ``gemm:128,768,768``, or a
        workload.
    phase, batch, prompt, context, generate
        As on the command line; None leaves the workload's own.
    set
        Field -> value: ``{"workload.dtype": "int8"}``; the ``workload.`` may be left out.

    Raises
    ------
    BadInput
        No such workload, or options that do not fit it.
    """
    from archsim.workloads.catalog import models
    from archsim.workloads.load import load_workload as named_workload

    register()
    options = {"phase": phase, "batch": batch, "prompt": prompt, "context": context, "generate": generate}
    if not isinstance(workload, Workload):
        if not str(workload).endswith((".yaml", ".yml")) and str(workload) not in models():
            refuse_other_paths(str(workload))
        return named_workload(str(workload), sets=set or (), **options)  # type: ignore[arg-type]
    given = {name: value for name, value in options.items() if value is not None}
    if not given and not set:
        return workload
    data = {name: value for name, value in workload.model_dump(mode="json").items() if name != "kind"}
    document = scoped(Document({**data, **given}, Marks(type(workload).__name__)), "workload", _prefixed(set))
    return build(type(workload), document, label="workload")


def prepare(
    design: str | Path | Design,
    workload: str | Path | Workload,
    *,
    phase: str | None = None,
    batch: int | None = None,
    prompt: int | None = None,
    context: int | None = None,
    generate: int | None = None,
    fidelity: str = "cycle",
    mapper: str | Mapper | None = None,
    set: Sets = None,
) -> Case:
    """Resolve and check everything a run names; see `archsim.run` for the parameters."""
    named = resolve_design(design, chosen(set, "design"))
    resolved = load_workload(
        workload,
        phase=phase,
        batch=batch,
        prompt=prompt,
        context=context,
        generate=generate,
        set=chosen(set, "workload"),
    )
    if fidelity not in [*Fidelity]:
        raise UnknownName("fidelity", fidelity, [str(known) for known in Fidelity])
    return Case(named, resolved, choose_mapper(mapper, named.design, chosen(set, "mapper")), Fidelity(fidelity))


def choose_mapper(mapper: str | Mapper | None, design: Design, sets: Sets = None) -> Mapper:
    """The mapper of this name with settings on top, or without a name the best one that accepts the design.

    Raises
    ------
    BadInput
        No such mapper, a wrong setting, or one that does not accept the design.
    """
    register()
    if isinstance(mapper, Mapper) and not sets:
        made = mapper
    else:
        cls = type(mapper) if isinstance(mapper, Mapper) else _mapper_class(mapper, design)
        data = mapper.model_dump(mode="json") if isinstance(mapper, Mapper) else {}
        bare = {name: value for name, value in data.items() if name != "kind"}
        made = build(cls, scoped(Document(bare, Marks(f"mapper {cls.kind}")), "mapper", sets), label="mapper")
    if not made.accepts(design):
        able = ", ".join(cls.kind for cls in _accepting(design)) or "none"
        raise BadInput(
            f"mapper {made.kind!r} cannot map onto design kind {design.kind!r}",
            right=f"mappers that can: {able}",
            try_="leave --mapper out",
        )
    return made


def _mapper_class(name: str | None, design: Design) -> type[Mapper]:
    if name is not None:
        return Mapper.registry.get(name)
    able = _accepting(design)
    if not able:
        raise BadInput(
            f"no mapper can map onto design kind {design.kind!r}",
            right="mappers look at what the design's units declare in capabilities()",
        )
    return able[0]


def _accepting(design: Design) -> list[type[Mapper]]:
    able = [cls for _, cls in Mapper.registry.items() if cls().accepts(design)]
    return sorted(able, key=lambda cls: (-cls.priority, cls.kind))


def _prefixed(sets: Sets) -> Sets:
    if isinstance(sets, list | tuple):
        return [text if text.startswith("workload.") else f"workload.{text}" for text in sets]
    items = dict(sets).items() if sets is not None and not isinstance(sets, list | tuple) else ()  # type: ignore[arg-type]
    return {key if key.startswith("workload.") else f"workload.{key}": value for key, value in items}
