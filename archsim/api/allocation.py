"""Static allocation for people: a file of buffers in, an allocation and its picture out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from archsim.api.amounts import bytes_of
from archsim.core.errors import BadInput
from archsim.core.files import write_atomic
from archsim.mappers.allocation import Allocation, allocate, read_buffers

if TYPE_CHECKING:
    from archsim.report.pareto_plot import Format

FORMS = ("png", "pdf", "svg")
"""Pictures that can be drawn."""


def allocate_file(
    path: str | Path,
    capacity: str | int | None = None,
    *,
    minimise: bool = False,
    nodes: int | None = None,
    seconds: float | None = None,
) -> Allocation:
    """Read buffers and place them.

    Parameters
    ----------
    path
        A CSV file as `archsim.mappers.read_buffers` takes it.
    capacity
        Bytes, or text such as ``1 MiB``; None asks for the least height.
    minimise, nodes, seconds
        As for `archsim.mappers.allocate`.

    Raises
    ------
    BadInput
        The file, the capacity or a limit is not right.
    """
    room = None if capacity is None else bytes_of(capacity)
    return allocate(read_buffers(path), room, minimise=minimise, nodes=nodes, seconds=seconds)


def picture_form(path: Path) -> Format:
    """The kind of picture that a file name asks for.

    Raises
    ------
    BadInput
        None that can be drawn.
    """
    form = path.suffix.removeprefix(".").lower()
    if form not in FORMS:
        raise BadInput(f"cannot draw {path.name!r}", where="--plot", right=f"a name that ends in .{', .'.join(FORMS)}")
    return cast("Format", form)


def draw_allocation(found: Allocation, path: Path, *, title: str = "") -> None:
    """Write the picture of an allocation, address over time.

    Raises
    ------
    BadInput
        The name asks for no picture that can be drawn, or the file cannot be written.
    """
    from archsim.report.allocation import allocation_plot

    write_atomic(path, allocation_plot(found, title=title, form=picture_form(path)))
