"""The occupancy figure: drawn from the table alone, the same bytes for the same table."""

from __future__ import annotations

import pytest

from archsim.report.occupancy import LABELS, occupancy_plot
from archsim.report.pareto_plot import Format
from archsim.units.spatial.occupancy import SCHEMES, occupancy_table

TABLE = occupancy_table(units=20, heads=8, kv_heads=2, head=128, batches=(1, 3), contexts=(512, 2048, 5000))


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_table_gives_the_same_bytes(form: Format, start: bytes) -> None:
    drawn = occupancy_plot(TABLE, title="decode", form=form)
    assert drawn.startswith(start)
    assert drawn == occupancy_plot(TABLE, title="decode", form=form)


def test_every_scheme_batch_and_context_is_in_the_figure() -> None:
    drawn = occupancy_plot(TABLE, title="decode", form="svg").decode()
    assert set(LABELS) == set(SCHEMES)
    for text in ("batch 1", "batch 3", ">5,000<", ">2K<", "decode", *LABELS.values()):
        assert text in drawn
