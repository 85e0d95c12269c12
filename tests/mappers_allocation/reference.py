"""The slow reference: every offset of every buffer, and buffers drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from archsim.mappers import Allocation, Buffer, Gap


def packs(buffers: Sequence[Buffer], height: int) -> bool:
    """Whether the buffers fit below a height: all offsets are tried."""

    def clash(one: Buffer, at: int, other: Buffer, there: int) -> bool:
        return any(
            lower < last and first < upper and at + low < there + end and there + begin < at + high
            for lower, upper, low, high in one.pieces()
            for first, last, begin, end in other.pieces()
        )

    def rest(places: list[int]) -> bool:
        if len(places) == len(buffers):
            return True
        buffer = buffers[len(places)]
        choices = range(0, height - buffer.size + 1, buffer.alignment) if buffer.offset is None else [buffer.offset]
        return any(
            at + buffer.size <= height
            and not any(clash(buffer, at, other, there) for other, there in zip(buffers, places, strict=False))
            and rest([*places, at])
            for at in choices
        )

    return rest([])


def least(buffers: Sequence[Buffer]) -> int:
    """The least height below which the buffers fit."""
    return next(height for height in range(10_000) if packs(buffers, height))


@st.composite
def buffer_lists(
    draw: st.DrawFn, *, most: int = 5, gaps: bool = True, windows: bool = False, fixed: bool = True
) -> list[Buffer]:
    """Few small buffers, some aligned, with gaps, or fixed to where a first buffer of that life can be."""
    drawn: list[Buffer] = []
    for index in range(draw(st.integers(1, most))):
        lower = draw(st.integers(0, 5))
        length, size = draw(st.integers(1, 5)), draw(st.integers(1, 4))
        alignment = draw(st.sampled_from((1, 1, 1, 2, 3)))
        own: tuple[Gap, ...] = ()
        if gaps and length > 2 and draw(st.booleans()):
            window = (draw(st.integers(0, size - 1)), size) if windows and draw(st.booleans()) else None
            own = (Gap(lower + 1, lower + draw(st.integers(2, length - 1)), window),)
        offset = draw(st.integers(0, 2)) * alignment if fixed and draw(st.integers(0, 7)) == 0 else None
        buffer = Buffer(str(index), lower, lower + length, size, alignment, own, offset)
        firm = [b for b in [*drawn, buffer] if b.offset is not None]
        if Allocation(tuple(firm), tuple(b.offset or 0 for b in firm), 0, 0).valid:
            drawn.append(buffer)
    return drawn or [Buffer("only", 0, 1, 1)]
