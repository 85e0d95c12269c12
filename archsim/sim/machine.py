"""The runtime made from a design. Deterministic; runs one mapping once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archsim.core.errors import Broken
from archsim.ir.component import Design
from archsim.ir.mapping import Mapping
from archsim.sim import fastforward
from archsim.sim.stepper import Observer, Stepper
from archsim.sim.trace import Trace

WINDOW = 20_000
"""Task instances shown to observers of a fast-forwarded run: enough for several tokens, few enough for a browser."""


class Machine:
    """Blocks of a design, ready to run. A second run would start from a used state, so it is refused."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.blocks = design.blocks()
        self._spent = False

    def run(self, mapping: Mapping, *, fast_forward: bool = True, observers: Sequence[Observer] = ()) -> Trace:
        """Simulate a checked mapping in cycle fidelity.

        With `fast_forward` the result is the same to the picosecond and the last counter; where that cannot be
        guaranteed the program is stepped after all, and `Trace.effort` says why. Observers then see the first `WINDOW`
        task instances; without `fast_forward`, all of them.

        Raises
        ------
        Broken
            The machine already ran.
        """
        if self._spent:
            raise Broken(
                "this machine already ran", right="elaborate the design again: a machine runs one mapping once"
            )
        self._spent = True
        if not fast_forward:
            return Stepper(mapping.body, self.blocks, tuple(observers)).run()
        if observers:
            Stepper(mapping.body, self.design.blocks(), tuple(observers), limit=WINDOW).run()
        try:
            return fastforward.run(mapping.body, self.blocks)
        except fastforward.Inexact as why:
            blocks = self.design.blocks()
            trace = Stepper(mapping.body, blocks).run()
            return replace(trace, effort=replace(trace.effort, reason=str(why)))


def elaborate(design: Design) -> Machine:
    """A machine from a design: wired, not started."""
    return Machine(design)
