"""In which order task instances run, and when each of them reads."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence

from archsim.ir.unrolled import Instance

Step = tuple[int, bool, bool]
"""An instance, whether it ends now, and whether it reads now."""


def program_order(instances: Sequence[Instance], seed: int) -> Iterator[Step]:
    """One after the other."""
    del seed
    yield from ((at, True, True) for at in range(len(instances)))


def any_order(instances: Sequence[Instance], seed: int) -> Iterator[Step]:
    """Units side by side: each takes its instances in program order, as soon as what they wait for has ended.

    For a while each, some unit is fast and others are slow, so that units run ahead of each other as far as they may.
    """
    rng = random.Random(seed)
    queues: dict[int, deque[int]] = {}
    for at, instance in enumerate(instances):
        queues.setdefault(instance.unit, deque()).append(at)
    ended: set[int] = set()
    running: dict[int, tuple[int, bool]] = {}
    pace = dict.fromkeys(queues, 1.0)
    left = len(instances)
    while left:
        if rng.random() < 0.05:
            pace = {unit: rng.choice((0.01, 1.0, 100.0)) for unit in queues}
        able = [
            u for u, queue in queues.items() if u in running or (queue and ended.issuperset(instances[queue[0]].waits))
        ]
        unit = rng.choices(able, [pace[u] for u in able])[0]
        if unit in running:
            at, late = running.pop(unit)
            yield at, True, late
            ended.add(at)
            left -= 1
        else:
            at, late = queues[unit].popleft(), rng.random() < 0.5
            running[unit] = at, late
            if not late:
                yield at, False, True
