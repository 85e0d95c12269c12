"""Sets of buffers whose load is the capacity nearly always, drawn at random."""

from __future__ import annotations

from random import Random

from archsim.mappers import Buffer

HEIGHT = 1 << 20


def sliced(count: int, seed: int) -> list[Buffer]:
    """A full rectangle cut in two again and again: it packs without a gap."""
    random = Random(seed)
    pieces = [(0, 2000, 0, HEIGHT)]
    while len(pieces) < count:
        keys = [(right - left) * (high - low) * random.random() ** 2 for left, right, low, high in pieces]
        left, right, low, high = pieces[place := keys.index(max(keys))]
        if random.random() < 0.5 and right - left > 1:
            cut = random.randint(left + 1, right - 1)
            pieces[place : place + 1] = [(left, cut, low, high), (cut, right, low, high)]
        elif high - low > 512:
            cut = random.randint(low + 256, high - 256)
            pieces[place : place + 1] = [(left, right, low, cut), (left, right, cut, high)]
    return [Buffer(str(i), left, right, high - low) for i, (left, right, low, high) in enumerate(pieces)]


def skyline(count: int, seed: int, alignment: int = 1) -> list[Buffer]:
    """Whenever buffers end, others begin that need just as much: nobody knows whether it packs without a gap."""
    random, time, free = Random(seed), 0, HEIGHT
    buffers: list[Buffer] = []
    live: list[Buffer] = []
    while len(buffers) < count:
        while free > 0:
            size = min(free, max(512, int(random.lognormvariate(0, 1.2) * HEIGHT / 20) // 512 * 512))
            size = free if free - size < 512 else size
            upper = time + max(1, int(random.lognormvariate(0, 1.0) * 12))
            live.append(Buffer(str(len(buffers)), time, upper, size, alignment))
            buffers.append(live[-1])
            free -= size
        time = min(buffer.upper for buffer in live)
        free = sum(buffer.size for buffer in live if buffer.upper == time)
        live = [buffer for buffer in live if buffer.upper > time]
    return buffers
