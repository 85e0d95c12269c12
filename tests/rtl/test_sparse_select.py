"""Does the 2:4 selector, with the multiply-accumulate behind it, compute products with sparse matrices?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.hdl.verify.native import amaranth_run
from archsim.units.cores._ints import number, signed, wrapped
from archsim.units.cores.core import Beat
from archsim.units.cores.sparse_select import GROUP, KEPT, PER_LANE, SparseSelect
from archsim.units.cores.var_mac import DIGITS, WIDTHS


def sparse_row(rng: np.random.Generator, groups: int, width: int) -> Any:
    """Weights of which two in four are kept, at places of their own."""
    half = 1 << (width - 1)
    row = np.zeros((groups, GROUP), dtype=np.int64)
    for group in row:
        places = rng.choice(GROUP, KEPT, replace=False)
        group[places] = rng.choice([-half, half - 1, int(rng.integers(-half, half))], KEPT)
    return row


def encoded(spec: SparseSelect, row: Any, activations: Any, mode: int) -> list[Beat]:
    """Beats of one dot product: per lane, as many kept weights as a word holds, with their groups' activations."""
    per_word = 2 * DIGITS // WIDTHS[mode]
    kept = [(g, p, int(row[g, p])) for g in range(len(row)) for p in sorted(np.argsort(row[g] == 0, kind="stable")[:2])]
    words = [kept[at : at + per_word] for at in range(0, len(kept), per_word)]
    beats: list[Beat] = []
    for at in range(0, len(words), spec.lanes):
        w, a, index = [0] * spec.lanes, [0] * (spec.lanes * PER_LANE), [0] * (spec.lanes * DIGITS)
        for lane, word in enumerate(words[at : at + spec.lanes]):
            w[lane] = spec.behind.word([weight for _, _, weight in word], mode)
            for place, (group, where, _) in enumerate(word):
                first = lane * PER_LANE + place // KEPT * GROUP
                a[first : first + GROUP] = [wrapped(int(x), 8) for x in activations[group]]
                index[lane * DIGITS + place] = int(where)
        flags = {"first": int(at == 0), "last": int(at + spec.lanes >= len(words)), "mode": mode}
        beats.append({**flags, "w": tuple(w), "a": tuple(a), "index": tuple(index)})
    return beats


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0, 1, 2]), st.integers(1, 9))
def test_selector_and_multiplier_compute_sparse_products(seed: int, mode: int, groups: int) -> None:
    """Both RTL bodies, one after the other, against numpy."""
    rng, spec = np.random.default_rng(seed), SparseSelect(lanes=2)
    rows = [sparse_row(rng, groups, WIDTHS[mode]) for _ in range(3)]
    activations = [rng.integers(-128, 128, (groups, GROUP)) for _ in rows]
    beats = [beat for row, acts in zip(rows, activations, strict=True) for beat in encoded(spec, row, acts, mode)]
    chosen = amaranth_run(spec, beats).outputs
    found = [signed(number(beat, "sum"), 32) for beat in amaranth_run(spec.behind, chosen).outputs]
    assert found == [int((row * acts).sum()) for row, acts in zip(rows, activations, strict=True)]


def test_its_output_beats_are_input_beats_of_the_multiplier() -> None:
    for lanes in (1, 2, 4):
        assert SparseSelect(lanes=lanes).outputs == SparseSelect(lanes=lanes).behind.inputs


@pytest.mark.parametrize("lanes", [0, 65])
def test_lanes_out_of_range_are_refused(lanes: int) -> None:
    with pytest.raises(ValueError, match="lanes"):
        SparseSelect(lanes=lanes)
