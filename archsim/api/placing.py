"""Placement for people: a YAML file in, a placement and its picture out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from archsim.api.allocation import picture_form
from archsim.core.errors import BadInput
from archsim.core.files import write_atomic
from archsim.mappers.placement.file import PlacementFile, read_placement
from archsim.mappers.placement.schedule import Schedule
from archsim.mappers.placement.solve import SECONDS, Method, Placement


@dataclass(frozen=True)
class Placed:
    """What was asked, and the answer."""

    asked: PlacementFile
    found: Placement | Schedule


def place_file(path: str | Path, *, method: str = "auto", seconds: float = SECONDS) -> Placed:
    """Place what a file says.

    Parameters
    ----------
    path
        A YAML file of kind kv, experts, tensors or ops.
    method
        lpt: a heuristic, longest first; program: an integer program; auto: the second where the first is not proved.
    seconds
        Limit of an integer program.

    Raises
    ------
    BadInput
        The file, a name or a limit is not right.
    DoesNotFit, Infeasible
        There is no placement: says what is short, and by how much.
    """
    known: tuple[Method, ...] = get_args(Method)
    chosen = next((name for name in known if name == method), None)
    if chosen is None:
        raise BadInput(f"unknown method {method!r}", where="--method", right=f"one of {', '.join(known)}")
    asked = read_placement(path)
    return Placed(asked, asked.solve(method=chosen, seconds=seconds))


def draw_placement(placed: Placed, path: Path, *, title: str = "") -> None:
    """Write the picture of a placement: what each unit has to do, and what limits it.

    Raises
    ------
    BadInput
        The name asks for no picture that can be drawn, or the file cannot be written.
    """
    from archsim.report.placement import placement_plot

    write_atomic(path, placement_plot(placed.found, unit=placed.asked.unit, title=title, form=picture_form(path)))
