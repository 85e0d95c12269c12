"""Which habits of other simulators (`compat`) a DRAM standard can take over."""

from __future__ import annotations

from typing import get_args

from archsim.core.errors import BadInput
from archsim.memory.device import Dram
from archsim.memory.standards import STANDARDS
from archsim.memory.standards.common import single_cycle
from archsim.memory.timing import SHEET_NAMES

CHOICES: tuple[str, ...] = get_args(Dram.model_fields["compat"].annotation)
"""What some standard has."""
MEANINGS = {
    "none": "as the standard says",
    "dramsim3": "every command takes one cycle of its bus",
    "attacc-simulator": "values of every second head are read twice",
}
"""What each choice does, in a few words."""


def check_compat(standard: object, compat: object, where: str = "") -> None:
    """Refuse a `compat` that a standard cannot have, which would else show as timings that no rule uses.

    Parameters
    ----------
    standard, compat
        As a memory's file gives them; what is no standard or no choice at all is left for the memory itself to refuse.
    where
        The place that gives `compat`, for the error.

    Raises
    ------
    BadInput
        Names the choices that this standard has.
    """
    if not isinstance(standard, str) or standard not in STANDARDS or compat not in CHOICES:
        return
    choices = compats(standard)
    if compat not in choices:
        right = "\n".join(f"compat: {name}, {MEANINGS[name]}" for name in choices)
        raise BadInput(f"compat: {standard} knows no {compat!r}", where=where, right=right)


def compats(standard: str) -> tuple[str, ...]:
    """The choices that a standard has.

    A standard whose PIM commands have lengths of their own cannot do with commands of one cycle.

    >>> compats("hbm2"), compats("hbm3-attacc")
    (('none', 'dramsim3'), ('none', 'attacc-simulator'))
    """
    protocol = STANDARDS.get(standard)
    lost = protocol.timings - single_cycle(protocol).timings - {*SHEET_NAMES.values()}
    return (
        "none",
        *(() if lost else ("dramsim3",)),
        *(("attacc-simulator",) if standard == "hbm3-attacc" else ()),
    )
