"""Whom a setting is for: ``workload.x`` the workload, ``mapper.x`` the mapper, everything else the design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsim.core.merge import apply_sets
from archsim.core.yamlfile import Document, KeyPath, Marks

SCOPES = ("design", "workload", "mapper")
"""First parts of a key that say whom it is for; without one it is for the design."""


def scope_of(key: str) -> str:
    """Whom a setting is for, by its key.

    >>> scope_of("workload.dtype=bf16"), scope_of("array.rows"), scope_of("design.array.rows")
    ('workload', 'design', 'design')
    """
    first = key.partition("=")[0].partition(".")[0].strip()
    return first if first in SCOPES else "design"


def chosen(sets: Sequence[str] | Mapping[str, object] | None, scope: str) -> list[str] | dict[str, object]:
    """The settings for one scope, unchanged."""
    if isinstance(sets, Mapping):
        return {key: value for key, value in sets.items() if scope_of(key) == scope}
    return [text for text in sets or () if scope_of(text) == scope]


def scoped(document: Document, scope: str, sets: Sequence[str] | Mapping[str, object] | None) -> Document:
    """The document with the settings of its scope on top; errors quote each setting as it was given."""
    own = chosen(sets, scope)
    if not own:
        return document
    bare: list[str] | dict[str, object]
    named: list[str] | dict[str, object]
    if isinstance(own, dict):
        named = {key: value for key, value in own.items() if key.startswith(f"{scope}.")}
        bare = {key: value for key, value in own.items() if key not in named}
    else:
        named = [text for text in own if text.lstrip().startswith(f"{scope}.")]
        bare = [text for text in own if text not in named]
    changed = apply_sets(document, bare) if bare else document
    return _placed(_inside(changed, scope, named) if named else changed, document)


def quoted(key: str, value: object) -> str:
    """How errors name a setting that was given from Python: what `archsim.core.merge` writes as its place."""
    return f"set={{{key!r}: {value!r:.60}}}"


def _placed(document: Document, before: Document) -> Document:
    """The keys that a setting brought with it, ``array`` of ``array.rows=3``, are of that setting too."""
    places = dict(document.marks.places)
    for path, place in document.marks.places.items():
        for length in range(1, len(path)):
            if path not in before.marks.places and not _reaches(before.data, path[:length]):
                places.setdefault(path[:length], place)
    return Document(document.data, Marks(document.marks.source, places))


def _reaches(data: object, path: KeyPath) -> bool:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return isinstance(data, list)
        data = data[part]
    return True


def _inside(document: Document, scope: str, sets: Sequence[str] | Mapping[str, object]) -> Document:
    """Apply settings whose keys begin with the name of the document as a whole."""
    places = {(scope, *path): place for path, place in document.marks.places.items()}
    outer = apply_sets(Document({scope: document.data}, Marks(document.marks.source, places)), sets)
    data = outer.data[scope]
    assert isinstance(data, dict)
    inner = {path[1:]: place for path, place in outer.marks.places.items() if len(path) > 1}
    return Document(data, Marks(document.marks.source, inner))
