"""What is placed: a buffer with a life, a size and, where wanted, an alignment, gaps and an offset of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.core.errors import BadInput

MOST = 1 << 60
"""Largest time, size or offset: more than any machine has."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a buffer's life in which it needs nothing, or only a window of its bytes.

    Parameters
    ----------
    lower, upper
        From when until before when.
    window
        First byte that is needed meanwhile and the byte after the last one, counted from the buffer's offset; None
        where nothing is needed.
    """

    lower: int
    upper: int
    window: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that are needed from one time until before another.

    Parameters
    ----------
    id
        Its name, unique among the buffers of one problem.
    lower, upper
        Life: from `lower` until before `upper`. Any unit of time, any sign.
    size
        Bytes. One of size 0 goes anywhere.
    alignment
        The offset is a multiple of this many bytes.
    gaps
        Stretches of the life without need, in order of time, none touching another's inside.
    offset
        The offset it must have; None where that is free.

    Raises
    ------
    BadInput
        A value is of the wrong type, the life is empty, a number is negative or too large, a gap lies outside, or the
        fixed offset is not aligned.
    """

    id: str
    lower: int
    upper: int
    size: int
    alignment: int = 1
    gaps: tuple[Gap, ...] = ()
    offset: int | None = None

    def __post_init__(self) -> None:
        where = f"buffer {self.id!r}"
        self._check_types(where)
        if self.upper <= self.lower:
            what = f"upper is {self.upper:,}, not after lower, {self.lower:,}"
            raise BadInput(what, where=where, right="it lives from lower until before upper")
        if self.size < 0:
            raise BadInput(f"size is {self.size:,}", where=where, right="bytes, 0 or more")
        if self.alignment < 1:
            raise BadInput(
                f"alignment is {self.alignment:,}", where=where, right="bytes, 1 or more; 1 means any offset"
            )
        if self.offset is not None and (self.offset < 0 or self.offset % self.alignment):
            what = f"offset is {self.offset:,}"
            raise BadInput(what, where=where, right=f"0 or more, and a multiple of its alignment {self.alignment:,}")
        if max(abs(self.lower), abs(self.upper), self.size, self.alignment, self.offset or 0) > MOST:
            raise BadInput("a number is too large", where=where, right=f"at most {MOST:,}")
        self._check_gaps(where)

    def _check_types(self, where: str) -> None:
        numbers = {name: getattr(self, name) for name in ("lower", "upper", "size", "alignment")}
        numbers |= {} if self.offset is None else {"offset": self.offset}
        if not isinstance(self.gaps, tuple):
            raise BadInput(f"gaps is {self.gaps!r:.80}", where=where, right="a tuple of Gap")
        for gap in self.gaps:
            if not isinstance(gap, Gap) or not (gap.window is None or _is_pair(gap.window)):
                raise BadInput(f"a gap is {gap!r:.80}", where=where, right="such as Gap(3, 5) or Gap(3, 5, (0, 64))")
            numbers |= {"lower of a gap": gap.lower, "upper of a gap": gap.upper}
        for name, number in numbers.items():
            if not hasattr(number, "__index__"):
                raise BadInput(f"{name} is {number!r}", where=where, right="a whole number, such as 4096")

    def _check_gaps(self, where: str) -> None:
        before = self.lower
        for gap in self.gaps:
            if not before <= gap.lower < gap.upper <= self.upper:
                what = f"gap {gap.lower}-{gap.upper} is empty, out of order or outside"
                right = f"gaps in order of time, within {self.lower} to {self.upper}"
                raise BadInput(what, where=where, right=right)
            if gap.window is not None and not 0 <= gap.window[0] < gap.window[1] <= self.size:
                what = f"gap {gap.lower}-{gap.upper} has the window {gap.window[0]}:{gap.window[1]}"
                raise BadInput(what, where=where, right=f"first byte : byte after the last one, within 0:{self.size}")
            before = gap.upper
        if not any(True for _ in self.pieces()):
            raise BadInput("gaps cover its whole life", where=where, right="some time at which it is needed")

    def pieces(self) -> Iterator[tuple[int, int, int, int]]:
        """From when, until before when, from which byte and until before which byte above the offset it is needed."""
        time = self.lower
        for gap in self.gaps:
            if gap.lower > time:
                yield time, gap.lower, 0, self.size
            if gap.window is not None:
                yield gap.lower, gap.upper, *gap.window
            time = gap.upper
        if self.upper > time:
            yield time, self.upper, 0, self.size


def _is_pair(window: object) -> bool:
    return isinstance(window, tuple) and len(window) == 2 and all(hasattr(edge, "__index__") for edge in window)
