"""Channels that all get the same requests: one is simulated and stands for all of them."""

from __future__ import annotations

import numpy as np

from archsim.memory.controller import Statistics, run
from archsim.memory.device import Dram
from archsim.memory.energy import energies
from archsim.memory.requests import Requests


def one_channel(device: Dram) -> Dram:
    """The memory with one of its channels."""
    return device.vary(channels=1)


def run_on_each(device: Dram, requests: Requests, *, log: int = 0, fast_forward: bool = True) -> Statistics:
    """`run` where every channel gets all the requests, with a front end of its own; as fast as one channel.

    Parameters
    ----------
    device
        The memory; its channels are equal.
    requests
        What each channel is asked for, at addresses within one channel.
    log
        Commands of one channel to record at most.
    fast_forward
        As for `run`.
    """
    one, count = run(one_channel(device), requests, log=log, fast_forward=fast_forward), device.channels
    commands = {name: count * issued for name, issued in one.channels[0].commands.items()}
    logged = np.repeat(one.log, count, axis=0)
    logged[:, 2] = np.tile(np.arange(count), len(one.log))
    return Statistics(
        device,
        one.cycles,
        one.channels * count,
        one.latencies * count,
        np.tile(one.by_channel, (count, 1)),
        one.slowest_read,
        energies(device, commands, one.cycles, count * one.channels[0].active_cycles),
        one.cpu_seconds,
        logged,
        1,
        count * one.requests - one.simulated,
        (count * one.at_the_door[0], count * one.at_the_door[1]),
    )
