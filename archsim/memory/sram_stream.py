"""Whether a stream can be answered by the closed form: evenly spaced requests that never meet at a port."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.memory.offered import affine
from archsim.memory.requests import Requests

if TYPE_CHECKING:
    from archsim.memory.sram import Sram

LONGEST = 1 << 18
"""Requests after which the banks must come again in the same order; a stream with a longer period is simulated."""


def unhindered(device: Sram, requests: Requests) -> tuple[Any, bool] | None:
    """Accesses of each bank and whether they write, if no request ever waits.

    That is so where each group of requests that the crossbar takes in one cycle finds a port for every one of them:
    all are answered in the cycle in which they are taken. None where this fails or is not cheap to tell.
    """
    if (stream := affine(requests, device)) is None:
        return None
    start, stride, write = stream
    at, width = device.addresses.positions["ba"], device.addresses.widths["ba"]
    period = (1 << at + width) // math.gcd(stride, 1 << at + width)
    length = math.lcm(period, device.taken)
    if length > LONGEST:
        return None
    index = np.arange(length)
    banks = (start + index * stride >> at) & (device.banks - 1)
    together = np.bincount(index // device.taken * device.banks + banks)
    if together.max() > device.ports + (device.write_ports if write else device.read_ports):
        return None
    whole, rest = divmod(len(requests), length)
    counts = np.bincount(banks, minlength=device.banks) * whole
    return counts + np.bincount(banks[:rest], minlength=device.banks), write
