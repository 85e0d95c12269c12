"""Offsets for buffers: greedy rules first, then searches until it fits, is proved, or the limit is reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from archsim.core.errors import BadInput
from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.buffer import Buffer
from archsim.mappers.allocation.hunt import Hunt
from archsim.mappers.allocation.result import Allocation


def allocate(
    buffers: Sequence[Buffer],
    capacity: int | None = None,
    *,
    minimise: bool = False,
    nodes: int | None = None,
    seconds: float | None = None,
) -> Allocation:
    """Place buffers in one memory so that no two share bytes while both are needed.

    Parameters
    ----------
    buffers
        What to place.
    capacity
        Bytes that there are. None asks for the least height.
    minimise
        Go on to the least height when it fits.
    nodes
        Placements that searches may try; 0 leaves it at the greedy rules. The result depends on nothing else. None
        means 4,000,000, or as many as there is time for where `seconds` are given.
    seconds
        Time after which the best so far is returned; the result then depends on the machine.

    Returns
    -------
    Allocation
        Always a valid one, also where it does not fit: then it is the lowest that was found. Ctrl-C ends the search in
        the same way.

    Raises
    ------
    BadInput
        An argument is of the wrong type, the capacity or a limit makes no sense, two buffers have one id, or two fixed
        offsets clash.
    """
    _check(buffers, capacity, nodes, seconds)
    budget = Budget(nodes, seconds)
    solid = [buffer for buffer in buffers if buffer.size]
    if solid:
        hunt = Hunt(solid, capacity, budget)
        hunt.run(minimise or capacity is None)
        places = dict(zip((buffer.id for buffer in solid), hunt.places, strict=True))
        found = hunt.found()
    else:
        places, found = {}, Allocation((), (), 0, 0, capacity, method="nothing to place")
    everywhere = tuple(places.get(buffer.id, buffer.offset or 0) for buffer in buffers)
    return replace(
        found,
        buffers=tuple(buffers),
        places=everywhere,
        nodes=budget.used,
        seconds=budget.elapsed,
    )


def _check(buffers: Sequence[Buffer], capacity: int | None, nodes: int | None, seconds: float | None) -> None:
    _check_types(buffers, capacity, nodes, seconds)
    if capacity is not None and capacity < 1:
        raise BadInput(f"capacity is {capacity:,}", right="bytes, 1 or more")
    if nodes is not None and nodes < 0:
        raise BadInput(f"nodes is {nodes:,}", right="placements that may be tried, 0 for greedy rules only")
    if seconds is not None and not seconds > 0:
        raise BadInput(f"seconds is {seconds:g}", right="more than 0")
    twice = [name for name, times in Counter(buffer.id for buffer in buffers).items() if times > 1]
    if twice:
        raise BadInput(
            f"there are {len(twice)} ids that several buffers have, the first {twice[0]!r}", right="unique ids"
        )
    fixed = tuple(b for b in buffers if b.offset is not None)
    Allocation(fixed, tuple(b.offset or 0 for b in fixed), 0, 0).check()


def _check_types(buffers: object, capacity: object, nodes: object, seconds: object) -> None:
    if isinstance(buffers, str) or not isinstance(buffers, Sequence):
        raise BadInput(
            f"buffers is {buffers!r:.80}", right="a list of Buffer", try_="read_buffers(path) for a CSV file"
        )
    for index, buffer in enumerate(buffers):
        if not isinstance(buffer, Buffer):
            raise BadInput(f"it is {buffer!r:.80}", where=f"buffers[{index}]", right='such as Buffer("a", 0, 2, 4096)')
    for name, value in (("capacity", capacity), ("nodes", nodes)):
        if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__")):
            raise BadInput(f"{name} is {value!r}", right="a whole number, such as 65536, or None")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
        raise BadInput(f"seconds is {seconds!r}", right="a number, such as 10, or None")
