"""Names of queues: what helper tasks hand to each other in order, such as panels of operands that stream through.

A task's `reads` and `writes` name tensors of the graph, queues, or buffers: any other name, where who reads finds what
was written last. The n-th instance that writes a queue puts in its n-th entry. Each kind of reader, that is the tasks
of one op that write the same, takes out one entry after the other. A queue may hold entries from the beginning, for
what comes a round ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MARK = ">"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue by its name in `reads` and `writes`."""

    name: str
    """Of its placement, if it has one: then there is room for the entries of the beginning and one more."""
    held: int = 0
    """Entries that are there from the beginning."""

    def __str__(self) -> str:
        return f"{self.name}{MARK}{self.held or ''}"


@lru_cache(maxsize=4096)
def queue_of(text: str) -> Queue | None:
    """The queue that a name stands for; None where it is another name.

    >>> queue_of("scores.operands>"), queue_of("scores")
    (Queue(name='scores.operands', held=0), None)
    """
    name, mark, held = text.rpartition(MARK)
    return Queue(name, int(held or 0)) if mark and (held.isdigit() or not held) else None
