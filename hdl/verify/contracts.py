"""Contracts: latency and initiation interval as measured on the exported Verilog, kept beside it.

A simulator charges what a unit's specification says; the specification must say what was measured. A contract is stale
when the Verilog has changed since, and a unit without one does not pass.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archsim.core.files import write_atomic
from archsim.hdl.export import digest, emit, module_name
from archsim.hdl.verify.plans import Measured, Verified
from archsim.hdl.verify.run import Mismatch
from archsim.units.cores.core import Core
from archsim.units.cores.parameters import parameters

FOLDER = Path(__file__).parents[1] / "contracts"
"""Where the contracts of the shipped parameters lie."""
AGAIN = "archsim rtl verify --all --record"


@dataclass(frozen=True)
class Contract:
    """What was measured on which Verilog."""

    unit: str
    parameters: dict[str, Any]
    latency: int
    interval: int
    verilog_sha256: str
    simulator: str
    seed: int
    accuracy: dict[str, Any] | None
    """The golden function against exact arithmetic; None where it is exact."""


def record(spec: Core, verified: Verified, folder: Path = FOLDER) -> Path:
    """Write the contract of a unit that was verified, and return its file."""
    measured, accuracy = verified.measured, spec.accuracy()
    contract = Contract(
        spec.kind,
        parameters(spec),
        measured.latency,
        measured.interval,
        digest(emit(spec)),
        verified.simulator,
        verified.seed,
        None if accuracy is None else asdict(accuracy),
    )
    path = folder / f"{module_name(spec)}.json"
    write_atomic(path, json.dumps(asdict(contract), indent=1) + "\n")
    return path


def read(spec: Core, folder: Path = FOLDER) -> Contract:
    """The contract of a unit.

    Raises
    ------
    Mismatch
        It was never measured, or what is there is no contract.
    """
    path = folder / f"{module_name(spec)}.json"
    try:
        return Contract(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Mismatch("was never measured", where=module_name(spec), try_=AGAIN) from None
    except (ValueError, TypeError) as error:
        raise Mismatch(f"is no contract: {error}", where=str(path), try_=AGAIN) from None


def hold(spec: Core, contract: Contract, verilog: str) -> None:
    """Compare a contract with the specification and with the Verilog as it is now.

    Raises
    ------
    Mismatch
        It is about other Verilog, or says other cycles than the specification.
    """
    where = module_name(spec)
    if contract.parameters != parameters(spec):
        raise Mismatch(f"the contract is about {contract.parameters}", where=where, try_=AGAIN)
    if contract.verilog_sha256 != digest(verilog):
        raise Mismatch("the Verilog has changed since it was measured", where=where, try_=AGAIN)
    agree(spec, Measured(contract.latency, contract.interval))


def agree(spec: Core, measured: Measured) -> None:
    """Compare a measurement with the specification.

    Raises
    ------
    Mismatch
        They differ; the error prints both.
    """
    said = Measured(spec.latency, spec.interval)
    if measured != said:
        raise Mismatch(
            f"measured latency {measured.latency}, interval {measured.interval}; "
            f"the specification says {said.latency}, {said.interval}",
            where=module_name(spec),
            right="what simulators charge is what the RTL does",
        )
