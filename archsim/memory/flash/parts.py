"""Requests as parts of pages: where each part lies, and how many of its bytes are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from archsim.core.errors import BadInput
from archsim.memory.flash.device import Flash
from archsim.memory.offered import chunks
from archsim.memory.requests import Requests


class Part(NamedTuple):
    """What one request wants of one page."""

    request: int
    """Its number in the stream."""
    channel: int
    die: int
    plane: int
    block: int
    page: int
    size: int
    """Bytes."""
    write: bool
    arrival: int
    """First time, in ps, at which the controller may take it."""

    @property
    def place(self) -> tuple[int, int, int]:
        """Plane, block and page, as commands name it."""
        return self.plane, self.block, self.page


def parts(device: Flash, requests: Requests) -> Iterator[Part]:
    """Every part of every request, in order; a request that begins within its size begins at the multiple below.

    Raises
    ------
    BadInput
        A write of less than a page.
    """
    page, request = int(device.page), device.request_bytes
    count, size, fields, first = max(1, request // page), min(page, request), device.addresses, 0
    for chunk in chunks(requests, device, 1 << 14):
        if request < page and chunk.is_write.any():
            what = f"request: writes of {request} B to pages of {page} B"
            right = "a page is programmed as a whole: requests of one page or more; smaller ones only read"
            raise BadInput(what, right=right, try_=f"--set request='{device.page}'")
        starts = chunk.addresses // request * request
        addresses = (starts[:, None] + np.arange(count) * page).ravel()
        numbers = np.repeat(np.arange(first, first + len(chunk)), count)
        where = [fields.part(name, addresses).tolist() for name in ("ch", "di", "pl", "bl", "pa")]
        writes = np.repeat(chunk.is_write, count).tolist()
        arrivals = np.repeat(chunk.arrivals * int(device.tck), count).tolist()
        sizes = [size] * len(addresses)
        yield from map(Part, numbers.tolist(), *where, sizes, writes, arrivals)
        first += len(chunk)
