"""From the text that names a workload, and the options beside it, to the workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from archsim.core.errors import BadInput, UnknownName
from archsim.core.merge import apply_sets
from archsim.core.userfile import is_user_class, load_class
from archsim.core.validate import build
from archsim.core.yamlfile import Document, KeyPath, Marks, load_document
from archsim.ir.workload import Workload
from archsim.workloads.catalog import ALIASES, base_path, models, shape_document
from archsim.workloads.single import FORMS, Operator, parse
from archsim.workloads.transformer import Transformer

LABEL = "workload"
"""What settings and errors put before a workload's keys."""
YAML = (".yaml", ".yml")


def load_workload(
    text: str,
    *,
    sets: Sequence[str] | Mapping[str, object] = (),
    phase: str | None = None,
    batch: int | None = None,
    prompt: int | None = None,
    context: int | None = None,
    generate: int | None = None,
) -> Workload:
    """The workload that a text names.

    Parameters
    ----------
    text
        A model name (``gpt2-xl``), a YAML file (a model shape, or a workload with its ``kind``), ``file.py:Class``, or
        an operator (``gemm:128,768,768``).
    sets
        Settings of its fields, ``["workload.dtype=int8"]`` or ``{"workload.dtype": "int8"}``; merged on top of the
        document. The ``workload.`` may be left out.
    phase, batch, prompt, context, generate
        Fields of `Transformer`, and of any other workload that has them; None leaves them alone.

    Raises
    ------
    BadInput
        An unknown name, a file that cannot be read, or values that do not fit; names the line, option or setting.
    """
    cls, document = _named(text.strip())
    options = {"phase": phase, "batch": batch, "prompt": prompt, "context": context, "generate": generate}
    given = {name: value for name, value in options.items() if value is not None}
    places: dict[KeyPath, str] = {(name,): f"--{name} {value}" for name, value in given.items()}
    document = Document({**document.data, **given}, document.marks.overlaid(Marks(document.marks.source, places)))
    return build(cls, _with_settings(_with_model(document), sets), label=LABEL)


def _named(text: str) -> tuple[type[Workload], Document]:
    """The type of a workload and its document, which may name a more special type."""
    if text.endswith(YAML):
        return _from_yaml(Path(text))
    if is_user_class(text):
        return load_class(text, Workload), Document({}, Marks(text))
    if ":" in text:
        parse(text)
        return Operator, Document({"op": text}, Marks("", {("op",): text}))
    if text in FORMS:
        parse(text)  # says which sizes it needs
    if text in models() or text in ALIASES:
        return Transformer, Document({"model": text})
    error = UnknownName("model", text, (*models(), *ALIASES))
    error.tries = ("archsim list models", "a YAML file", "file.py:Class", "an operator such as gemm:128,768,768")
    raise error


def _from_yaml(path: Path) -> tuple[type[Workload], Document]:
    document = load_document(path, resolve_base=base_path)
    if "kind" in document.data:
        model = document.data.get("model")
        if isinstance(model, str) and model.endswith(YAML):  # relative to the document that says so
            data = {**document.data, "model": str(path.parent / model)}
            return Workload, Document(data, document.marks)
        return Workload, document
    return Transformer, _below("model", document)


def _below(key: str, document: Document) -> Document:
    """The document as the value of a key of a larger one."""
    places = {(key, *path): place for path, place in document.marks.places.items()}
    return Document({key: document.data}, Marks(document.marks.source, {(key,): document.marks.source, **places}))


def _with_model(document: Document) -> Document:
    """Put a model's own document where its name stands, so that settings can reach into it."""
    model = document.data.get("model")
    if not isinstance(model, str):
        return document
    try:
        inner = _below("model", shape_document(model))
    except UnknownName as error:
        raise UnknownName("model", error.name, (*models(), *ALIASES), where=document.marks.where(("model",))) from None
    marks = Marks(document.marks.source, {**document.marks.places, **inner.marks.places})
    return Document({**document.data, **inner.data}, marks)


def _with_settings(document: Document, sets: Sequence[str] | Mapping[str, object]) -> Document:
    """Merge settings written ``workload.KEY`` on top, keeping their full text for errors."""
    if isinstance(sets, str):
        raise BadInput(f"sets={sets!r} is one text", right="a list of texts or a mapping", try_=f"sets=[{sets!r}]")
    full: Sequence[str] | Mapping[str, object]
    if isinstance(sets, Mapping):
        full = {_full(key): value for key, value in sets.items()}
    else:
        full = [_full(text.strip()) for text in sets]
    whole = apply_sets(_below(LABEL, document), full)
    places = {path[1:]: place for path, place in whole.marks.places.items() if len(path) > 1}
    return Document(cast("dict[str, object]", whole.data[LABEL]), Marks(document.marks.source, places))


def _full(setting: str) -> str:
    """A setting with the ``workload.`` that may be left out."""
    first = setting.partition("=")[0].partition(".")[0].strip()
    return setting if first == LABEL else f"{LABEL}.{setting}"
