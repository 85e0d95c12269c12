"""YAML that remembers its lines, so that an error can say which one to edit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml

from archsim.core.errors import BadInput
from archsim.core.merge import deep_merge

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where a value sits in a document: ``("pim", "banks")``, ``("layers", 0, "rows")``."""


@dataclass(frozen=True)
class Marks:
    """Where each value of a document was written."""

    source: str = ""
    """Place of the document as a whole: its file, as shown to people."""

    places: Mapping[KeyPath, str] = field(default_factory=dict)
    """Key path -> ``"file.yaml:7"`` or ``"--set pim.banks=64"``."""

    def where(self, path: KeyPath) -> str:
        """The place of this value, or of the nearest value around it that has one."""
        for length in range(len(path), 0, -1):
            if (place := self.places.get(path[:length])) is not None:
                return place
        return self.source

    def overlaid(self, over: Marks) -> Marks:
        """These marks under those of a document merged on top."""
        return Marks(over.source, {**self.places, **over.places})


@dataclass(frozen=True)
class Document:
    """Plain data with the place of each value."""

    data: dict[str, object]
    """What was read, or merged: mappings, lists and scalars only."""

    marks: Marks = field(default_factory=Marks)
    """Where each value was written."""


def beside(name: str, file: Path) -> Path:
    """The file that `name` means when it is given relative to the folder of `file`."""
    return file.parent / name


def load_document(path: str | Path, *, resolve_base: Callable[[str, Path], Path] = beside) -> Document:
    """Read one YAML mapping, merged over the document that its ``base:`` names, if any.

    Parameters
    ----------
    path
        The file.
    resolve_base
        Finds the base: called with the text after ``base:`` and the file that says so.

    Raises
    ------
    BadInput
        No such file, not YAML, a key given twice, not a mapping, or bases that lead back to themselves; with the line.
    """
    return _load(Path(path), resolve_base, ())


def parse_scalar(text: str) -> object:
    """A value as YAML reads it: ``"64"`` is an int, ``"[1, 2]"`` a list, ``"12 ns"`` text.

    Raises
    ------
    BadInput
        The text is not YAML. Its `where` is empty: the caller knows where the text came from.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise BadInput(f"{text!r} is not a YAML value: {_problem(error)}") from None


def _load(path: Path, resolve_base: Callable[[str, Path], Path], chain: tuple[Path, ...]) -> Document:
    document = _read(path)
    if "base" not in document.data:
        return document
    base, where = document.data["base"], document.marks.where(("base",))
    if not isinstance(base, str):
        raise BadInput(f"base: {base!r} is not a name", where=where, right="base names one document to merge over")
    chain = (*chain, path.resolve())
    base_path = resolve_base(base, path)
    if base_path.resolve() in chain:
        loop = [*chain[chain.index(base_path.resolve()) :], base_path.resolve()]
        raise BadInput("base leads back to itself", where=where, right=" -> ".join(shown(step) for step in loop))
    try:
        under = _load(base_path, resolve_base, chain)
    except BadInput as error:
        if error.where == shown(base_path):  # the file itself cannot be read: the line to edit is the one that names it
            raise BadInput(
                f"base: {error.what}", where=where, right=error.right or f"looked for {error.where}"
            ) from None
        raise
    own = {key: value for key, value in document.data.items() if key != "base"}
    return Document(deep_merge(under.data, own), under.marks.overlaid(document.marks))


def _read(path: Path) -> Document:
    name = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8 text: {error.reason} at byte {error.start}", where=name) from None
    except OSError as error:
        raise BadInput(f"cannot read: {(error.strerror or str(error)).lower()}", where=name) from None
    parsed = _parse(text, name)
    return Document(deepcopy(parsed.data), parsed.marks)  # the caller may change what it gets


@lru_cache(maxsize=64)
def _parse(text: str, name: str) -> Document:
    """The document in the text of a file. Kept, since a session loads the same few files again and again."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise BadInput(
                "the file is empty" if node is None else f"the file holds {_described(node)}, not keys and values",
                where=name,
                right="one 'key: value' per line",
            )
        places = {key_path: f"{name}:{line}" for key_path, line in _lines(node, name)}
        data = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        raise BadInput(f"not YAML: {_problem(error)}", where=where, right=_yaml_advice(error)) from None
    return Document(cast("dict[str, object]", data), Marks(name, places))


def shown(path: Path) -> str:
    """A path as people write it: relative to the current folder where it lies below that."""
    try:
        return str(path.relative_to(Path.cwd()) if path.is_absolute() else path)
    except ValueError:
        return str(path)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: ``1e-3`` is a number; ``off``, ``12:30``, ``010`` and ``2026-11-22`` are text."""

    yaml_implicit_resolvers = {}


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F_]+|0b[01_]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)


def _lines(
    node: yaml.Node, name: str, path: KeyPath = (), around: tuple[int, ...] = ()
) -> Iterator[tuple[KeyPath, int]]:
    """The line of every key and list entry; checks on the way that no key is given twice."""
    if id(node) in around:
        raise BadInput("an anchor that holds itself", where=f"{name}:{node.start_mark.line + 1}")
    around = (*around, id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1
            yield from _lines(item, name, (*path, index), around)
    elif isinstance(node, yaml.MappingNode):
        first: dict[object, int] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            key = _key(key_node)
            if key in first:
                right = f"it is first given on line {first[key]}; keep one of the two"
                raise BadInput(f"key {str(key)!r} is given twice", where=f"{name}:{line}", right=right)
            first[key] = line
            yield (*path, key), line
            yield from _lines(value, name, (*path, key), around)


def _key(node: yaml.Node) -> str | int:
    if not isinstance(node, yaml.ScalarNode):
        return "?"
    return int(node.value, 0) if node.tag == "tag:yaml.org,2002:int" else str(node.value)


def _described(node: yaml.Node) -> str:
    return "a list" if isinstance(node, yaml.SequenceNode) else f"the text {node.value!r:.40}"


def _problem(error: yaml.YAMLError) -> str:
    parts: list[Any] = [getattr(error, "context", None), getattr(error, "problem", None)]
    return ", ".join(part for part in parts if part) or str(error)


def _yaml_advice(error: yaml.YAMLError) -> str:
    problem = _problem(error)
    if "'\\t'" in problem:
        return "indent with spaces: YAML allows no tabs there"
    if "mapping values are not allowed" in problem:
        return "put text that holds ': ' in quotes, and check the indentation of this line and the one above"
    if "python/" in problem or "constructor for the tag" in problem:
        return "only plain values are read: text, numbers, true, false, null, lists and mappings"
    return ""
