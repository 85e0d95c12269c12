"""Requests one by one as arrays, a chunk at a time: what memories without the DRAM controller work through.

A pattern gives the same addresses in the same order as it does to the DRAM controller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsim.core.errors import Broken
from archsim.memory import layout as y
from archsim.memory.device import Memory
from archsim.memory.requests import Requests

CHUNK = 1 << 20
"""Requests held in memory at once."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive requests."""

    addresses: Any
    is_write: Any
    arrivals: Any
    """First cycle in which each may be accepted."""

    def __len__(self) -> int:
        return len(self.addresses)


def chunks(requests: Requests, device: Memory, size: int = CHUNK) -> Iterator[Chunk]:
    """All requests in their order, `size` at a time; addresses wrap around at the end of the memory."""
    numbers, addresses, is_write, arrivals = requests.arrays(device)
    count, form = len(requests), int(numbers[y.FORM])
    random = y.SEED
    for first in range(0, count, size):
        index = np.arange(first, min(count, first + size), dtype=np.int64)
        write = np.full(len(index), numbers[y.ALL_WRITE] != 0)
        if form == y.GIVEN:
            found, write = addresses[index], is_write[index] != 0
        elif form == y.UNIFORM:
            found, random = _uniform(random, len(index), numbers)
        elif form == y.MIX:
            write |= index % 3 == 2
            half = int(numbers[y.CAPACITY]) >> 1
            found = np.where(write, half + (index // 3 << numbers[y.SHIFT]), index - index // 3 << numbers[y.SHIFT])
        elif form == y.AFFINE:
            found = numbers[y.START] + index * numbers[y.STRIDE]
        else:
            raise Broken(f"a stream of form {form}", right="a form of archsim.memory.layout")
        at = arrivals[index] if len(arrivals) else np.zeros(len(index), dtype=np.int64)
        yield Chunk(found % numbers[y.CAPACITY], write, at)


def affine(requests: Requests, device: Memory) -> tuple[int, int, bool] | None:
    """First address, stride and direction of a stream whose requests are all offered at once and evenly spaced."""
    numbers, *_ = requests.arrays(device)
    if int(numbers[y.FORM]) != y.AFFINE or not len(requests):
        return None
    return int(numbers[y.START]), int(numbers[y.STRIDE]), bool(numbers[y.ALL_WRITE])


def _uniform(state: int, count: int, numbers: Any) -> tuple[Any, int]:
    """The next addresses, and the state of the generator after them: powers of its factor instead of a loop."""
    powers = np.cumprod(np.full(count, y.FACTOR, dtype=np.uint64), dtype=np.uint64)
    sums = np.cumsum(np.concatenate((np.ones(1, dtype=np.uint64), powers[:-1])), dtype=np.uint64)
    states = powers * np.uint64(state) + sums * np.uint64(y.INCREMENT)
    lines = int(numbers[y.CAPACITY]) >> int(numbers[y.SHIFT])
    drawn = ((states >> np.uint64(33)) & np.uint64(0x7FFFFFFF)).astype(np.int64)
    return drawn % lines << numbers[y.SHIFT], int(states[-1])
