"""The selector of 2:4 sparsity: of every four activations, the two that meet a weight which was kept.

::

    a[0..3]  a[4..7]   8 per lane: two groups of four
      | |      | |
     mux mux  mux mux  <-- index, 2 bits for each kept weight: which of its group it meets
      | |      | |
     a'0 a'1  a'2 a'3  --> with the word of kept weights, unchanged, a beat of `var_mac`

    cycle    0      1
             beat   the same beat, activations chosen

A word holds 4 int2, 2 int4 or 1 int8 weight, so that it meets both groups, the first one, or half of it; the other half
comes with the next word. Source of the encoding: two values and two 2-bit indices per group of four, as in AccLLM
(arXiv 2505.03745) and the 2:4 format of GPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydantic import Field

from archsim.units.cores._ints import elements
from archsim.units.cores.core import Beat, Core, Port
from archsim.units.cores.var_mac import ACTIVATION, DIGITS, VarMac

GROUP = 4
"""Activations of which two are chosen."""
KEPT = 2
"""Weights that are kept of a group."""
PER_LANE = DIGITS // KEPT * GROUP
"""Activations of one lane before the choice."""


class SparseSelect(Core, kind="sparse_select"):
    """Multiplexers in front of `var_mac`, whose input beats are its output beats."""

    lanes: int = Field(4, ge=1, le=64)
    """Words of weights per beat, as of the `var_mac` behind it."""

    @property
    def behind(self) -> VarMac:
        """The multiply-accumulate that takes its output."""
        return VarMac(lanes=self.lanes)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """As `var_mac`, with twice the activations and an index for each kept weight."""
        *control, w, a = self.behind.inputs
        index = Port("index", 2, self.lanes * DIGITS)
        return (*control, w, Port(a.name, ACTIVATION, self.lanes * PER_LANE, fmt="int"), index)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """An input beat of `var_mac`."""
        return self.behind.inputs

    @property
    def latency(self) -> int:
        """One register."""
        return 1

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """Beats with the activations chosen."""
        found: list[Beat] = []
        for beat in beats:
            given = elements(beat, "a")
            chosen = tuple(given[k // KEPT * GROUP + index] for k, index in enumerate(elements(beat, "index")))
            rest = {name: value for name, value in beat.items() if name not in ("a", "index")}
            found.append({**rest, "a": chosen})
        return found

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Beats of `var_mac` with any activations and any indices."""
        beats: list[Beat] = []
        for beat in self.behind.stimulus(rng, count):
            activations = tuple(int(x) for x in rng.integers(1 << ACTIVATION, size=self.lanes * PER_LANE))
            index = tuple(int(x) for x in rng.integers(GROUP, size=self.lanes * DIGITS))
            beats.append({**beat, "a": activations, "index": index})
        return beats

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Every index in every place of a lane."""
        bins: dict[str, Callable[[Beat], bool]] = {}
        for place in range(DIGITS):
            for value in range(GROUP):

                def chosen(beat: Beat, place: int = place, value: int = value) -> bool:
                    return value in elements(beat, "index")[place::DIGITS]

                bins[f"place {place} takes {value}"] = chosen
        return bins
