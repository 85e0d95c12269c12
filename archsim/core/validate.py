"""From a document to a checked object, or to errors that name the line, the key, the value and what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from archsim.core.describe import choices, describe_bound, describe_field, describe_value, members
from archsim.core.errors import ArchsimError, BadInput, UnknownName, did_you_mean, nearest, some
from archsim.core.meaning import documented_fields
from archsim.core.merge import dotted
from archsim.core.yamlfile import Document, KeyPath

M = TypeVar("M", bound=BaseModel)

_BOUNDS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}


def build(cls: type[M], doc: Document, *, label: str = "") -> M:
    """Check a document against a type and make the object.

    Parameters
    ----------
    cls
        The type; where the document gives a `kind`, the object may be of a subclass.
    doc
        Data and where each value was written.
    label
        What the document is, put before every key in errors: ``"design"`` gives ``design.pim.banks``.

    Raises
    ------
    BadInput
        Every problem of the document at once, one below the other.
    """
    try:
        return cls.model_validate(doc.data)
    except ValidationError as error:
        problems = _problems(cls, doc, label or cls.__name__, error)
    raise problems[0] if len(problems) == 1 else BadInput.several(problems)


@dataclass(frozen=True)
class _Site:
    """The place in data and types that an error is about."""

    path: KeyPath = ()
    owner: type[BaseModel] | None = None
    """The model whose key the last part of `path` is."""
    field: FieldInfo | None = None
    """The nearest field on the way; None for an unknown key."""
    hint: object = None
    """The type at `path`, where known."""
    value: object = None


@dataclass(frozen=True)
class _Finding:
    """One error of pydantic's, and where it is."""

    site: _Site
    error: ErrorDetails


def _problems(cls: type[BaseModel], doc: Document, label: str, error: ValidationError) -> list[BadInput]:
    found = [_Finding(_locate(cls, doc.data, one["loc"]), one) for one in error.errors(include_url=False)]
    paths = {finding.site.path for finding in found}
    by_path: dict[KeyPath, list[_Finding]] = {}
    for finding in found:
        path = finding.site.path
        # A union reports each member it tried; what went wrong further inside is what the user meant to write.
        # And a list whose items are wrong is then also too short.
        beside_the_point = finding.error["type"].endswith(("_type", "too_short")) and any(
            len(other) > len(path) and other[: len(path)] == path for other in paths
        )
        if not beside_the_point:
            by_path.setdefault(path, []).append(finding)
    return [_problem(group, doc, label) for group in by_path.values()]


def _problem(group: list[_Finding], doc: Document, label: str) -> BadInput:
    site, error = group[0].site, group[0].error
    cause = error.get("ctx", {}).get("error")
    path = _blamed(site.path, doc, error.get("ctx", {}).get("blame", ()))
    if isinstance(site.value, Mapping) and (
        error["type"].endswith("_kind") or (isinstance(cause, UnknownName) and site.value.get("kind") == cause.name)
    ):
        path = (*path, "kind")
    what, right = _told(group, _stem(doc.marks.where(path), str(path[-1])) if path else "")
    tries: tuple[str, ...] = ()
    named = _fields_in(cause.what, site.value) if isinstance(cause, ArchsimError) and path == site.path else ()
    where = doc.marks.where(_blamed(path, doc, named))
    if isinstance(cause, ArchsimError):
        what, right, tries = cause.what, cause.right or right, cause.tries
        where = where or cause.where
    key = "".join((label, "" if not path or isinstance(path[0], int) else ".", dotted(path)))
    return BadInput(f"{key}: {what}", where=where, right=right, try_=tries)


def _blamed(path: KeyPath, doc: Document, names: Sequence[str]) -> KeyPath:
    """The key to blame for an error about several fields of a model, which a validator names in `blame` of its context.

    The first of them that was set on the command line, or else the first that was written.
    """
    written = [(*path, *name.split(".")) for name in names]
    places = {each: doc.marks.where(each) for each in written}
    chosen = [each for each, place in places.items() if place.startswith(("--set", "set="))]
    chosen += [each for each, place in places.items() if place != doc.marks.where(path)]
    return next(iter(chosen), path)


def _fields_in(text: str, value: object) -> tuple[str, ...]:
    """The fields of a model that the text of its own error names, such as ``timing.trc``, in their order."""
    if not isinstance(value, Mapping):
        return ()
    names = (name.strip(".") for name in re.findall(r"[a-z_][\w.]*", text))
    return tuple(dict.fromkeys(name for name in names if name.partition(".")[0] in value))


def _stem(where: str, key: str) -> str:
    """What stands before `key` on the command line: ``workload.`` in ``--set workload.layers=1``."""
    typed = where.removeprefix("--set ").partition("=")[0].split(".") if where.startswith("--set ") else []
    return "".join(f"{part}." for part in typed[: typed.index(key)]) if key in typed else ""


def _told(group: list[_Finding], stem: str) -> tuple[str, str]:
    """What is wrong, and what would be right; keys begin with `stem`."""
    site, error = group[0].site, group[0].error
    if error["type"] == "extra_forbidden":
        return _unknown_key(site, stem)
    right = describe_field(*_named(site)) if site.field is not None else ""
    if error["type"] == "missing":
        return "missing", right
    context = error.get("ctx", {})
    if "right" in context:  # a quantity or a kind, which know best
        meaning = site.field.description if site.field is not None else None
        return error["msg"], f"{context['right']}\n{right}" if meaning else context["right"]
    given = describe_value(error["input"])
    options = choices(site.hint)
    meant = did_you_mean(nearest(str(error["input"]), options))
    if len(group) > 1:
        return f"{given} is none of the things it may be{meant}", right
    if options:
        return f"{given} is not one of {some(options)}{meant}", right
    return _plain_words(site, error, given), right


