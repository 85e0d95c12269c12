"""A run folder around a run: resolved inputs before, results after, and the way back from a folder to its case."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from archsim.api.cases import Case, Fidelity, choose_mapper, load_workload
from archsim.api.designs import NamedDesign, load_design
from archsim.api.running import Outcome, execute
from archsim.core.errors import BadInput
from archsim.core.files import write_atomic
from archsim.core.userfile import is_user_class, load_class, source_of
from archsim.core.validate import build
from archsim.core.yamlfile import Document, load_document
from archsim.ir.kinded import Kinded
from archsim.ir.mappingfile import to_json
from archsim.ir.report import Report
from archsim.ir.workload import Workload
from archsim.report.document import ReportDoc
from archsim.report.folder import RUN_SCHEMA, RunFolder, run_name, stamp
from archsim.report.timeline import timeline as chrome_trace

K = TypeVar("K", bound=Kinded)


@dataclass(frozen=True)
class Saved:
    """A run and the folder it is kept in."""

    report: Report
    folder: Path

    @property
    def page(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"


@dataclass
class _Spans:
    """Keeps every span and count, for the timeline."""

    spans: list[tuple[str, str, int, int, Mapping[str, object]]] = field(default_factory=list)
    counts: list[tuple[str, str, int, int]] = field(default_factory=list)

    def span(self, unit: str, what: str, start: int, end: int, args: Mapping[str, int | str]) -> None:
        self.spans.append((unit, what, start, end, cast("Mapping[str, object]", args)))

    def count(self, unit: str, counter: str, at: int, value: int) -> None:
        self.counts.append((unit, counter, at, value))


def execute_and_save(
    case: Case,
    out: Path | None = None,
    *,
    fast_forward: bool = True,
    timeline: bool = False,
    command: Sequence[str] = (),
) -> Saved:
    """Simulate a case and keep everything about it in `out`, or in a new folder of ``runs/``.

    Raises
    ------
    BadInput
        The folder cannot be written: known before the simulation where possible, and nothing half-written stays.
    """
    folder = RunFolder.create(stamp=stamp(), name=run_name(case.named.name, case.workload.label, case.key), out=out)
    spans = _Spans()
    started = time.monotonic()
    try:
        observers = (spans,) if timeline else ()
        outcome = execute(case, fast_forward=fast_forward, observers=observers, command=command)
    except BaseException:
        _discard(folder, out)
        raise
    wall = time.monotonic() - started
    try:
        _copy_sources(case, folder.path)
    except BaseException:
        _discard(folder, out)
        raise
    folder.save(
        cast("ReportDoc", outcome.report.to_json()),
        design_yaml=_as_yaml(case.design),
        workload_yaml=_as_yaml(case.workload),
        mapping=to_json(outcome.mapping),
        manifest=_manifest(outcome, wall, fast_forward=fast_forward, timeline=timeline),
        timeline=chrome_trace(spans.spans, counts=spans.counts, name=case.title) if timeline else None,
    )
    return Saved(outcome.report, folder.path)


def _discard(folder: RunFolder, out: Path | None) -> None:
    folder.discard()
    if out is None:
        with suppress(OSError):
            folder.path.parent.rmdir()  # runs/, where nothing else is in it


def recover(folder: Path) -> tuple[Case, dict[str, Any]]:
    """The case that a run folder was made from, and its manifest.

    Raises
    ------
    BadInput
        Not a run folder, or one whose design or workload came from a class that was never in a file.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        inputs = manifest["inputs"]
        if manifest["schema"] != RUN_SCHEMA:
            raise BadInput(
                f"schema is {manifest['schema']!r}", where=str(path), right=f"this version reads {RUN_SCHEMA!r}"
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"no finished run in {folder}", right="a folder that archsim run wrote") from None
    named = NamedDesign(inputs["design"], load_design(folder / "design.yaml"))
    mapper = choose_mapper(inputs["mapper"]["kind"], named.design, _as_sets(inputs["mapper"]))
    return Case(named, _read_workload(folder / "workload.yaml"), mapper, Fidelity(inputs["fidelity"])), manifest


def _as_sets(mapper: Mapping[str, Any]) -> dict[str, object]:
    return {f"mapper.{name}": value for name, value in mapper.items() if name != "kind"}


def _manifest(outcome: Outcome, wall: float, **options: bool) -> dict[str, Any]:
    case, report = outcome.case, outcome.report
    return {
        "key": case.key,
        "inputs": {
            "design": case.named.name,
            "workload": case.workload.label,
            "mapper": case.mapper.model_dump(mode="json"),
            "fidelity": case.fidelity.value,
            **options,
        },
        "argv": sys.argv,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(wall, 3),
        "provenance": dict(report.provenance),
    }


def _copy_sources(case: Case, folder: Path) -> None:
    """Copy the users' files that define the design and the workload, so that the folder stands alone."""
    for spec in (case.design, case.workload):
        if (file := source_of(type(spec))) is not None:
            write_atomic(folder / file.name, file.read_bytes())


def _as_yaml(spec: Kinded) -> str:
    data = spec.model_dump(mode="json")
    if (file := source_of(type(spec))) is not None:
        data.pop("kind")
        data = {"use": f"./{file.name}:{type(spec).__qualname__}", **data}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _read_workload(path: Path) -> Workload:
    document = load_document(path)
    use = document.data.get("use")
    if isinstance(use, str) and is_user_class(use):
        data = {name: value for name, value in document.data.items() if name != "use"}
        cls = load_class(use, Workload, where=document.marks.where(("use",)), folder=path.parent)
        return build(cls, Document(data, document.marks), label="workload")
    return load_workload(path)
