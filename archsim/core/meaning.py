"""What fields mean: the docstring below each, read from the source when somebody asks.

Pydantic can read them when a class is made, but then every start of the program parses every class.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from functools import lru_cache
from itertools import pairwise
from weakref import WeakKeyDictionary

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_MADE_AT: WeakKeyDictionary[type, tuple[str, int]] = WeakKeyDictionary()
"""File, or cell of a notebook, and line of the class statement."""


def note_source(cls: type) -> None:
    """Keep in mind where a class that is being made is written."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") != cls.__module__:
        frame = frame.f_back
    _MADE_AT[cls] = frame.f_code.co_filename, frame.f_lineno


def line_of(cls: type) -> int:
    """The line of the class statement; 0 where it is not known."""
    return _MADE_AT.get(cls, ("", 0))[1]


def documented_fields(cls: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model, each with its docstring as `description`; None where the source cannot be read."""
    unknown = {name: info for name, info in cls.model_fields.items() if info.description is None}
    for owner in cls.__mro__ if unknown else ():
        own = unknown.keys() & vars(owner).get("__annotations__", {}).keys()
        texts = _field_texts(owner) if own else {}
        for name in own:
            unknown.pop(name).description = texts.get(name)
    return cls.model_fields


def _field_texts(cls: type) -> dict[str, str]:
    """Docstrings below the annotated names of a class statement."""
    file, line = _MADE_AT.get(cls, ("", 0))
    around = [
        node
        for node in _classes("".join(linecache.getlines(file)))
        if node.name == cls.__name__ and _first_line(node) <= line <= (node.end_lineno or 0)
    ]
    body = max(around, key=_first_line).body if around else []
    texts: dict[str, str] = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = below.value.value if isinstance(below.value, ast.Constant) else None
            if isinstance(text, str):
                texts[field.target.id] = inspect.cleandoc(text)
    return texts


@lru_cache(maxsize=256)
def _classes(source: str) -> tuple[ast.ClassDef, ...]:
    return tuple(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))


def _first_line(node: ast.ClassDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])
