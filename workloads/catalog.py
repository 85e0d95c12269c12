"""The bundled model shapes: one YAML file each, found by name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.core.errors import UnknownName
from archsim.core.files import bundled

if TYPE_CHECKING:
    from archsim.core.yamlfile import Document
    from archsim.workloads.shape import ModelShape

ALIASES = {
    "bert-base-uncased": "bert-base",
    "bert-large-uncased": "bert-large",
    "gpt2": "gpt2-small",
    "gpt3": "gpt3-175b",
    "llama-30b": "llama-33b",
}
"""Other names in use -> the bundled name."""


@lru_cache(maxsize=1)
def models() -> tuple[str, ...]:
    """Names of all bundled models, sorted; reads the folder, opens no file."""
    return tuple(sorted(Path(entry.name).stem for entry in bundled("models").iterdir() if entry.name.endswith(".yaml")))


def shape_path(name: str) -> Path:
    """The file of a bundled model or alias.

    Raises
    ------
    UnknownName
        No bundled model has this name.
    """
    bundled_name = ALIASES.get(name, name)
    if bundled_name not in models():
        raise UnknownName("model", name, (*models(), *ALIASES))
    return Path(str(bundled("models") / f"{bundled_name}.yaml"))


def base_path(name: str, file: Path) -> Path:
    """What ``base: name`` means in `file`: a bundled model, or a file beside it."""
    return file.parent / name if name.endswith((".yaml", ".yml")) else shape_path(name)


def shape_document(name: str, beside: Path | None = None) -> Document:
    """The YAML of a model, named as in the catalogue or by the path of a file (relative to the folder `beside`)."""
    from archsim.core.yamlfile import load_document

    if name.endswith((".yaml", ".yml")):
        return load_document(name if beside is None else beside / name, resolve_base=base_path)
    return load_document(shape_path(name), resolve_base=base_path)


def load_shape(name: str) -> ModelShape:
    """The shape of a bundled model, or of a YAML file.

    Raises
    ------
    BadInput
        No such model, or its file is wrong; with the line.
    """
    from archsim.core.validate import build
    from archsim.workloads.shape import ModelShape

    return build(ModelShape, shape_document(name), label="model")
