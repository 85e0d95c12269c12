"""Types, bounds, defaults and values in the words of someone who writes YAML."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from archsim.core.quantities import Quantity

_WORDS: Mapping[object, str] = {int: "int", float: "number", str: "text", bool: "true or false", type(None): "null"}


def describe_field(name: str, field: FieldInfo) -> str:
    """One line that says what a field takes, what it is when left out, and what it means.

    ``banks (int >= 1, default 16): banks per channel, each with one MAC lane``
    """
    if field.is_required():
        default = ", required"
    elif isinstance(field.default, BaseModel):
        kind = getattr(type(field.default), "kind", "")
        default = f", default kind {kind!r}" if kind else ""
    elif field.default_factory is not None:
        default = ""
    else:
        default = f", default {describe_value(field.default)}"
    meaning = " ".join((field.description or "").split()).rstrip(".")
    return f"{name} ({describe_type(field.annotation, field.metadata)}{default})" + (f": {meaning}" if meaning else "")


def describe_type(hint: object, metadata: Iterable[object] = ()) -> str:
    """A type with its bounds: ``int >= 1``, ``'os' or 'ws'``, ``list of Time such as '12 ns'``."""
    if get_origin(hint) is Annotated:
        inner, *more = get_args(hint)
        return describe_type(inner, [*more, *metadata])
    return _words(hint) + _bounds(hint, metadata)


def describe_value(value: object, longest: int = 60) -> str:
    """A value as YAML would write it, cut to `longest` characters."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Enum):
        return describe_value(value.value)
    text = repr(_as_yaml(value))
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _as_yaml(value: object) -> object:
    if isinstance(value, BaseModel):
        return {name: _as_yaml(getattr(value, name)) for name in sorted(value.model_fields_set)}
    if isinstance(value, tuple | list):
        return [_as_yaml(item) for item in value]
    if isinstance(value, Enum):
        return _as_yaml(value.value)
    return str(value) if isinstance(value, Quantity) else value


def describe_bound(hint: object, name: str, limit: Any) -> str:
    """A bound (`name` is ge, gt, le, lt or multiple_of) as people read it: ``>= 1`` for an int more than 0."""
    if hint is int and name in {"gt", "lt"}:
        name, limit = ("ge", limit + 1) if name == "gt" else ("le", limit - 1)
    if isinstance(hint, type) and issubclass(hint, Quantity):
        limit = str(hint(limit)) if limit >= hint.least else f"{int(limit)} {next(iter(hint.units))}"
    elif isinstance(limit, float) and limit.is_integer():
        limit = int(limit)
    sign = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "a multiple of"}[name]
    return f"{sign} {limit}"


def members(hint: object) -> tuple[object, ...]:
    """The alternatives of a union, or the type itself; annotations unwrapped."""
    if get_origin(hint) is Annotated:
        return members(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(member for part in get_args(hint) for member in members(part))
    return (hint,)


def choices(hint: object) -> tuple[str, ...]:
    """The texts that a field of literals or of an enum takes; empty for an open type."""
    found: list[str] = []
    for member in members(hint):
        if get_origin(member) is Literal:
            found += [str(option) for option in get_args(member)]
        elif isinstance(member, type) and issubclass(member, Enum):
            found += [str(option.value) for option in member]
    return tuple(found)


def _words(hint: object) -> str:
    if isinstance(hint, type) and (word := _WORDS.get(hint)) is not None:
        return word
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(describe_value(option) for option in args)
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(option) for option in args)
    if isinstance(origin, type):
        return _container_words(origin, args)
    if hint is Any:
        return "anything"
    if isinstance(hint, type):
        return _class_words(hint)
    return str(getattr(hint, "__name__", hint))


def _container_words(origin: type, args: tuple[object, ...]) -> str:
    if issubclass(origin, Mapping) and args:
        return f"mapping of {describe_type(args[0])} to {describe_type(args[1])}"
    if issubclass(origin, tuple) and args and args[-1] is not Ellipsis:
        return f"list of {len(args)} ({', '.join(describe_type(arg) for arg in args)})"
    if issubclass(origin, Sequence | set | frozenset) and args:
        return f"list of {describe_type(args[0])}"
    return origin.__name__


def _class_words(hint: type) -> str:
    if issubclass(hint, Quantity):
        return f"{hint.__name__} such as {hint.example!r}"
    if issubclass(hint, Enum):
        return " or ".join(describe_value(option) for option in hint)
    if issubclass(hint, BaseModel):
        return f"keys of {hint.__name__}"
    return hint.__name__


def _bounds(hint: object, metadata: Iterable[object]) -> str:
    texts: list[str] = []
    for bound in metadata:
        for name in ("ge", "gt", "le", "lt", "multiple_of"):
            if (limit := getattr(bound, name, None)) is not None:
                texts.append(describe_bound(hint, name, limit))
        least, most = getattr(bound, "min_length", None), getattr(bound, "max_length", None)
        texts += [f"at least {least} long"] if least else []
        texts += [f"at most {most} long"] if most is not None else []
        texts += [f"matching {pattern!r}"] if (pattern := getattr(bound, "pattern", None)) is not None else []
    return " " + " and ".join(texts) if texts else ""
