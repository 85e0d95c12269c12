"""Cascades from YAML: the bundled ones by name, or a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import as_file
from pathlib import Path
from typing import TypeVar

from pydantic import Field, field_validator

from archsim.core.errors import BadInput, UnknownName
from archsim.core.files import bundled
from archsim.core.spec import Spec
from archsim.core.validate import build
from archsim.core.yamlfile import Document, KeyPath, load_document
from archsim.ir.cascade.cascade import Cascade, partition_of
from archsim.ir.cascade.einsum import BadCascade
from archsim.ir.cascade.masks import Mask
from archsim.ir.cascade.parse import parse_access, parse_einsum

KIND = "cascade"
"""What `kind` says in the YAML of a cascade."""

T = TypeVar("T")


class CascadeFile(Spec):
    """The YAML form of a cascade."""

    inputs: tuple[str, ...] = Field(min_length=1)
    """Tensors that are given, with their ranks: Q[b,h,p,e]."""
    einsums: tuple[str, ...] = Field(min_length=1)
    """One tensor each, in order: QK[b,h,m,p] = sum(e) Q[b,h,p,e] * K[b,h,m,e]."""
    outputs: tuple[str, ...] = Field(min_length=1)
    """Tensors that are wanted."""
    partitions: dict[str, tuple[str, ...]] = {}
    """Ranks that are cut into tiles: m: [m1, m0] is m = m1 * M0 + m0."""
    initial: dict[str, float] = {}
    """Values of states before their first step: a number or -inf."""
    sizes: dict[str, int] = {}
    """Sizes that are known, by the name of the rank in capitals: M0: 256."""
    masks: tuple[str, ...] = ()
    """Which keys a query sees: causal(m,p), window(m,p,4096)."""

    @field_validator("initial", mode="plain")
    @classmethod
    def _read_numbers(cls, value: object) -> dict[str, float]:
        """Infinity is a value here, as -inf or -.inf; nowhere else."""
        if not isinstance(value, dict):
            raise BadInput("not a mapping of keys", right="a state and its value each: {RM: -inf, RD: 0}")
        out = {}
        for name, number in value.items():
            try:
                out[str(name)] = float(number)
            except (TypeError, ValueError):
                raise BadInput(f"{name}: {number!r} is not a number", right="a number or -inf") from None
            if out[str(name)] != out[str(name)]:
                raise BadInput(f"{name} is not a number", right="a number or -inf")
        return out


def names() -> tuple[str, ...]:
    """The bundled cascades, sorted."""
    entries = (entry.name for entry in bundled("cascades").iterdir())
    return tuple(sorted(Path(name).stem for name in entries if name.endswith(".yaml")))


def bundled_file(name: str) -> Path | None:
    """The packaged YAML of this name, or None."""
    if name not in names():
        return None
    with as_file(bundled("cascades") / f"{name}.yaml") as path:
        return path


def load_cascade(name: str | Path) -> Cascade:
    """The cascade of a bundled name or of a YAML file.

    Raises
    ------
    UnknownName
        No such name.
    BadInput
        The file cannot be read, or what it says cannot be: names file and line, einsum and rank.
    """
    text = str(name)
    if text.endswith((".yaml", ".yml")):
        path: Path | None = Path(text).expanduser()
    else:
        path = bundled_file(text)
    if path is None:
        raise UnknownName("cascade", text, names())
    return cascade_from(load_document(path, resolve_base=base_path), path.stem)


def cascade_from(document: Document, name: str) -> Cascade:
    """The cascade that a document means.

    Raises
    ------
    BadInput
        With the line of the key that is wrong.
    """
    data = {key: value for key, value in document.data.items() if key != "kind"}
    if document.data.get("kind") != KIND:
        where = document.marks.where(("kind",))
        raise BadInput("not a cascade", where=where, right=f"kind: {KIND}")
    spec = build(CascadeFile, Document(data, document.marks), label=KIND)

    def each(key: str, read: Callable[[str], T], texts: tuple[str, ...]) -> tuple[T, ...]:
        return tuple(_located(document, (key, at), partial(read, text)) for at, text in enumerate(texts))

    inputs = each("inputs", parse_access, spec.inputs)
    einsums = each("einsums", parse_einsum, spec.einsums)
    masks = each("masks", Mask.parse, spec.masks)
    cuts = tuple(
        _located(document, ("partitions", rank), partial(partition_of, rank, parts))
        for rank, parts in spec.partitions.items()
    )
    initial, sizes = tuple(sorted(spec.initial.items())), tuple(sorted(spec.sizes.items()))
    return _located(document, (), lambda: Cascade(name, inputs, einsums, spec.outputs, cuts, initial, sizes, masks))


def _located(document: Document, key: KeyPath, make: Callable[[], T]) -> T:
    """What `make` makes; an error of it with the line that is to blame."""
    try:
        return make()
    except BadInput as error:
        key = error.key if isinstance(error, BadCascade) and error.key else key
        what = f"{error.where}: {error.what}" if error.where else error.what
        raise BadInput(what, where=document.marks.where(key), right=error.right, try_=error.tries) from None


def base_path(name: str, file: Path) -> Path:
    """What ``base: NAME`` means in a cascade's file: a file beside it, or a bundled cascade."""
    bundled_path = None if name.endswith((".yaml", ".yml")) else bundled_file(name)
    return file.parent / name if bundled_path is None else bundled_path
