"""The simulated schedule of an array of FuseMax drives the RTL of one of its processing elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsim.core.errors import BadInput
from archsim.hdl.verify.native import amaranth_run
from archsim.hdl.verify.run import Run, check
from archsim.units.cores.core import Beat
from archsim.units.cores.fusemax_pe import OPS, FusemaxPe, operation
from archsim.units.cores.timing import always


@dataclass(frozen=True, slots=True)
class Pass:
    """An array busy with one operator on all of its elements."""

    operator: str
    depth: int
    """Operations of each element, one after the other."""
    start: int
    """The cycle in which the simulator begins it."""
    free: int
    """The cycle in which the array may begin another one."""


@dataclass(frozen=True, slots=True)
class PassReplay:
    """What one element did of a schedule."""

    started: tuple[int, ...]
    """Per pass: the cycle in which the RTL took its first operation."""
    freed: tuple[int, ...]
    """Per pass: the cycle in which it could take another one behind the last."""
    run: Run


def replay_passes(spec: FusemaxPe, passes: Sequence[Pass], *, seed: int = 1) -> PassReplay:
    """Drive an element with the operators of a schedule, each offered from the cycle in which the simulator begins it.

    Parameters
    ----------
    spec
        The element; results are held to its golden function and cycle model.
    passes
        What the simulated array did, in order.
    seed
        Of the operands.

    Raises
    ------
    BadInput
        An element has no such operator.
    Mismatch
        The RTL computes something else than its specification, or at other times.
    """
    unknown = sorted({one.operator for one in passes} - {*OPS, "mul"})
    if unknown:
        raise BadInput(f"operator {unknown[0]!r}", where="schedule", right=f"one of {', '.join(OPS)} or mul")
    rng = np.random.default_rng(seed)
    beats = [beat for one in passes for beat in _beats(rng, one)]
    offered = [one.start for one in passes for _ in range(one.depth)]
    run = amaranth_run(spec, beats, offered)
    check(spec, beats, offered, always, run)
    ends = np.cumsum([one.depth for one in passes])
    taken = run.timing.accepted
    return PassReplay(
        started=tuple(taken[end - one.depth] for end, one in zip(ends, passes, strict=True)),
        freed=tuple(taken[end - 1] + spec.cycles(beats[end - 1]) for end in ends),
        run=run,
    )


def _beats(rng: np.random.Generator, one: Pass) -> list[Beat]:
    """Operations on random numbers; products and sums begin anew with every pass."""
    name = "mac" if one.operator == "mul" else one.operator
    numbers = rng.normal(size=(one.depth, 2))
    return [
        operation(name, float(a), float(b), first=index == 0 or one.operator == "mul")
        for index, (a, b) in enumerate(numbers)
    ]
