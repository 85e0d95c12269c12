"""From a name to a design: bundled, a YAML file, ``file.py:Class``, or a registered kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel

from archsim.api.plugins import register
from archsim.api.settings import scoped
from archsim.core.errors import BadInput, UnknownName
from archsim.core.files import bundled
from archsim.core.userfile import is_user_class, load_class, source_of
from archsim.core.validate import build
from archsim.core.yamlfile import Document, Marks, load_document, shown
from archsim.ir.component import Design

Sets: TypeAlias = "Sequence[str] | Mapping[str, object] | None"
"""Settings as on the command line, ``["array.rows=32"]``, or as a mapping, ``{"array.rows": 32}``."""


@dataclass(frozen=True)
class NamedDesign:
    """A design and what to call it in tables and reports."""

    name: str
    design: Design


def load_design(design: str | Path | Design, *, set: Sets = None) -> Design:
    """The design of this name, with settings merged over it.

    Parameters
    ----------
    design
        A bundled name (`archsim list designs`), a YAML file, ``file.py:Class``, a registered design kind, or a design.
    set
        Dotted field -> value, over what the design says: ``{"array.rows": 32}`` or ``["array.rows=32"]``.

    Raises
    ------
    BadInput
        No such design, or one that is not right; says where, and what would be right.
    """
    return resolve_design(design, set).design


def resolve_design(design: str | Path | Design, set: Sets = None) -> NamedDesign:
    """As `load_design`, with its name."""
    register()
    if isinstance(design, Design):
        document = Document(_plain(design), Marks(type(design).__name__))
        name, cls = design.kind or type(design).__name__, type(design)
        return NamedDesign(name, design if not set else _build(cls, scoped(document, "design", set)))
    text = str(design)
    if is_user_class(text):
        found = load_class(text, Design)
        return NamedDesign(found.kind or found.__name__, _build(found, scoped(_empty(text), "design", set)))
    path = design_path(text)
    if path is None:
        return NamedDesign(text, _build(Design.registry.get(text), scoped(_empty(text), "design", set)))
    document = load_document(path, resolve_base=base_path)
    return NamedDesign(Path(path).stem, _build(*_typed(scoped(document, "design", set))))


def design_path(text: str) -> Path | None:
    """The YAML file that a name means; None where it names a kind instead.

    Raises
    ------
    UnknownName
        Neither a file nor a bundled name nor a kind.
    """
    if text.endswith((".yaml", ".yml")):
        return Path(text).expanduser()
    if text.endswith(".py"):
        raise BadInput(f"{text} is a whole file", right=f"name the class in it: {text}:MyDesign")
    if (path := bundled_path("designs", text)) is not None:
        return path
    if text in Design.registry:
        return None
    refuse_other_paths(text)
    raise UnknownName("design", text, known_designs())


def refuse_other_paths(text: str) -> None:
    """Raise the error about something that exists, but is not a file that names a design or a workload."""
    path = Path(text).expanduser()
    if not path.exists() or text in bundled_names("designs"):
        return
    what = "is a folder" if path.is_dir() else "is not .yaml or file.py:Class"
    right = "a name, a .yaml file, or file.py:Class"
    raise BadInput(f"{text} {what}", right=right, try_="archsim list")


def known_designs() -> tuple[str, ...]:
    """Bundled names and the kinds of installed packages."""
    register()
    kinds = (kind for kind, cls in Design.registry.items() if source_of(cls) is None)
    return tuple(sorted({*bundled_names("designs"), *kinds}))


def bundled_names(kind: str) -> tuple[str, ...]:
    """Names of the packaged YAML of one kind, sorted."""
    entries = (entry.name for entry in bundled(kind).iterdir())
    return tuple(sorted(Path(name).stem for name in entries if name.endswith(".yaml")))


def bundled_path(kind: str, name: str) -> Path | None:
    """The packaged file of this name, or None."""
    if name not in bundled_names(kind):
        return None
    with as_file(bundled(kind) / f"{name}.yaml") as path:
        return path


def base_path(name: str, file: Path) -> Path:
    """What ``base: NAME`` means in a file: a file beside it, or a bundled design."""
    if not name.endswith((".yaml", ".yml")) and (path := bundled_path("designs", name)) is not None:
        return path
    return file.parent / name


def _typed(document: Document) -> tuple[type[Design], Document]:
    """The class that a document's `kind` or `use` names, and the document without it."""
    data = dict(document.data)
    given = [key for key in ("kind", "use") if key in data]
    if len(given) != 1:
        what = "both kind and use are given" if given else "neither kind nor use is given"
        right = "kind: NAME is a registered kind, use: ./file.py:Class a class in a file"
        raise BadInput(what, where=document.marks.where(tuple(given[-1:])), right=right)
    key = given[0]
    value, where = str(data.pop(key)), document.marks.where((key,))
    bare = Document(data, document.marks)
    if key == "use":
        if not is_user_class(value):
            raise BadInput(
                f"use: {value!r} is not a class in a file", where=where, right="use: ./my_design.py:MyDesign"
            )
        return load_class(value, Design, where=where, folder=Path(where.rpartition(":")[0]).parent), bare
    try:
        return Design.registry.get(value), bare
    except UnknownName as error:
        raise BadInput(f"kind: {error.what}", where=where, right=error.right) from None


def _build(cls: type[Design], document: Document) -> Design:
    data = {name: _over_default(cls, name, value) for name, value in _without_stale_sources(document).items()}
    return build(cls, Document(data, document.marks), label="design")


def _without_stale_sources(document: Document) -> dict[str, object]:
    """The data, where `sources` speaks only of values from the place where it stands itself.

    A value that ``--set`` or a file on top of a `base` changed has lost the source that the base names for it.
    """
    sources = document.data.get("sources")
    if not isinstance(sources, Mapping):
        return document.data
    places = document.marks.places

    def holds(path: str) -> bool:
        value, entry = places.get(tuple(path.split("."))), places.get(("sources", path))
        return value is None or entry is None or value.rpartition(":")[0] == entry.rpartition(":")[0]

    return {**document.data, "sources": {path: text for path, text in sources.items() if holds(str(path))}}


def _over_default(cls: type[BaseModel], name: str, value: object) -> object:
    """A mapping for a component changes the fields it names and keeps the others as the class has them by default.

    Without this, ``--set npu.cols=32`` on ``npu: Systolic = Systolic(rows=64)`` would forget the 64 rows.
    """
    field = cls.model_fields.get(name)
    default = None if field is None or field.is_required() else field.get_default(call_default_factory=True)
    if not isinstance(default, BaseModel) or not isinstance(value, Mapping):
        return value
    own = getattr(default, "kind", "")
    if value.get("kind", own) != own:
        return value
    kept = {key: getattr(default, key) for key in default.model_fields_set if key not in value}
    changed = {key: _over_default(type(default), key, item) for key, item in value.items()}
    tag: dict[str, Any] = {"kind": own} if own else {}
    return {**tag, **kept, **changed}


def _plain(design: Design) -> dict[str, object]:
    return {name: value for name, value in design.model_dump(mode="json").items() if name != "kind"}


def _empty(text: str) -> Document:
    return Document({}, Marks(shown(Path(text))))
