"""Tasks on the units of spatial arrays: passes of an operator on an array, transfers of the DRAM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine, affine
from archsim.ir.capability import SpatialArrays
from archsim.ir.mapping import After, Loop, Node, Range, Task
from archsim.ir.queue import Queue
from archsim.units.spatial.problem import ARRAY

Size = Affine | int
Ranges = Mapping[str, Range]


@dataclass(frozen=True)
class Pass:
    """What an einsum does on an array, all sizes settled."""

    operator: str
    role: str
    """ARRAY or VECTOR."""
    depth: Size
    """Operations of each PE in sequence."""
    ops: Size
    """Operations of all PEs."""
    ripple: Size = 0
    """How often a result must still run down the columns before it can be used: once, or not at all; as often as there
    are tiles where these go as one, though each of them waits.
    """
    read: Size = 0
    """Words from the buffer."""
    written: Size = 0
    """Words to the buffer."""


@dataclass(frozen=True)
class Emit:
    """Makes tasks."""

    arrays: SpatialArrays

    def compute(
        self,
        name: str,
        op: str,
        work: Pass,
        *,
        tile: Ranges | None = None,
        after: tuple[After, ...] = (),
        reads: tuple[str, ...] = (),
        writes: tuple[str, ...] = (),
        why: str = "",
    ) -> Task:
        """A pass on an array.

        Raises
        ------
        BadInput
            The array cannot do the operator.
        """
        on_array = work.role == ARRAY
        unit = self.arrays.array if on_array else self.arrays.vector
        known = self.arrays.array_cycles if on_array else self.arrays.vector_cycles
        if work.operator not in known:
            raise BadInput(
                f"einsum {name.rpartition('.')[2]} needs {work.operator}, which {unit} cannot do",
                where=f"op {op}",
                right=f"{unit} does {', '.join(sorted(known))}",
                try_="a dataflow that computes it on the other array",
            )
        args = {
            "depth": affine(work.depth),
            "ops": affine(work.ops),
            "ripple": affine(work.ripple),
            "read": affine(work.read),
            "written": affine(work.written),
        }
        return Task(name, op, work.operator, unit, args, tile or {}, reads, writes, after, why)

    def transfer(
        self,
        name: str,
        op: str,
        kernel: str,
        words: Size,
        *,
        fills: bool = False,
        tile: Ranges | None = None,
        after: tuple[After, ...] = (),
        reads: tuple[str, ...] = (),
        writes: tuple[str, ...] = (),
        why: str = "",
    ) -> Task:
        """Words from the DRAM (`load`) or to it (`store`).

        `fills` counts them as words of the buffer too; elsewhere, the passes that use them do.
        """
        args = {"bytes": affine(words) * self.arrays.word_bytes, "words": affine(words if fills else 0)}
        return Task(name, op, kernel, self.arrays.memory, args, tile or {}, reads, writes, after, why)


def queue(op: str, what: str) -> str:
    """What tasks of an op hand on in order: the results of an einsum, tile by tile, or operands."""
    return str(Queue(f"{op}.{what}"))


def looped(var: str, count: int, body: tuple[Node, ...]) -> tuple[Node, ...]:
    """The body `count` times, without a loop where that is once."""
    return body if count == 1 else (Loop(var, count, body),)
