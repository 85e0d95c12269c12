"""From a study in YAML to checked points: what each one runs, and which line is to blame where it cannot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsim.api.cases import Case, prepare
from archsim.api.designs import base_path, bundled_names, bundled_path
from archsim.api.running import execute
from archsim.api.settings import quoted
from archsim.api.versions import code_version
from archsim.core.errors import BadInput, UnknownName
from archsim.core.hashing import digest
from archsim.core.userfile import is_user_class
from archsim.core.validate import build
from archsim.core.yamlfile import Marks, load_document
from archsim.dse.engine import plan
from archsim.dse.executor import Job
from archsim.dse.metrics import Value, metrics
from archsim.dse.sampler import Grid
from archsim.dse.store import Store
from archsim.dse.study import Settings, Study

OPTIONS = ("phase", "batch", "prompt", "context", "generate")


@dataclass(frozen=True)
class NamedStudy:
    """A study, what to call it, and where its lines are."""

    name: str
    study: Study
    marks: Marks = field(default_factory=Marks)

    @property
    def folder(self) -> Path:
        """Where it is kept by default: named by its content and the code, so that changed ones start anew."""
        from archsim.report.folder import runs_base

        return runs_base() / "studies" / f"{self.name}-{digest((self.study, code_version()))[:8]}"

    def job(self, settings: Settings) -> Job:
        """The job of one point. An error about something in the study names the study's line, where there is one."""
        payload = {"study": self.study.model_dump(mode="json", by_alias=True), "settings": dict(settings)}
        try:
            return Job(_case(self.study, settings).key, settings, payload)
        except BadInput as error:
            raise self._located(error, settings) from None

    def _located(self, error: BadInput, settings: Settings) -> BadInput:
        if error.problems:
            return BadInput.several([self._located(e, settings) for e in error.problems if isinstance(e, BadInput)])
        where = error.where or self.marks.source
        for key, value in {**self.study.set, **settings}.items():
            if where == quoted(key, value):
                where = self.marks.where(("space", key) if key in settings else ("set", key)) or where
        for name in OPTIONS:
            if where == f"--{name} {getattr(self.study, name)}":
                where = self.marks.where((name,)) or where
        return BadInput(error.what, where=where, right=error.right, try_=error.tries)


def load_study(study: str | Path | Study) -> NamedStudy:
    """The study of a bundled name, a YAML file or the folder of one that ran.

    Raises
    ------
    BadInput
        No such study, or one that is not right.
    """
    if isinstance(study, Study):
        return NamedStudy("study", study)
    text = str(study)
    if (Path(text) / "study.json").is_file():
        data = json.loads((Path(text) / "study.json").read_text(encoding="utf-8"))
        return NamedStudy(data["name"], Study.model_validate(data["study"]))
    path = Path(text) if text.endswith((".yaml", ".yml")) else bundled_path("sweeps", text)
    if path is None:
        raise UnknownName("study", text, bundled_names("sweeps"))
    document = load_document(path, resolve_base=_base)
    checked = build(Study, document, label="study")
    files = {name: _beside(getattr(checked, name), path.parent) for name in ("design", "workload")}
    return NamedStudy(path.stem, checked.model_copy(update=files), document.marks)


def check_study(path: str | Path) -> str:
    """Build every point of a study without running one; what it is, in a line."""
    named = load_study(path)
    plan(named.study, Grid().ask(named.study, ()), named.job, Store(Path()))
    return f"study of {named.study.size} points: {named.study.question}"


def evaluate(payload: Mapping[str, Any]) -> dict[str, Value]:
    """One point in a worker: from the study and its settings to the columns of the table."""
    study = Study.model_validate(payload["study"])
    return metrics(execute(_case(study, payload["settings"])).report.to_json())


def _case(study: Study, settings: Settings) -> Case:
    options = {name: getattr(study, name) for name in OPTIONS}
    return prepare(
        study.design,
        study.workload,
        fidelity=study.fidelity,
        mapper=study.mapper,
        set={**study.set, **settings},
        **options,
    )


def _base(name: str, file: Path) -> Path:
    bundled = None if name.endswith((".yaml", ".yml")) else bundled_path("sweeps", name)
    return bundled or base_path(name, file)


def _beside(text: str, folder: Path) -> str:
    """A file named in a study, as seen from here: relative to the study's folder where it lies there."""
    if is_user_class(text):
        file = text.rpartition(":")[0]
    elif text.endswith((".yaml", ".yml")):
        file = text
    else:
        return text
    return str(folder / text) if (folder / file).is_file() else text
