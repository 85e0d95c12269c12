"""Functions copied into a namespace of their own, to be compiled there while they stay plain Python where they are.

What they call is looked up in that namespace, so that copies call copies. The names of copies carry a digest of the
code: a compiler that keeps machine code on the disk looks only at the file of the outermost function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from types import CodeType, FunctionType, ModuleType
from typing import Any


def functions_of(*modules: ModuleType) -> dict[str, FunctionType]:
    """The functions that modules define themselves, by name."""
    return {
        name: found
        for module in modules
        for name, found in vars(module).items()
        if isinstance(found, FunctionType) and found.__module__ == module.__name__
    }


def numbers_of(*modules: ModuleType) -> dict[str, Any]:
    """The integers and types that modules know, by name: what code in their namespace may refer to."""
    return {name: found for module in modules for name, found in vars(module).items() if isinstance(found, (int, type))}


def copied(function: Callable[..., Any], space: dict[str, Any], home: str, tag: str = "") -> FunctionType:
    """A copy of a function that finds names in `space`; it belongs to the module `home`, its name ends with the tag."""
    assert isinstance(function, FunctionType)
    copy = FunctionType(function.__code__, space, function.__name__)
    copy.__module__ = home
    copy.__qualname__ = f"{function.__name__}_{tag}" if tag else function.__name__
    return copy


def digest_of(*modules: ModuleType) -> str:
    """A short digest of the code and the constants of some modules, as loaded, whatever their files say now."""
    found = sha256()
    for module in modules:
        for name, function in sorted(functions_of(module).items()):
            found.update(name.encode())
            for part in _parts(function.__code__):
                found.update(part)
        for name, value in sorted(vars(module).items()):
            if name.isupper() and isinstance(value, (int, str, dict, frozenset)):
                found.update(f"{name} = {_text(value)}".encode())
    return found.hexdigest()[:12]


def _parts(code: CodeType) -> Iterator[bytes]:
    """What a function does: its instructions, the names and the constants they use, functions inside it."""
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_argcount)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)
        else:
            yield _text(constant).encode()


def _text(constant: object) -> str:
    """The constant, the same in every process."""
    return repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)
