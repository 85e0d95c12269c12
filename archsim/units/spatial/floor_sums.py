"""Sums of rounded quotients along an arithmetic progression, in a few steps however long it is.

Tiles of queries move along the diagonal of a mask in equal steps: the tiles of keys that they see are such quotients.
"""

from __future__ import annotations


def floor_sum(count: int, divisor: int, step: int, start: int) -> int:
    """Sum of ``floor((start + step i) / divisor)`` for i in 0..count-1.

    As Euclid's algorithm goes: whole parts are summed at once, and the lattice points below a line of slope
    step / divisor are those beside one of slope divisor / step.

    >>> floor_sum(4, 3, 2, 1), sum((1 + 2 * i) // 3 for i in range(4))
    (4, 4)
    """
    total = 0
    while count > 0:
        whole, step = divmod(step, divisor)
        total += whole * (count * (count - 1) // 2)
        whole, start = divmod(start, divisor)
        total += whole * count
        top = step * count + start
        if top < divisor:
            break
        count, start = divmod(top, divisor)
        divisor, step = step, divisor
    return total


def clamped_sum(count: int, divisor: int, step: int, start: int, low: int, high: int) -> int:
    """The same with every quotient taken into ``low..high``; `step` is not negative.

    >>> clamped_sum(6, 3, 2, -3, 0, 1), [min(1, max(0, (-3 + 2 * i) // 3)) for i in range(6)]
    (3, [0, 0, 0, 1, 1, 1])
    """
    rising = reaches(count, divisor, step, start, low)
    level = max(rising, reaches(count, divisor, step, start, high))
    between = floor_sum(level - rising, divisor, step, start + step * rising)
    return low * rising + between + high * (count - level)


def reaches(count: int, divisor: int, step: int, start: int, value: int) -> int:
    """The first i in 0..count-1 with ``floor((start + step i) / divisor) >= value``, or `count` where there is none."""
    missing = value * divisor - start
    if missing <= 0:
        return 0
    return min(count, -(-missing // step)) if step else count
