"""Units of RTL for people: what there is, Verilog of it, proof that it does what it says, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archsim.core.errors import BadInput
from archsim.core.merge import apply_sets
from archsim.core.validate import build
from archsim.core.yamlfile import Document
from archsim.units.cores import find, shipped
from archsim.units.cores.core import EXACT, Core
from archsim.units.cores.parameters import parameters

BACKENDS = ("amaranth", "verilator", "icarus")
"""Simulators that a unit can be verified in."""


def unit(name: str, set: Sequence[str] | Mapping[str, object] | None = None) -> Core:
    """The specification of a unit with some parameters changed.

    Parameters
    ----------
    name
        A unit, as `units` lists them.
    set
        ``["lanes=8"]`` or ``{"lanes": 8}``.

    Raises
    ------
    BadInput
        No such unit or parameter, or a value that it does not take.
    """
    return build(find(name), apply_sets(Document({}), set or ()), label=name)


def units() -> list[dict[str, Any]]:
    """A row for each unit with its default parameters.

    Latency and interval (`ii`) are in cycles. `area_um2` is the cell area for the open ASIC library; `luts`, `dsps` and
    `ffs` are for Xilinx, `ecp5` has the same for ECP5; `fmax_mhz` is an estimate. `golden_error` is the largest error
    of the golden function against exact arithmetic, 0 where it is exact. What was never measured is None.
    """
    from archsim.hdl.table import rows

    return rows()


def emit(spec: Core, folder: str | Path) -> Path:
    """Write the Verilog of a unit and return the file.

    Raises
    ------
    BadInput
        There is no RTL of it, or the file cannot be written.
    """
    from archsim.hdl.export import write

    return write(spec, Path(folder))


def emit_all(folder: str | Path | None = None) -> list[Path]:
    """Write the Verilog of every shipped parameter set; by default to where archsim keeps it."""
    from archsim.hdl.export import FOLDER

    return [emit(spec, folder or FOLDER) for spec in shipped()]


@dataclass(frozen=True)
class Verdict:
    """A unit that was verified."""

    unit: str
    parameters: dict[str, Any]
    backend: str
    tests: int
    seed: int
    latency: int
    interval: int
    golden_error: float
    error_bar: float
    measure: str

    def record(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def verify(spec: Core, *, backend: str = "amaranth", seed: int = 1, beats: int = 150, record: bool = False) -> Verdict:
    """Hold the RTL of a unit to its specification: values bit by bit, every cycle, latency, interval, and accuracy.

    Parameters
    ----------
    spec
        The unit.
    backend
        ``"amaranth"`` simulates the RTL as written; ``"verilator"`` and ``"icarus"`` the exported Verilog, by cocotb.
    seed, beats
        Of the random stimulus, and about how many input beats per test.
    record
        Write the measurement to the contract that archsim keeps; needs a simulator of Verilog.

    Raises
    ------
    BadInput
        Unknown or missing backend.
    Mismatch
        RTL and specification differ, or the accuracy misses its bar; the message has the seed.
    """
    from archsim.hdl.verify.contracts import agree
    from archsim.hdl.verify.contracts import record as write
    from archsim.hdl.verify.cosim import cocotb_run
    from archsim.hdl.verify.native import verified
    from archsim.hdl.verify.run import accurate

    if backend not in BACKENDS:
        raise BadInput(f"unknown backend {backend!r}", where="--backend", right=", ".join(BACKENDS))
    if record and backend == "amaranth":
        raise BadInput("contracts are measured on exported Verilog", where="--record", try_="--backend verilator")
    if backend == "amaranth":
        found = verified(spec, seed=seed, beats=beats)
    else:
        found = cocotb_run(spec, simulator=backend, seed=seed, beats=beats)
    agree(spec, found.measured)
    accuracy = accurate(spec) or EXACT
    if record:
        write(spec, found)
    measured = found.measured
    return Verdict(
        spec.kind,
        parameters(spec),
        backend,
        found.tests,
        seed,
        measured.latency,
        measured.interval,
        accuracy.error,
        accuracy.bar,
        accuracy.measure,
    )


def synthesise(spec: Core, target: str = "asic", *, liberty: str | Path | None = None) -> dict[str, Any]:
    """Cells and area, or LUTs, DSPs and flip-flops, of a unit.

    Parameters
    ----------
    spec
        The unit.
    target
        asic, xilinx or ecp5.
    liberty
        For the target asic: a Liberty file, or a library that is known by name, in place of sky130.

    Raises
    ------
    BadInput
        Unknown target, no such file, or the tool is missing or fails.
    """
    from archsim.hdl.synth.targets import synthesise as run

    return asdict(run(spec, target, liberty=liberty))
