"""``file.py:Class``: a class out of a file that is not installed anywhere."""

from __future__ import annotations

import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TypeVar

from pydantic import BaseModel, PydanticUndefinedAnnotation, PydanticUserError

from archsim.core.errors import ArchsimError, BadInput, did_you_mean, nearest
from archsim.core.meaning import line_of
from archsim.core.yamlfile import shown

T = TypeVar("T")

PREFIX = "archsim_user_"
"""How modules made from users' files begin."""

_loaded: dict[Path, tuple[tuple[int, int], ModuleType]] = {}
"""Resolved path -> (modification time and size, module)."""

_sources: dict[type, Path] = {}
"""Class -> the file that defines it. Not from its module, which a changed file of the same name replaces."""


def is_user_class(text: str) -> bool:
    """Whether a name has the form ``file.py:Class``."""
    path, colon, name = text.rpartition(":")
    return bool(colon) and path.endswith(".py") and "/" not in name


def load_class(text: str, base: type[T], *, where: str = "", folder: Path | None = None) -> type[T]:
    """The class that ``file.py:Class`` names.

    Parameters
    ----------
    text
        File and class; a relative file is looked for in `folder`, or in the current one.
    base
        What the class must be.
    where
        The place that says so, for errors.

    Raises
    ------
    BadInput
        No such file, no such class, or an error in the file: with the file's own line.
    """
    file, _, name = text.rpartition(":")
    path = Path(file).expanduser()
    path = path if path.is_absolute() or folder is None else folder / path
    if not path.is_file():
        raise BadInput(
            f"no such file: {shown(path)}", where=where, right="file.py:Class names a file and a class in it"
        )
    module = load_module(path)
    found = getattr(module, name, None)
    if isinstance(found, type) and issubclass(found, base):
        return found
    own = [key for key, value in vars(module).items() if _defined_here(value, base, module)]
    right = f"{base.__name__} classes in it: {', '.join(own) or 'none'}"
    if found is not None:
        raise BadInput(f"{name} in {shown(path)} is not a {base.__name__}", where=where, right=right)
    raise BadInput(f"{shown(path)} has no class {name!r}{did_you_mean(nearest(name, own))}", where=where, right=right)


def load_module(path: Path) -> ModuleType:
    """Import a file by its path, once per content: the same file always gives the same classes."""
    path = path.resolve()
    stat = path.stat()
    version = (stat.st_mtime_ns, stat.st_size)
    if path in _loaded and _loaded[path][0] == version:
        return _loaded[path][1]
    # Not a name of the path or the content: a file that was changed, or copied into a run folder, defines its kinds
    # anew and does not clash with what it was before.
    name = PREFIX + path.stem
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"not a Python file: {shown(path)}")
    module = module_from_spec(spec)
    sys.modules[name] = module
    _loaded[path] = (version, module)
    try:
        spec.loader.exec_module(module)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == name:
                _complete(value, path)
    except Exception as error:
        own = error if isinstance(error, BadInput) else None
        told = blamed(error) or own or BadInput(f"{type(error).__name__}: {error}", where=shown(path))
        del _loaded[path], sys.modules[name]
        raise told from error
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == name:
            _sources[value] = path
    return module


def _complete(cls: type[BaseModel], path: Path) -> None:
    """Find out now, not in the middle of a run, that a field has a type that cannot be checked."""
    try:
        cls.model_rebuild()
    except PydanticUserError as error:
        right = "types of fields are numbers, text, lists and mappings of them, quantities such as Time, or components"
        said = error.message.partition(". ")[0]
        raise BadInput(f"{cls.__name__}: {said}", where=f"{shown(path)}:{line_of(cls)}", right=right) from error
    except PydanticUndefinedAnnotation as error:
        where = f"{shown(path)}:{line_of(cls)}"
        raise BadInput(f"{cls.__name__}: {error.message}", where=where, right="a type that the file knows") from error


def source_of(cls: type) -> Path | None:
    """The user's file that defines a class; None for classes of installed packages."""
    return _sources.get(cls)


def blamed(error: BaseException) -> ArchsimError | None:
    """The error as one of the user's file, with its line, where such a file took part in it; else None."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        line = (error.text or "").strip()
        return BadInput(f"not Python: {error.msg}", where=f"{shown(Path(error.filename))}:{error.lineno}", right=line)
    files = {str(path) for path in (*_loaded, *_sources.values())}
    place = _deepest(error.__traceback__, files)
    if place is None:
        return None
    if isinstance(error, ArchsimError):
        return BadInput(str(error) if error.problems else error.what, where=place, right=error.right, try_=error.tries)
    return BadInput(f"{type(error).__name__}: {error}", where=place, right="raised by this file, not by archsim")


def _deepest(trace: TracebackType | None, files: set[str]) -> str | None:
    """``file.py:7``: the innermost line of these files that took part."""
    frames = [frame for frame in traceback.extract_tb(trace) if str(Path(frame.filename).resolve()) in files]
    return f"{shown(Path(frames[-1].filename))}:{frames[-1].lineno}" if frames else None


def _defined_here(value: object, base: type, module: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