def _named(site: _Site) -> tuple[str, FieldInfo]:
    name = next((str(part) for part in reversed(site.path) if isinstance(part, str)), "")
    if site.owner is not None and site.field is not None:
        name = next((n for n, field in site.owner.model_fields.items() if field is site.field), name)
    assert site.field is not None
    return name, site.field


def _unknown_key(site: _Site, stem: str) -> tuple[str, str]:
    key = str(site.path[-1])
    fields = documented_fields(site.owner) if site.owner is not None else {}
    if (near := nearest(key, fields)) is not None:
        return f"unknown key{did_you_mean(stem + near)}", describe_field(near, fields[near])
    for name, field in fields.items():
        for model in _models(field):
            if key in model.model_fields:
                found = documented_fields(model)[key]
                return f"unknown key{did_you_mean(f'{stem}{name}.{key}')}", describe_field(key, found)
    return "unknown key", f"known keys: {some(list(fields))}" if fields else "no keys go here"


def _plain_words(site: _Site, error: ErrorDetails, given: str) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        name = _BOUNDS[kind]
        size = "small" if name.startswith("g") else "large"
        return f"{given} is too {size}, must be {describe_bound(site.hint, name, context[name])}"
    nouns = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text", "list": "a list"}
    nouns |= {
        "tuple": "a list",
        "dict": "a mapping of keys",
        "model": "a mapping of keys",
        "mapping": "a mapping of keys",
    }
    if kind == "finite_number":
        return f"{given} is not a finite number"
    if kind.endswith(("_type", "_parsing", "_from_float")) and (noun := nouns.get(kind.split("_")[0])) is not None:
        return f"{given} is not {noun}"
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error") or error["msg"])
    if error["msg"].startswith("Input should"):
        return given + error["msg"].replace("Input should", ": must", 1)
    return error["msg"]


def _locate(cls: type[BaseModel], data: object, loc: Sequence[str | int]) -> _Site:
    """Follow pydantic's location through data and types, leaving out the parts that name union members."""
    site = _Site(hint=cls, value=data)
    chosen = ""
    for part in loc:
        step = _step(site, part, chosen)
        site, chosen = (site, str(part)) if step is None else (step, "")
    return site


def _step(site: _Site, part: str | int, chosen: str) -> _Site | None:
    """The site one key further in, or None where `part` is no key but names a member of a union."""
    options = members(site.hint)
    value = site.value
    model = _model(options, value, chosen)
    if model is not None and isinstance(part, str) and part in model.model_fields:
        field = documented_fields(model)[part]
        inside, hint = _item(value, part), field.annotation
        if isinstance(inside, Mapping) and "kind" not in inside and isinstance(field.default, BaseModel):
            hint = type(field.default)  # such a mapping changes the default
        return _Site((*site.path, part), model, field, hint, inside)
    if isinstance(value, Mapping) and part in value:
        inner = next((get_args(hint)[1] for hint in options if _is_mapping(hint)), None)
        if model is not None and inner is None:
            return _Site((*site.path, part), model, None, None, value[part])
        return _Site((*site.path, part), site.owner, site.field, inner, value[part])
    if isinstance(part, int) and isinstance(value, Sequence) and not isinstance(value, str):
        return _Site((*site.path, part), site.owner, site.field, _element(options, part), _item(value, part))
    return None


def _model(options: tuple[object, ...], value: object, chosen: str) -> type[BaseModel] | None:
    """The model that `value` was checked against."""
    models = [variant(option, value) for option in options if _is_model(option)]
    if isinstance(value, Mapping):
        models.sort(key=lambda model: -len(model.model_fields.keys() & value.keys()))
    named = [model for model in models if chosen and chosen in {model.__name__, getattr(model, "kind", None)}]
    return next(iter(named or models), None)


def variant(cls: type[BaseModel], value: object) -> type[BaseModel]:
    """The subclass of `cls` that the `kind` in `value` stands for; `cls` itself where there is none."""
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if isinstance(kind, str):
        for candidate in _family(cls):
            field = candidate.model_fields.get("kind")
            if kind == (getattr(candidate, "kind", None) if field is None else field.default):
                return candidate
    return cls


def _family(cls: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _family(child)


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    """The models a field holds: the type of its default, often a subclass of what is declared, or those declared."""
    if isinstance(field.default, BaseModel):
        return [type(field.default)]
    return [hint for hint in members(field.annotation) if _is_model(hint)]


def _is_model(hint: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _is_mapping(hint: object) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _element(options: tuple[object, ...], index: int) -> object:
    for option in options:
        origin, args = get_origin(option), get_args(option)
        if isinstance(origin, type) and issubclass(origin, Sequence) and args:
            fixed = issubclass(origin, tuple) and args[-1] is not Ellipsis
            return args[index] if fixed and index < len(args) else args[0]
    return None


def _item(value: Any, part: str | int) -> object:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None
