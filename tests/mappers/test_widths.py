"""Weights and caches of other widths than activations: counted, said to make no difference, or refused."""

from __future__ import annotations

from typing import Any

import pytest

import archsim
from archsim.api.designs import bundled_names
from archsim.core.errors import BadInput, Infeasible

PAIRS = [
    ("aim", "pim"),
    ("pim-gpt", "pim"),
    ("pim-gpt-8k", "pim"),
    ("systolic", "ops"),
    ("systolic", "cosma"),
    ("t4", "ops"),
    ("xeon-6154", "ops"),
    *((name, "spatial") for name in ("unfused", "flat", "flat-edge", "fusemax", "fusemax-arch", "fusemax-cascade")),
    ("fusemax-edge", "spatial"),
]
PHASES: tuple[dict[str, Any], ...] = ({"phase": "decode", "context": 40}, {"phase": "prefill", "prompt": 24})


def test_every_design_is_asked() -> None:
    assert {name for name, _ in PAIRS} == set(bundled_names("designs"))


@pytest.mark.parametrize("setting", ["precision.ffn_up", "precision.embed", "kv_dtype"])
@pytest.mark.parametrize(("design", "mapper"), PAIRS)
def test_no_width_is_ignored_without_a_word(design: str, mapper: str, setting: str) -> None:
    for phase in PHASES:
        plain = archsim.run(design, "gpt2-small", mapper=mapper, **phase)
        for width in ("int4", "int8", "fp32"):
            given = {f"workload.{setting}": width}
            if mapper == "pim" or (mapper == "spatial" and width == "fp32"):
                with pytest.raises((BadInput, Infeasible), match=rf"{width}.*\n.*") as caught:
                    archsim.run(design, "gpt2-small", mapper=mapper, set=given, **phase)
                assert "try: --set" in str(caught.value)
                continue
            found = archsim.run(design, "gpt2-small", mapper=mapper, set=given, **phase)
            bytes_then, bytes_now = (sum(map(sum, report.traffic.values())) for report in (plain, found))
            said = [note for note in found.notes if f"{width} elements take words" in note or "as if they had" in note]
            assert bool(said) == (bytes_then == bytes_now), found.notes
            assert said or (bytes_now > bytes_then) == (width == "fp32")
