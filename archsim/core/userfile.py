"""``file.py:Class``: a class out of a file that is not installed anywhere."""

from __future__ import annotations

import sys
import traceback
from hashlib import blake2b
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TypeVar

from archsim.core.errors import ArchsimError, BadInput, UnknownName
from archsim.core.yamlfile import shown

T = TypeVar("T")

PREFIX = "archsim_user_"
"""How modules made from users' files begin."""

_loaded: dict[Path, tuple[tuple[int, int], ModuleType]] = {}
"""Resolved path -> (modification time and size, module)."""


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
    if not (isinstance(found, type) and issubclass(found, base)):
        own = [key for key, value in vars(module).items() if _defined_here(value, base, module)]
        if found is None:
            raise UnknownName(f"{base.__name__} in {shown(path)}", name, own, where=where)
        raise BadInput(
            f"{name} in {shown(path)} is not a {base.__name__}",
            where=where,
            right=f"class {name}(archsim.{base.__name__}, kind=...)",
        )
    return found


def load_module(path: Path) -> ModuleType:
    """Import a file by its path, once per content: the same file always gives the same classes."""
    path = path.resolve()
    stat = path.stat()
    version = (stat.st_mtime_ns, stat.st_size)
    if path in _loaded and _loaded[path][0] == version:
        return _loaded[path][1]
    # One module per file however it is spelled, so that a class registered twice is recognised as the same one.
    name = f"{PREFIX}{path.stem}_{blake2b(str(path).encode(), digest_size=4).hexdigest()}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"not a Python file: {shown(path)}")
    module = module_from_spec(spec)
    sys.modules[name] = module
    _loaded[path] = (version, module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        told = blamed(error) or BadInput(f"{type(error).__name__}: {error}", where=shown(path))
        del _loaded[path], sys.modules[name]
        raise told from error
    return module


def blamed(error: BaseException) -> ArchsimError | None:
    """The error as one of the user's file, with its line, where such a file took part in it; else None."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        line = (error.text or "").strip()
        return BadInput(f"not Python: {error.msg}", where=f"{shown(Path(error.filename))}:{error.lineno}", right=line)
    files = {str(module.__file__) for name, module in [*sys.modules.items()] if name.startswith(PREFIX)}
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
