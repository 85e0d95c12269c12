"""The searches as machine code, kept on the disk for other processes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from archsim.core.copies import copied, digest_of

OPTIONS = {"error_model": "numpy", "_nrt": False}
"""Nothing is divided by zero or allocated inside; leaving that out makes compiling a third shorter."""

_LOADED: set[str] = set()


def compiled(module: ModuleType) -> Any:
    """The entry of `search` or `ejection` as machine code, for arrays of int64 instead of lists."""
    _LOADED.add(module.__name__)
    return _entry(module)


@cache
def _entry(module: ModuleType) -> Any:
    """What `compiled` gives; nothing is compiled or read from the disk until it is called.

    The functions are compiled in a namespace of their own (`core/copies`).
    """
    import numba

    njit: Any = numba.njit
    space: dict[str, Any] = {name: value for name, value in vars(module).items() if name.isupper()}
    for function in module.FUNCTIONS:
        copy = copied(function, space, __name__, digest_of(module))
        space[function.__name__] = njit(copy, cache=True, **OPTIONS)
    return space[module.ENTRY.__name__]


def is_loaded(module: ModuleType) -> bool:
    """Whether machine code was asked for in this process, so that it costs nothing to begin with it."""
    return module.__name__ in _LOADED


def is_kept(module: ModuleType) -> bool:
    """Whether the machine code is on the disk, so that it need not be compiled now."""
    entry = _entry(module)
    return any(Path(entry.stats.cache_path).glob(f"*{module.ENTRY.__name__}_{digest_of(module)}*.nbi"))
