"""The search as machine code, kept on the disk for other processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any

from archsim.mappers.allocation import search

OPTIONS = {"error_model": "numpy", "_nrt": False}
"""Nothing is divided by zero or allocated inside; leaving that out makes compiling a third shorter."""


@cache
def compiled() -> Callable[[Any, Any, int, int], int]:
    """`search.search` as machine code, for arrays of int64 instead of lists.

    The functions are compiled in a namespace of their own, so that they stay plain Python where they are defined. The
    name carries a digest of the source, since numba looks only at the file of the outermost function.
    """
    import numba

    njit: Any = numba.njit
    space: dict[str, Any] = {name: value for name, value in vars(search).items() if name.isupper()}
    for function in search.FUNCTIONS:
        copy = FunctionType(function.__code__, space, function.__name__)
        copy.__module__ = __name__
        copy.__qualname__ = f"{function.__name__}_{_tag()}"
        space[function.__name__] = njit(copy, cache=True, **OPTIONS)
    entry: Callable[[Any, Any, int, int], int] = space["search"]
    return entry


def is_kept() -> bool:
    """Whether the machine code is on the disk, so that it need not be compiled now."""
    entry: Any = compiled()
    return any(Path(entry.stats.cache_path).glob(f"*search_{_tag()}*.nbi"))


def _tag() -> str:
    return sha256(Path(search.__file__).read_bytes()).hexdigest()[:12]
