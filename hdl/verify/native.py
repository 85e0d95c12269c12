"""A unit in Amaranth's own simulator: beats in, beats and cycles out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from amaranth.sim import Simulator

from archsim.hdl.body import Body, build
from archsim.hdl.verify.plans import PLANS, Measured, Verified, measure, uncovered
from archsim.hdl.verify.run import Mismatch, Run, check
from archsim.units.cores.core import Beat, Core, packed, unpacked
from archsim.units.cores.timing import Ready, Timing, always

PATIENCE = 2000
"""Cycles without any transfer after which a run is given up."""


def amaranth_run(
    spec: Core,
    beats: Sequence[Beat],
    offered: Sequence[int] | None = None,
    ready: Ready = always,
    *,
    outputs: int | None = None,
    body: Body | None = None,
) -> Run:
    """Simulate until all beats are taken and all outputs have left.

    Parameters
    ----------
    spec, beats
        The unit and its input.
    offered
        Per beat, the cycle from which it is offered; all from the start where None.
    ready
        The receiver.
    outputs
        Output beats to wait for; as many as the golden function gives where None.
    body
        The RTL to simulate in place of the specification's own: a mutant, or one that is built already.

    Raises
    ------
    Mismatch
        The unit stopped moving before it was done.
    """
    bench = _Bench(spec, beats, [0] * len(beats) if offered is None else offered, ready)
    wanted = len(spec.golden(beats)) if outputs is None else outputs
    dut = build(spec) if body is None else body

    async def testbench(context: Any) -> None:
        await bench.play(context, dut, wanted)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        simulator = Simulator(dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()
    return Run(tuple(bench.outputs), Timing(tuple(bench.accepted), tuple(bench.left)))


def verified(spec: Core, *, seed: int = 1, beats: int = 150) -> Verified:
    """Run every plan, hold each to the specification, and measure.

    Raises
    ------
    Mismatch
        Values or cycles differ, or a situation that must be met was not; the message has plan and seed.
    """
    found: Measured | None = None
    for name, plan_of in PLANS.items():
        plan = plan_of(spec, seed, beats)
        where = f"{spec!r}, plan {name}, seed {seed}"
        if missed := uncovered(spec, plan.beats):
            raise Mismatch(f"not covered: {', '.join(missed)}", where=where)
        run = amaranth_run(spec, plan.beats, plan.offered, plan.ready)
        check(spec, plan.beats, plan.offered, plan.ready, run, where=where)
        if name == "steady":
            found = measure(spec, plan.beats, run.timing)
    assert found is not None
    return Verified("amaranth", len(PLANS), seed, found)


class _Bench:
    """One process that sets the inputs of a cycle, reads what moves in it, and goes to the next."""

    def __init__(self, spec: Core, beats: Sequence[Beat], offered: Sequence[int], ready: Ready) -> None:
        self._spec, self._ready, self._offered = spec, ready, offered
        self._words = [packed(spec.inputs, beat) for beat in beats]
        self.outputs: list[Beat] = []
        self.accepted: list[int] = []
        self.left: list[int] = []

    async def play(self, context: Any, dut: Any, wanted: int) -> None:
        payload_in, payload_out = dut.i.payload.as_value(), dut.o.payload.as_value()
        cycle = idle = 0
        while len(self.accepted) < len(self._words) or len(self.left) < wanted:
            at = len(self.accepted)
            valid = at < len(self._words) and self._offered[at] <= cycle
            context.set(dut.i.valid, valid)
            if valid:
                context.set(payload_in, self._words[at])
            taken = not self._spec.elastic or self._ready(cycle)
            if self._spec.elastic:
                context.set(dut.o.ready, taken)
            before = len(self.accepted) + len(self.left)
            if valid and context.get(dut.i.ready):
                self.accepted.append(cycle)
            if taken and context.get(dut.o.valid):
                self.left.append(cycle)
                self.outputs.append(unpacked(self._spec.outputs, context.get(payload_out)))
            early = at < len(self._words) and not valid
            idle = 0 if early or len(self.accepted) + len(self.left) > before else idle + 1
            if idle > PATIENCE:
                raise Mismatch(
                    f"stuck in cycle {cycle}: {len(self.accepted)} of {len(self._words)} beats taken, "
                    f"{len(self.left)} of {wanted} left",
                    where=self._spec.kind,
                )
            await context.tick()
            cycle += 1
