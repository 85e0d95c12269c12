"""Fusion for people: a workload and a capacity in, groups of ops and what they save out."""

from __future__ import annotations

from typing import Any

from archsim.api.amounts import bytes_of
from archsim.api.cases import load_workload
from archsim.core.errors import BadInput
from archsim.core.quantities import Bytes
from archsim.mappers.fusion import Fusion, fuse
from archsim.mappers.tiling import Level


def fuse_workload(
    workload: str, capacity: str | int, *, where: str | None = None, set: Any = None, **options: Any
) -> Fusion:
    """Cut a workload's layer into groups of ops whose intermediate results stay on chip.

    Parameters
    ----------
    workload, set, options
        As in `archsim.run`.
    capacity
        Bytes on chip, or text such as ``1 MiB``.
    where
        Loop whose body is cut; by default the layer, or for single operators all there is.

    Raises
    ------
    BadInput
        A name or an amount is not right.
    DoesNotFit
        An op that cannot run in so little even alone.
    """
    graph = load_workload(workload, set=set, **options).expand()
    loops = {repeat.var for _, around in graph.walk() for repeat in around}
    place = where if where is not None else ("layer" if "layer" in loops else "")
    room = bytes_of(capacity)
    if room < 1:
        raise BadInput(f"capacity is {room:,} B", where="--capacity", right="1 B or more")
    return fuse(graph, Level(name="chip", capacity=Bytes(room), double_buffered=False), where=place)
