"""Words of floating point that circuits get wrong, and a way to run a circuit over many of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from numpy.typing import NDArray

Words = NDArray[np.int64]

CORNERS = (
    0x00000000,  # zeros, subnormals, the smallest normals
    0x80000000,
    0x00000001,
    0x807FFFFF,
    0x00800000,
    0x80800001,
    0x00FFFFFF,
    0x3F800000,  # 1, its neighbours, and what rounds to them
    0xBF800000,
    0x3F7FFFFF,
    0x3F800001,
    0x33800000,
    0x33800001,
    0x4B7FFFFF,  # around 2^24
    0xCB800000,
    0x7F7FFFFF,  # the largest, infinities, NaNs
    0xFF7FFFFF,
    0x7F800000,
    0xFF800000,
    0x7FC00000,
    0xFFABCDEF,
)


def corner_pairs() -> tuple[Words, Words]:
    corners = np.array(CORNERS, dtype=np.int64)
    return np.repeat(corners, len(corners)), np.tile(corners, len(corners))


def words(rng: np.random.Generator, count: int) -> Words:
    """Any word, with short significands often, so that ties and cancellations come up."""
    bits = rng.integers(0, 1 << 32, count)
    masks = np.array([0xFFFFFFFF, 0xFFFF0000, 0xFFFFF000, 0xFF800007, 0xFFFFFF00])
    return np.asarray(bits & masks[rng.integers(0, len(masks), count)], dtype=np.int64)


def near_pairs(rng: np.random.Generator, count: int) -> tuple[Words, Words]:
    """Pairs whose exponents differ by at most 30 either way: sums that align, cancel and round."""
    a, b = words(rng, count), words(rng, count)
    exponents = np.clip(((a >> 23) & 255) + rng.integers(-30, 31, count), 0, 255)
    return a, (b & 0x807FFFFF) | (exponents << 23)


def edge_pairs(rng: np.random.Generator, count: int) -> tuple[Words, Words]:
    """Pairs whose product lies around the smallest or the largest number there is."""
    a, b = words(rng, count), words(rng, count)
    target = rng.choice([0, 1, 2, 253, 254, 255], count) + 127
    exponents = np.clip(target - ((a >> 23) & 255) + rng.integers(-1, 1, count), 0, 255)
    return a, (b & 0x807FFFFF) | (exponents << 23)


def run(build: Callable[[Any, Sequence[Any]], Sequence[Any]], widths: Sequence[int], vectors: Sequence[Words]) -> Words:
    """Clock a circuit through vectors, one a cycle: an array of what each of its outputs was, by cycle."""
    m = Module()
    inputs = [Signal(width, name=f"x{index}") for index, width in enumerate(widths)]
    outputs = build(m, inputs)
    probes = [Signal.like(output, name=f"y{index}") for index, output in enumerate(outputs)]
    m.d.comb += [probe.eq(output) for probe, output in zip(probes, outputs, strict=True)]
    tick = Signal()
    m.d.sync += tick.eq(~tick)  # combinational circuits are clocked too
    seen: list[list[int]] = []

    async def play(context: Any) -> None:
        for row in zip(*vectors, strict=True):
            for signal, value in zip(inputs, row, strict=True):
                context.set(signal, int(value))
            await context.delay(0.5e-6)
            seen.append([context.get(probe) for probe in probes])
            await context.tick()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        simulator = Simulator(m)
        simulator.add_clock(2e-6)
        simulator.add_testbench(play)
        simulator.run()
    return np.array(seen, dtype=np.int64)
