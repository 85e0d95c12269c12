"""The controller as machine code, from the disk where another process made it before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from platform import machine
from sys import modules
from types import ModuleType
from typing import Any

from archsim.core.copies import copied, digest_of, functions_of
from archsim.memory import entries, front, kernel, layout, schedule

MODULES: tuple[ModuleType, ...] = (kernel, entries, schedule, front)
"""Where the functions are that are compiled together."""
SOURCES: tuple[ModuleType, ...] = (layout, *MODULES, modules[__name__])
"""What machine code is made from: also what stands for `kernel.rare` and its like."""
INLINE = frozenset(
    {"accept", "advance", "choose", "column", "command", "count_in", "decide", "eldest", "first_of_row", "four_later"}
    | {"look", "move", "push", "reconsider", "record", "serve", "survey", "take", "tick", "turn_row", "which"}
)
"""Functions called from one place, or so often that the call itself would cost."""


OPTIONS = {"error_model": "numpy", "_nrt": False}
"""Nothing is allocated inside, so reference counts would only cost time; nothing is divided by zero either."""


@cache
def compiled() -> Callable[..., bool]:
    """`front.simulate` as machine code.

    The functions are compiled in a namespace of their own (`core/copies`).
    """
    import numba

    njit: Any = numba.njit
    outermost = front.simulate.__name__
    space = namespace(digest_of(*SOURCES), leave=outermost)
    numbers = numba.types.Array(numba.types.int64, 1, "C")
    signature = (numbers, numbers, numba.types.int64, numbers, numbers, numbers)
    # The outermost one is compiled last, at once, when all others are in the namespace.
    with straight():
        return njit(signature, cache=True, **OPTIONS)(space[outermost])  # type: ignore[no-any-return]


@contextmanager
def straight() -> Iterator[None]:
    """Let LLVM join neighbouring operations into vectors while this lasts, and no loops: those here are short."""
    from numba.core import config

    keep_selects()
    before = config.SLP_VECTORIZE, config.LOOP_VECTORIZE  # type: ignore[attr-defined]
    config.SLP_VECTORIZE, config.LOOP_VECTORIZE = 1, 0  # type: ignore[attr-defined]
    try:
        yield
    finally:
        config.SLP_VECTORIZE, config.LOOP_VECTORIZE = before  # type: ignore[attr-defined]


@cache
def keep_selects() -> None:
    """Have LLVM leave selections what they are, in this process: random traffic would make branches costly."""
    from llvmlite import binding  # type: ignore[import-untyped]

    if machine() in ("x86_64", "AMD64"):
        binding.set_option("archsim", "-x86-cmov-converter=0")


def namespace(tag: str, leave: str = "") -> dict[str, Any]:
    """The functions of `MODULES` by name, compiled when they are first called; one of them may be left as it is."""
    import numba

    njit: Any = numba.njit
    space: dict[str, Any] = {"y": layout, "ANY": front.ANY}
    for name, function in functions_of(*MODULES).items():
        copy = copied(function, space, __name__, tag)
        space[name] = copy if name == leave else njit(copy, forceinline=name in INLINE, **OPTIONS)
    space["at"], space["rare"], space["lowest"] = _pointer(), _expected(), _lowest()
    return space


def _expected() -> Any:
    """`kernel.rare` in machine code."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    declare: Any = cgutils.get_or_insert_function

    def typed(context: Any, condition: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            bit = ir.IntType(1)
            expect = declare(builder.module, ir.FunctionType(bit, (bit, bit)), "llvm.expect.i1")
            return builder.call(expect, [values[0], bit(0)])

        return types.boolean(types.boolean), code

    return intrinsic(typed)


def _lowest() -> Any:
    """`kernel.lowest` in machine code."""
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    def typed(context: Any, bits: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.cttz(values[0], ir.IntType(1)(1))

        return types.int64(types.int64), code

    return intrinsic(typed)


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
