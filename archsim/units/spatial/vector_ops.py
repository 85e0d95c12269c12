"""Ops without a matrix product as passes of operators over the 1D array: norms, softmax, activations, sums, copies.

Elements of a row lie across the lanes; what a row is reduced to leaves them without extra cycles, as the source counts
the softmax's maximum and sum. A row enters the buffer once and goes from pass to pass through it or through registers;
what does not fit is read from DRAM, and written back, once more for every pass that uses the buffer.

Operators that no PE has are made of those it has:

| function | made of |
|---|---|
| 1/sqrt x | a first guess from the exponent's bits and three Newton steps y (3/2 - x/2 y^2) [assumed] |
| silu x | x / (1 + exp(0 - x)) |
| gelu x | x / (1 + exp(0 - u)), u = 1.59577 (x + 0.044715 x^3), the tanh form of arXiv 1606.08415 |
| rope | x cos + x' sin; the table of angles is not read [assumed] |
| argmax | max, which carries the index along [assumed] |

Source of the softmax: FPSG-UIUC/micro24-fusemax-artifact@d2ee85c0 workspace/src/accel/stable_softmax.py [stated].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.operators import COUNTERS, operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR, Steady


@dataclass(frozen=True, slots=True)
class Pass:
    """One operator over all elements, or over what each row is reduced to."""

    name: str
    operator: str
    scope: Literal["element", "row"] = "element"
    depth: int = 1
    """Operations on each."""
    loads: int = 0
    """Buffer words read for each element."""
    stores: int = 0
    """Buffer words written for each element, for a later pass to read."""


@dataclass(frozen=True, slots=True)
class VectorOp:
    """An op on rows."""

    passes: tuple[Pass, ...] = ()
    inputs: int = 1
    """Operands of rows times columns elements."""
    gains: int = 0
    """Operands of one row that all rows share."""
    row_words: int = 0
    """Words that a row is reduced to; they pass the buffer once."""
    reduced: bool = False
    """Whether these are the result, in place of elements."""

    @property
    def again(self) -> tuple[int, int]:
        """How often an element that the buffer does not hold is read from DRAM (after the first time) and written."""
        return max(0, sum(part.loads for part in self.passes) - self.inputs), sum(part.stores for part in self.passes)


def _rsqrt(name: str) -> tuple[Pass, ...]:
    """1/sqrt of one number for each row."""
    return (
        Pass(f"{name}.mul", "mul", "row", depth=1 + 3 * 2),
        Pass(f"{name}.mac", "mac", "row", depth=3),
        Pass(f"{name}.add", "add", "row"),
    )


_SIGMOID = (Pass("exp", "sub_exp"), Pass("one", "add"), Pass("div", "div"))

OPS: Mapping[str, VectorOp] = {
    "softmax": VectorOp(
        (
            Pass("max", "max", loads=1),
            Pass("exp", "sub_exp", loads=1, stores=1),
            Pass("sum", "add"),
            Pass("div", "div", loads=1),
        ),
        row_words=2,
    ),
    "layernorm": VectorOp(
        (
            Pass("sum", "add", loads=1),
            Pass("mean", "mul", "row"),
            Pass("centre", "add", loads=1, stores=1),
            Pass("square", "mac"),
            Pass("variance", "mac", "row"),
            *_rsqrt("rsqrt"),
            Pass("scale", "mul", loads=1),
            Pass("affine", "mac"),
        ),
        gains=2,
        row_words=2,
    ),
    "rmsnorm": VectorOp(
        (
            Pass("square", "mac", loads=1),
            Pass("mean", "mac", "row"),
            *_rsqrt("rsqrt"),
            Pass("scale", "mul", loads=1),
            Pass("gain", "mul"),
        ),
        gains=1,
        row_words=1,
    ),
    "gelu": VectorOp((Pass("square", "mul", loads=1), Pass("cube", "mac"), Pass("scale", "mul"), *_SIGMOID)),
    "silu": VectorOp((Pass("exp", "sub_exp", loads=1), *_SIGMOID[1:])),
    "relu": VectorOp((Pass("max", "max", loads=1),)),
    "gate": VectorOp((Pass("mul", "mul", loads=2),), inputs=2),
    "add": VectorOp((Pass("add", "add", loads=2),), inputs=2),
    "scale": VectorOp((Pass("mul", "mul", loads=1),)),
    "rope": VectorOp((Pass("cos", "mul", loads=1), Pass("sin", "mac"))),
    "argmax": VectorOp((Pass("max", "max", loads=1),), row_words=1, reduced=True),
    "embedding": VectorOp(),
    "kv_append": VectorOp(),
    "copy": VectorOp(),
}
"""Op kind -> how it runs. What has no pass only moves: from DRAM into the buffer and back."""


def vector_op(kind: str) -> VectorOp:
    """How an op kind runs; `UnknownName` where the 1D array has no way to do it."""
    if kind not in OPS:
        raise UnknownName("op of the 1D array", kind, OPS)
    return OPS[kind]


def pass_cycles(kind: str, part: Pass, m: int, n: int, arrays: SpatialArrays) -> int:
    """Cycles of one pass over `m` rows of `n`; `BadInput` where no PE of the 1D array has the operator.

    An op that reduces rows takes them one by one, others fill the lanes whatever the row.
    """
    if part.scope == "row":
        turns = -(-m // arrays.lanes)
    elif vector_op(kind).row_words:
        turns = m * -(-n // arrays.lanes)
    else:
        turns = -(-m * n // arrays.lanes)
    ranks = "m" if part.scope == "row" else "m,n"
    return turns * part.depth * operator_cycles(arrays, VECTOR, part.operator, f"{kind}.{part.name}", ranks)


def moved_words(kind: str, m: int, n: int, arrays: SpatialArrays) -> tuple[Fraction, Fraction]:
    """DRAM words read and written by an op on `m` rows of `n`."""
    op = vector_op(kind)
    spilled = max(Fraction(0), 1 - Fraction(arrays.buffer_bytes // arrays.word_bytes, n))
    reread, rewritten = (spilled * times * m * n for times in op.again)
    return op.inputs * m * n + op.gains * n + reread, (m if op.reduced else m * n) + rewritten


def operation_counts(kind: str, m: int, n: int) -> dict[str, int]:
    """Operations and buffer words of an op on `m` rows of `n`: results leave past the buffer."""
    op = vector_op(kind)
    passing = op.row_words * m if not op.reduced else 0
    moving = m * n if not op.passes else 0
    counts = {
        "buffer_read": op.gains * m * n + passing + moving,
        "buffer_write": op.inputs * m * n + op.gains * n + passing,
    }
    for part in op.passes:
        times, counter = m if part.scope == "row" else m * n, COUNTERS[part.operator]
        counts[counter] = counts.get(counter, 0) + times * part.depth
        counts["buffer_read"] += times * part.loads
        counts["buffer_write"] += times * part.stores
    return counts


def steady(kind: str, m: int, n: int, arrays: SpatialArrays) -> Steady:
    """The closed form of an op on `m` rows of `n` elements: the longer of DRAM and passes.

    Copies of the arrays share rows evenly.

    Raises
    ------
    UnknownName
        No such op.
    BadInput
        No rows or columns, or a PE of the 1D array lacks an operator.
    """
    op = vector_op(kind)
    if min(m, n) < 1:
        raise BadInput(f"{kind} of {m} rows of {n}", right="at least one row of one element")
    share = -(-m // arrays.copies)
    einsums = {part.name: (VECTOR, Fraction(pass_cycles(kind, part, share, n, arrays))) for part in op.passes}
    cycles = sum((spent for _, spent in einsums.values()), Fraction(0))
    read, written = (words * arrays.word_bytes for words in moved_words(kind, m, n, arrays))
    return Steady(
        cycles=cycles,
        seconds=max(cycles / arrays.clock, (read + written) / arrays.bandwidth),
        busy={ARRAY: Fraction(0), VECTOR: cycles},
        einsums=einsums,
        read=read,
        written=written,
        counts={ARRAY: {}, VECTOR: operation_counts(kind, m, n)},
    )
