"""Does the SRAM follow its table, and only that?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.models.spatial.sram import Sram, sram
from archsim.models.spatial.sram_table import TABLE

PARTS = ("area", "read", "write", "leakage")
SIZES = {line: sorted(row[1] for row in TABLE if row[0] == line) for line in {row[0] for row in TABLE}}


@given(st.sampled_from(TABLE))
def test_gives_the_rows_of_the_table(row: tuple[int, int, float, float, float, float]) -> None:
    """At a row nothing is interpolated."""
    assert sram(row[1], row[0]) == Sram(*row[2:])


@given(st.sampled_from(sorted(SIZES)), st.data())
def test_lies_between_its_neighbours(line: int, data: st.DataObject) -> None:
    """Between two sizes of a line every number lies between theirs."""
    sizes = SIZES[line]
    index = data.draw(st.integers(0, len(sizes) - 2))
    size = data.draw(st.integers(sizes[index], sizes[index + 1]))
    low, at, high = (sram(s, line) for s in (sizes[index], size, sizes[index + 1]))
    for part in PARTS:
        ends = sorted((getattr(low, part), getattr(high, part)))
        assert ends[0] * (1 - 1e-9) <= getattr(at, part) <= ends[1] * (1 + 1e-9)


@given(st.integers(1 << 20, 1 << 28), st.integers(1 << 20, 1 << 28))
def test_a_larger_one_costs_more(one: int, other: int) -> None:
    """In area, energy and leakage, beyond the end of the table too."""
    small, large = sorted((one, other))
    for part in PARTS:
        assert getattr(sram(small, 512), part) <= getattr(sram(large, 512), part) * (1 + 1e-9)


@pytest.mark.parametrize(("size", "read", "write"), [(32 << 20, 23864.45, 27097.99)])
def test_explains_the_published_energies(size: int, read: float, write: float) -> None:
    """What FuseMax's published energies of the FLAT hardware imply for a line of 512 B."""
    assert sram(size, 512).read == pytest.approx(read, rel=5e-4)
    assert sram(size, 512).write == pytest.approx(write, rel=5e-4)
