"""One way to change a document: merge another on top. `base:` in YAML and `--set` are the same merge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archsim.core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archsim.core.yamlfile import Document, KeyPath


def deep_merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`base` with `over` on top: mappings merge key by key, anything else in `over` replaces. Changes neither.

    >>> deep_merge({"pim": {"banks": 16, "rows": 8}}, {"pim": {"banks": 64}})
    {'pim': {'banks': 64, 'rows': 8}}
    """
    merged = {key: _copied(value) for key, value in base.items()}
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = deep_merge(below, value)
        else:
            merged[key] = _copied(value)
    return merged


def parse_set(text: str) -> tuple[KeyPath, object]:
    """Read ``"pim.banks=64"``: the key path, and the value as YAML reads it. A part of digits counts into a list.

    Raises
    ------
    BadInput
        No ``=``, an empty part, or a value that is not YAML; names the whole ``--set`` text.

    >>> parse_set("layers.0.rows=[1, 2]")
    (('layers', 0, 'rows'), [1, 2])
    """
    from archsim.core.yamlfile import parse_scalar

    where = f"--set {text}"
    key, equals, value = text.partition("=")
    if not equals:
        raise BadInput("needs KEY=VALUE", where=where, right="for example --set pim.banks=64")
    path = _path(key.strip(), where)
    if not value.strip():
        raise BadInput(f"no value for {key.strip()!r}", where=where, right="write null for no value, '' for empty text")
    try:
        return path, parse_scalar(value)
    except BadInput as error:
        raise BadInput(error.what, where=where, right="put text with special characters in quotes") from None


def apply_sets(document: Document, sets: Sequence[str] | Mapping[str, object]) -> Document:
    """The document with settings merged on top, the last one winning; errors about a value then name its setting.

    Parameters
    ----------
    document
        What to change; stays as it is.
    sets
        ``["pim.banks=64"]`` from a command line, or ``{"pim.banks": 64}`` from Python; a text is one setting.

    Raises
    ------
    BadInput
        A setting that is not KEY=VALUE, reaches into something that has no keys, or past the end of a list.
    """
    from archsim.core.yamlfile import Document, Marks

    data = deep_merge(document.data, {})
    places = dict(document.marks.places)
    for where, asked, value in _settings(sets):
        path = _put(data, asked, value, where)
        for old in [place for place in places if place[: len(path)] == path]:
            if not isinstance(value, Mapping):
                del places[old]
        for leaf in _leaves(path, value):
            places[leaf] = where
    return Document(data, Marks(document.marks.source, places))


def _settings(sets: Sequence[str] | Mapping[str, object]) -> list[tuple[str, KeyPath, object]]:
    if isinstance(sets, Mapping):
        places = {key: f"set={{{key!r}: {value!r:.60}}}" for key, value in sets.items()}
        return [(places[key], _path(key, places[key]), value) for key, value in sets.items()]
    given = (
        [sets] if isinstance(sets, str) else sets
    )  # a text is a sequence of texts to Python, and one setting to people
    return [(f"--set {text}", *parse_set(text)) for text in given]


def _path(key: str, where: str) -> KeyPath:
    parts = key.split(".")
    if not all(part.strip() for part in parts):
        raise BadInput(f"{key!r} has an empty part", where=where, right="keys are joined by single dots: pim.banks")
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def _put(data: dict[str, object], path: KeyPath, value: object, where: str) -> KeyPath:
    """Set one value inside nested mappings and lists, in place.

    Returns the path as it really lies: digits count into a list, and are a key in a mapping.
    """
    real: KeyPath = ()
    here: object = data
    for left, part in zip(range(len(path) - 1, -1, -1), path, strict=True):
        if isinstance(here, list):
            place: Any = _index(here, part, real, where)
            old = here[place]
        elif isinstance(here, dict):
            place = part if part in here else str(part)
            old = here.get(place)
        else:
            raise BadInput(
                f"{dotted(real)} is {here!r:.60}, which has no {str(part)!r} inside",
                where=where,
                right=f"set {dotted(real)} as a whole, or to a mapping of keys first",
            )
        here[place] = ({} if old is None else old) if left else _merged(old, value)
        real, here = (*real, place), here[place]
    return real


def _index(items: list[object], part: str | int, path: KeyPath, where: str) -> int:
    if not isinstance(part, int):
        raise BadInput(f"{dotted(path)} is a list, {part!r} is not a position in it", where=where)
    if part >= len(items):
        right = f"its entries are 0 to {len(items) - 1}" if items else "it is empty"
        raise BadInput(f"{dotted(path)} has no entry {part}", where=where, right=right)
    return part


def _merged(old: object, value: object) -> object:
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        return deep_merge(old, value)
    return _copied(value)


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _leaves(path: KeyPath, value: object) -> list[KeyPath]:
    if isinstance(value, Mapping) and value:
        return [leaf for key, item in value.items() for leaf in _leaves((*path, key), item)]
    return [path]


def dotted(path: KeyPath) -> str:
    """A key path as people write it.

    >>> dotted(("layers", 0, "rows"))
    'layers[0].rows'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
