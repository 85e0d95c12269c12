"""The cocotb bench of every unit: driver, receiver, monitor, scoreboard. Runs inside the HDL simulator.

What to do comes in the environment variable `ARCHSIM_BENCH`: JSON with the unit's specification, the number of beats,
the seed, and the file that the measurements go to. One clock counter, derived from simulated time, stamps everything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.simtime import get_sim_time
from cocotb.task import Task
from cocotb.triggers import ReadOnly, RisingEdge

from archsim.hdl.verify.plans import PLANS, Plan, measure, uncovered
from archsim.hdl.verify.run import Run, check
from archsim.units.cores import find
from archsim.units.cores.core import Beat, Core, Port
from archsim.units.cores.timing import Ready, Timing

PERIOD = 10
PATIENCE = 2000
"""Cycles without any transfer after which a test fails."""


class Counter:
    """Cycles since reset; 0 is the one that ends with the next edge."""

    def __init__(self) -> None:
        self._start = get_sim_time("ns")

    def ended(self) -> int:
        """The cycle that the clock edge happening now ends."""
        return round((get_sim_time("ns") - self._start) / PERIOD) - 1


class Driver:
    """Offers beats and notes when they are taken; what was offered is not changed until then."""

    def __init__(self, dut: Any, spec: Core, counter: Counter) -> None:
        self._dut, self._ports, self._counter = dut, spec.inputs, counter
        self.accepted: list[int] = []

    async def run(self, beats: Sequence[Beat], offered: Sequence[int]) -> None:
        """Offer each beat from its cycle on."""
        cycle = 0
        for beat, since in zip(beats, offered, strict=True):
            while cycle < since:
                await RisingEdge(self._dut.clk)
                cycle += 1
            self._dut.i_valid.value = 1
            for port in self._ports:
                getattr(self._dut, f"i_{port.name}").value = joined(port, beat)
            while True:
                await RisingEdge(self._dut.clk)
                cycle += 1
                if int(self._dut.i_ready.value):
                    break
            self.accepted.append(self._counter.ended())
            self._dut.i_valid.value = 0


class Receiver:
    """Takes outputs in the cycles in which it is ready."""

    def __init__(self, dut: Any, ready: Ready) -> None:
        self._dut, self._ready = dut, ready

    async def run(self) -> None:
        """Set `o_ready` for each cycle."""
        cycle = 0
        while True:
            self._dut.o_ready.value = int(self._ready(cycle))
            await RisingEdge(self._dut.clk)
            cycle += 1


class Monitor:
    """Notes every output beat and its cycle; an output that waits must not change."""

    def __init__(self, dut: Any, spec: Core, counter: Counter) -> None:
        self._dut, self._spec, self._counter = dut, spec, counter
        self.outputs: list[Beat] = []
        self.left: list[int] = []

    async def run(self) -> None:
        """Watch every clock edge."""
        waiting: Beat | None = None
        while True:
            await RisingEdge(self._dut.clk)
            valid = int(self._dut.o_valid.value)
            assert valid or waiting is None, f"output {waiting} was withdrawn in cycle {self._counter.ended()}"
            if not valid:
                continue
            beat = split(self._dut, self._spec.outputs)
            assert waiting is None or waiting == beat, f"output {waiting} became {beat} while it waited"
            waiting = beat
            if not self._spec.elastic or int(self._dut.o_ready.value):
                self.outputs.append(beat)
                self.left.append(self._counter.ended())
                waiting = None


class Scoreboard:
    """Expected against observed: values, cycles, and that nothing is left over."""

    def __init__(self, spec: Core, plan: Plan) -> None:
        self._spec, self._plan = spec, plan
        self.expected = len(spec.golden(plan.beats))

    def close(self, driver: Driver, monitor: Monitor) -> Timing:
        """Compare everything; returns the cycles."""
        timing = Timing(tuple(driver.accepted), tuple(monitor.left))
        plan = self._plan
        check(self._spec, plan.beats, plan.offered, plan.ready, Run(tuple(monitor.outputs), timing))
        return timing


def joined(port: Port, beat: Beat) -> int:
    """A field as the number on its port."""
    value = beat[port.name]
    elements = value if isinstance(value, tuple) else (value,)
    return sum(int(element) << (port.bits * index) for index, element in enumerate(elements))


def split(dut: Any, ports: Sequence[Port]) -> dict[str, Any]:
    """The fields that stand at the output now."""
    beat: dict[str, Any] = {}
    for port in ports:
        word, mask = int(getattr(dut, f"o_{port.name}").value), (1 << port.bits) - 1
        elements = tuple((word >> (port.bits * index)) & mask for index in range(port.count))
        beat[port.name] = elements if port.count > 1 else elements[0]
    return beat


async def reset(dut: Any, spec: Core) -> None:
    """Two cycles of reset with nothing offered; returns behind the edge that ends them."""
    dut.rst.value = 1
    dut.i_valid.value = 0
    for port in spec.inputs:
        getattr(dut, f"i_{port.name}").value = 0
    if spec.elastic:
        dut.o_ready.value = 0
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


async def play(dut: Any, spec: Core, plan: Plan) -> Timing:
    """Reset, run a plan to its end, compare."""
    await reset(dut, spec)
    counter, board = Counter(), Scoreboard(spec, plan)
    driver, monitor = Driver(dut, spec, counter), Monitor(dut, spec, counter)
    tasks: list[Task[None]] = [cocotb.start_soon(monitor.run())]
    if spec.elastic:
        tasks.append(cocotb.start_soon(Receiver(dut, plan.ready).run()))
    driving = cocotb.start_soon(driver.run(plan.beats, plan.offered))
    idle, seen = 0, 0
    while not driving.done() or len(monitor.left) < board.expected:
        await RisingEdge(dut.clk)
        await ReadOnly()
        moved = len(driver.accepted) + len(monitor.left)
        idle, seen = (0, moved) if moved > seen else (idle + 1, moved)
        assert idle < PATIENCE, f"stuck: {len(driver.accepted)} beats taken, {len(monitor.left)} outputs"
    for _ in range(2 * spec.latency + 4):  # nothing may come that was not asked for
        await RisingEdge(dut.clk)
    for task in tasks:
        task.cancel()
    return board.close(driver, monitor)


def job() -> dict[str, Any]:
    """What the environment asks for."""
    found: dict[str, Any] = json.loads(os.environ["ARCHSIM_BENCH"])
    return found


def specification(task: dict[str, Any]) -> Core:
    """The unit under test."""
    fields = dict(task["spec"])
    return find(fields.pop("kind")).model_validate(fields)


@cocotb.test()
@cocotb.parametrize(name=list(PLANS))
async def plan_holds(dut: Any, name: str) -> None:
    """Values and cycles are those of the specification; all situations are met; back-to-back runs are measured."""
    task = job()
    spec = specification(task)
    plan = PLANS[name](spec, task["seed"], task["beats"])
    dut._log.info("%s, plan %s, seed %s, %s beats", spec, name, task["seed"], len(plan.beats))
    missed = uncovered(spec, plan.beats)
    assert not missed, f"not covered with seed {task['seed']}: {', '.join(missed)}"
    Clock(dut.clk, PERIOD, unit="ns").start()
    timing = await play(dut, spec, plan)
    if name == "steady":
        measured = measure(spec, plan.beats, timing)
        record = {"latency": measured.latency, "interval": measured.interval}
        Path(task["out"]).write_text(json.dumps(record), encoding="utf-8")


@cocotb.test()
async def reset_clears_everything(dut: Any) -> None:
    """A run that is cut off by reset leaves nothing behind for the next one."""
    task = job()
    spec = specification(task)
    Clock(dut.clk, PERIOD, unit="ns").start()
    await reset(dut, spec)
    first = PLANS["steady"](spec, task["seed"] + 1, 20)
    if spec.elastic:
        dut.o_ready.value = 0
    cut = cocotb.start_soon(Driver(dut, spec, Counter()).run(first.beats, first.offered))
    for _ in range(spec.latency + 3):
        await RisingEdge(dut.clk)
    cut.cancel()
    await play(dut, spec, PLANS["stalls"](spec, task["seed"] + 2, 30))
