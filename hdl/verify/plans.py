"""How a unit is exercised: when beats are offered and when outputs are taken; and what is measured from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from archsim.hdl.verify.run import Mismatch
from archsim.units.cores.core import Beat, Core
from archsim.units.cores.timing import Ready, Timing, always

PATTERN = 1009
"""Cycles after which the receiver's moods repeat."""


@dataclass(frozen=True)
class Plan:
    """Input beats, the cycle from which each is offered, and the receiver."""

    beats: tuple[Beat, ...]
    offered: tuple[int, ...]
    ready: Ready


def steady(spec: Core, seed: int, count: int) -> Plan:
    """Beats back to back, every output taken at once."""
    beats = tuple(spec.stimulus(np.random.default_rng(seed), count))
    return Plan(beats, (0,) * len(beats), always)


def gaps(spec: Core, seed: int, count: int) -> Plan:
    """Random pauses between beats, every output taken at once."""
    return Plan(*_paused(spec, seed, count), always)


def stalls(spec: Core, seed: int, count: int) -> Plan:
    """Random pauses, and a receiver that often waits; it always takes where the unit cannot be held up."""
    moods = np.random.default_rng([seed, 2]).random(PATTERN) < 0.6
    ready = partial(_mood, tuple(moods.tolist())) if spec.elastic else always
    return Plan(*_paused(spec, seed, count), ready)


PLANS = {"steady": steady, "gaps": gaps, "stalls": stalls}
"""Plans by name."""


@dataclass(frozen=True)
class Measured:
    """What a run of back-to-back beats shows."""

    latency: int
    """Cycles from the beat that completes an output to that output; the least over all outputs."""
    interval: int
    """Cycles from an input beat to the next, the mean rounded up; over those beats that the unit says are paced."""


@dataclass(frozen=True)
class Verified:
    """A unit that passed: what was measured, and how to see it again."""

    simulator: str
    tests: int
    seed: int
    measured: Measured


def measure(spec: Core, beats: Sequence[Beat], timing: Timing) -> Measured:
    """Latency and initiation interval of a run in which nothing was held up.

    Raises
    ------
    Mismatch
        There was nothing to measure.
    """
    completes = spec.completes(beats)
    if not completes or len(timing.left) != len(completes) or len(timing.accepted) < 2:
        raise Mismatch(
            f"{len(timing.accepted)} beats taken, {len(timing.left)} of {len(completes)} outputs: nothing to measure",
            where=repr(spec),
        )
    latency = min(out - timing.accepted[index] for out, index in zip(timing.left, completes, strict=True))
    taken = timing.accepted
    spans = [taken[index + 1] - taken[index] for index in spec.paced(beats) if index + 1 < len(taken)]
    return Measured(latency, -(-sum(spans) // max(1, len(spans))))


def uncovered(spec: Core, beats: Sequence[Beat]) -> list[str]:
    """Situations of the unit's coverage that these beats do not meet."""
    bins: Mapping[str, object] = spec.coverage()
    return [name for name in bins if not any(map(spec.coverage()[name], beats))]


def _paused(spec: Core, seed: int, count: int) -> tuple[tuple[Beat, ...], tuple[int, ...]]:
    beats = tuple(spec.stimulus(np.random.default_rng(seed), count))
    rng = np.random.default_rng([seed, 1])
    pauses = np.where(rng.random(len(beats)) < 0.3, rng.integers(1, 2 * spec.latency + 2, len(beats)), 1)
    return beats, tuple((np.cumsum(pauses) - 1).tolist())


def _mood(moods: tuple[bool, ...], cycle: int) -> bool:
    return moods[cycle % PATTERN]
