"""The controller as machine code, from the disk where another process made it before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from archsim.memory import front, kernel, layout, schedule

MODULES: tuple[ModuleType, ...] = (kernel, schedule, front)
"""Where the functions are that are compiled together."""
INLINE = frozenset(
    {"accept", "advance", "choose", "column", "command", "count_in", "eldest", "move", "push", "reconsider", "record"}
    | {"serve", "survey", "take", "tick", "which"}
)
"""Functions called from one place, or so often that the call itself would cost."""


OPTIONS = {"error_model": "numpy", "_nrt": False}
"""Nothing is allocated inside, so reference counts would only cost time; nothing is divided by zero either."""


@cache
def compiled() -> Callable[..., bool]:
    """`front.simulate` as machine code.

    The functions are compiled in a namespace of their own, so that they stay plain Python where they are defined. The
    name carries a digest of all sources, since numba looks only at the file of the outermost function.
    """
    import numba

    njit: Any = numba.njit
    outermost = front.simulate.__name__
    space = namespace(digest_of(layout, *MODULES), leave=outermost)
    numbers = numba.types.Array(numba.types.int64, 1, "C")
    signature = (numbers, numbers, numba.types.int64, numbers, numbers, numbers)
    # The outermost one is compiled last, at once, when all others are in the namespace.
    with straight():
        return njit(signature, cache=True, **OPTIONS)(space[outermost])  # type: ignore[no-any-return]


@contextmanager
def straight() -> Iterator[None]:
    """Let LLVM join neighbouring operations into vectors while this lasts, and no loops: those here are short."""
    from numba.core import config

    before = config.SLP_VECTORIZE, config.LOOP_VECTORIZE  # type: ignore[attr-defined]
    config.SLP_VECTORIZE, config.LOOP_VECTORIZE = 1, 0  # type: ignore[attr-defined]
    try:
        yield
    finally:
        config.SLP_VECTORIZE, config.LOOP_VECTORIZE = before  # type: ignore[attr-defined]


def digest_of(*modules: ModuleType) -> str:
    """A short digest of the sources of some modules and of this one."""
    sources = [Path(str(module.__file__)) for module in modules] + [Path(__file__)]
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def namespace(tag: str, leave: str = "") -> dict[str, Any]:
    """The functions of `MODULES` by name, compiled when they are first called; one of them may be left as it is."""
    import numba

    njit: Any = numba.njit
    space: dict[str, Any] = {"y": layout, "ANY": front.ANY}
    for name, function in {n: f for module in MODULES for n, f in vars(module).items() if _own(f)}.items():
        copy = FunctionType(function.__code__, space, name)
        copy.__module__ = __name__
        copy.__qualname__ = f"{name}_{tag}"
        space[name] = copy if name == leave else njit(copy, forceinline=name in INLINE, **OPTIONS)
    space["at"] = _pointer()
    return space


def _own(found: object) -> bool:
    return isinstance(found, FunctionType) and found.__module__ in {module.__name__ for module in MODULES}


def _pointer() -> Any:
    """`front.at` in machine code."""
    from numba import types
    from numba.core import cgutils

    pointer: Any = types.CPointer
    struct: Any = cgutils.create_struct_proxy
    from numba.extending import intrinsic

    def typed(context: Any, array: Any, place: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            base, offset = values
            if isinstance(array, types.Array):
                base = struct(array)(context, builder, value=base).data
            return builder.gep(base, [offset])

        return pointer(types.int64)(array, types.intp), code

    return intrinsic(typed)
