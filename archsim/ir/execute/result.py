"""What came of executing a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TOLERANCE = 1e-9
"""Largest relative error of rounding: float64 sums of a few thousand terms in another order stay well below."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A mapping against the plain graph."""

    seed: int
    order: str
    """The order in which task instances ran: `program`, or `any` that units and dependences allow, by the seed."""
    instances: int
    errors: Mapping[str, float]
    """Tensor -> largest error relative to its largest element, over all its copies; infinite where a part is missing or
    not a number."""
    faults: tuple[str, ...]
    """The first tasks that went wrong, and who overwrote what they read."""
    addressed: int
    """Tensors, and parts of them on chip, that lay at the bytes where the mapping places them."""
    held: int
    """These, and those that the mapping gives no address: each has an array of its own and clashes with none."""

    @property
    def worst(self) -> float:
        """The largest error of all."""
        return max(self.errors.values(), default=0.0)

    @property
    def ok(self) -> bool:
        """Whether everything is equal to rounding."""
        return self.worst <= TOLERANCE

    @property
    def _how(self) -> str:
        return "program order" if self.order == "program" else f"another order (seed {self.seed})"

    def lines(self) -> list[str]:
        """In words."""
        if self.ok:
            count = f"{len(self.errors)} tensors equal" if len(self.errors) != 1 else "1 tensor equals"
            return [
                f"executed on arrays: {self.instances:,} task instances in {self._how}, "
                f"{count} the plain graph, largest relative error {self.worst:.1e}; "
                f"{self.addressed} of {self.held} tensors and parts by address"
            ]
        wrong = {name: error for name, error in self.errors.items() if not error <= TOLERANCE}
        shown = [f"  {name}: relative error {error:.1e}" for name, error in list(wrong.items())[:8]]
        more = [f"  and {len(wrong) - 8} more"] if len(wrong) > 8 else []
        head = (
            f"executed on arrays in {self._how}: {len(wrong)} of {len(self.errors)} tensors differ from the plain graph"
        )
        return [head, *shown, *more, *(f"  {fault}" for fault in self.faults)]
