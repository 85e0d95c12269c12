"""One text, and so one short digest, for equal data, on every machine and in every process."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from numbers import Integral, Real
from pathlib import PurePath

from pydantic import BaseModel

from archsim.core.errors import Broken
from archsim.core.quantities import Quantity


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces, the same for equal values.

    Numbers that are equal are written alike (``1.0`` as ``1``), quantities with their unit, specs and dataclasses as
    their fields with their kind, tuples as lists, sets sorted.

    Raises
    ------
    Broken
        A value without a lasting identity, such as a function, or NaN, which does not equal itself.

    >>> canonical_json({"b": 2.0, "a": (True, None)})
    '{"a":[true,null],"b":2}'
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: object) -> str:
    """16 hexadecimal digits that stand for `value`: blake2b of its canonical JSON."""
    return blake2b(canonical_json(value).encode(), digest_size=8).hexdigest()


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, Quantity | PurePath):
        return value.as_posix() if isinstance(value, PurePath) else str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return _number(float(value))
    return _plain_composite(value)


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise Broken(f"{value} has no canonical text")
    return int(value) if value.is_integer() else value


def _plain_composite(value: object) -> object:
    if isinstance(value, BaseModel):
        return _tagged(value, tuple(type(value).model_fields))
    if is_dataclass(value) and not isinstance(value, type):
        return _tagged(value, tuple(field.name for field in fields(value)))
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=canonical_json)
    if isinstance(value, bytes):
        return value.hex()
    raise Broken(f"{type(value).__name__} has no canonical text", right=f"given {value!r:.80}")


def _tagged(value: object, names: tuple[str, ...]) -> dict[str, object]:
    kind = getattr(type(value), "kind", None)
    plain = {name: _plain(getattr(value, name)) for name in names}
    return {"kind": kind if isinstance(kind, str) and kind else type(value).__name__, **plain}


def _key(key: object) -> str:
    return key if isinstance(key, str) and not isinstance(key, Enum) else canonical_json(key)
