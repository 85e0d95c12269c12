"""Draws docs/figures/occupancy.png and prints its table: ``python docs/make_occupancy.py``.

Decode of one token per sequence on a GPU of 108 multiprocessors, 32 query heads on 8 KV heads of 128 elements. Options
change the machine and the model; the figure then goes where ``--out`` says.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from archsim.report.occupancy import occupancy_plot
from archsim.units.spatial.occupancy import SCHEMES, Occupancy, occupancy_table

FIGURE = Path(__file__).parent / "figures" / "occupancy.png"


def lines(table: list[Occupancy]) -> list[str]:
    """The table as text: a line for every batch and context, a column for every scheme."""
    found = {(point.batch, point.context, point.scheme): point.occupancy for point in table}
    rows = dict.fromkeys((point.batch, point.context) for point in table)
    head = f"{'batch':>6} {'context':>9} " + " ".join(f"{scheme:>11}" for scheme in SCHEMES)
    return [head] + [
        f"{batch:>6} {context:>9,} " + " ".join(f"{float(found[batch, context, scheme]):>11.1%}" for scheme in SCHEMES)
        for batch, context in rows
    ]


def main() -> None:
    """Parse options, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name, default, what in (
        ("units", 108, "multiprocessors, or arrays"),
        ("heads", 32, "query heads"),
        ("kv-heads", 8, "heads of keys and values"),
        ("head", 128, "elements of a head"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{what} (default {default})")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16], help="sequences")
    parser.add_argument("--contexts", type=int, nargs="+", default=[1 << i for i in range(9, 21)], help="keys of each")
    parser.add_argument("--out", type=Path, default=FIGURE, help=".png, .pdf or .svg")
    given = parser.parse_args()
    form = given.out.suffix.lstrip(".")
    if form not in ("png", "pdf", "svg"):
        parser.error(f"--out {given.out}: .png, .pdf or .svg")
    table = occupancy_table(
        units=given.units,
        heads=given.heads,
        kv_heads=given.kv_heads,
        head=given.head,
        batches=given.batches,
        contexts=given.contexts,
    )
    title = f"{given.units} units, {given.heads} heads on {given.kv_heads}, head size {given.head}"
    given.out.write_bytes(occupancy_plot(table, title=title, form=form))
    print("\n".join(lines(table)))


if __name__ == "__main__":
    main()
