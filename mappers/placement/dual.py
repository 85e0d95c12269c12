"""What the busiest unit has to do at least, however items are spread: a bound by duality, for any number of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ROUNDS = 200
"""Steps of the weights."""
WHOLE = 1_000_000
"""Weights are whole numbers near this, so that sums are exact."""
CLOSE = 10**12
"""Floating point picks the least of some products to within one part in so many, and the bound gives way as much."""


@dataclass(frozen=True)
class Dual:
    """The best weights that were found."""

    bound: int
    """Load that some unit has in every placement."""
    weights: Floats
    """Of the units: what one unit of time there is worth."""


def dual(work: Floats, start: Floats, rounds: int = ROUNDS) -> Dual:
    """Weights for the units, moved towards the busiest ones step by step.

    For any weights, the largest load is at least the weighted mean of all loads, and that is least where each item goes
    to the unit on which its weighted work is least. Links, capacities and items that must be apart are left out.

    Parameters
    ----------
    work
        Of each item on each unit, whole numbers; infinite where the unit does not take it.
    start
        Work that units have already.
    rounds
        How often weights are moved.
    """
    items, units = work.shape
    weights = np.full(units, float(WHOLE))
    best = Dual(int(start.max(initial=0.0)), weights)
    for step in range(rounds if items else 0):
        chosen = np.argmin(work * weights, axis=1)
        picked = work[np.arange(items), chosen]
        loads = start + np.bincount(chosen, weights=picked, minlength=units)
        total = sum(int(weight) * int(load) for weight, load in zip(weights, loads, strict=True))
        bound = -(-(total - total // CLOSE - 1) // int(weights.sum()))
        if bound > best.bound:
            best = Dual(bound, weights)
        if not loads.any():
            break
        pull = np.clip(loads / loads.mean() - 1, -1.0, 1.0)
        weights = np.maximum(1.0, np.rint(weights * (1 + 0.5 / (1 + step) ** 0.7 * pull)))
    return best
