"""Which habits of other simulators a memory can take over, and what is said of those it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.api.compat import CHOICES, MEANINGS, compats
from archsim.api.designs import bundled_names
from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.memory.device import Dram, Memory

DRAMS = [name for name in bundled_names("memories") if isinstance(load_device(name, kind=Memory), Dram)]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", DRAMS)
def test_a_standard_knows_what_its_memories_take(name: str, choice: str) -> None:
    """The device's own checks, which `vary` asks alone, are the reference."""
    device = load_device(name)
    known = compats(device.standard)
    try:
        taken = device.vary(compat=choice).compat == choice
    except BadInput:
        taken = False
    assert taken == (choice in known)
    for given in (name, device):
        if taken:
            assert load_device(given, set={"compat": choice}).compat == choice
            continue
        with pytest.raises(BadInput, match=f"{device.standard} knows no '{choice}'") as found:
            load_device(given, set={"compat": choice})
        assert found.value.right.splitlines() == [f"compat: {other}, {MEANINGS[other]}" for other in known]


@pytest.mark.parametrize("line", ["standard: [1]", "standard: ddr9", "compat: [none]", "compat: 3"])
def test_what_is_no_standard_or_no_choice_is_refused_by_the_memory(work: Path, line: str) -> None:
    (work / "mine.yaml").write_text(f"base: hbm2-8gb-x128\n{line}\n")
    with pytest.raises(BadInput, match=r"mine\.yaml:2"):
        load_device("mine.yaml")
