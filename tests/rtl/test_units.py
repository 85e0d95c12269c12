"""Every unit of RTL, every shipped parameter set: does it do what it says, and is what is kept of it fresh?"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archsim.api.rtl import units
from archsim.hdl.export import FOLDER, emit, header, module_name
from archsim.hdl.verify import contracts
from archsim.hdl.verify.cosim import cocotb_run, lint
from archsim.hdl.verify.native import verified
from archsim.hdl.verify.plans import Measured
from archsim.hdl.verify.run import Mismatch, accurate
from archsim.units.cores import find, names, shipped
from archsim.units.cores.core import Core, packed, unpacked
from archsim.units.cores.parameters import description, parameters

SIMULATORS = ["verilator", *(["icarus"] if shutil.which("iverilog") else [])]
each = pytest.mark.parametrize("spec", shipped(), ids=module_name)


@each
def test_rtl_equals_golden_and_cycles_under_stalls(spec: Core) -> None:
    contracts.agree(spec, verified(spec, seed=7, beats=120).measured)


@each
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_exported_verilog_equals_golden_and_cycles_under_stalls(spec: Core, simulator: str) -> None:
    """Drivers, monitors, scoreboard and coverage in cocotb; the contract says what was measured."""
    found = cocotb_run(spec, simulator=simulator, seed=5).measured
    contract = contracts.read(spec)
    assert found == Measured(contract.latency, contract.interval) == Measured(spec.latency, spec.interval)


@each
def test_contract_is_there_and_about_this_verilog(spec: Core) -> None:
    contracts.hold(spec, contracts.read(spec), emit(spec))


@each
def test_verilog_that_is_kept_equals_a_fresh_one(spec: Core) -> None:
    kept = (FOLDER / f"{module_name(spec)}.v").read_text(encoding="utf-8")
    assert kept == emit(spec), "archsim rtl emit --all"


@each
def test_lint_is_clean(spec: Core) -> None:
    lint(spec)


@each
def test_golden_is_as_accurate_as_it_claims(spec: Core) -> None:
    found, contract = accurate(spec), contracts.read(spec)
    assert (found is None) == (contract.accuracy is None)
    if found is not None and contract.accuracy is not None:
        assert found.error == pytest.approx(contract.accuracy["error"], rel=1e-6)
        assert found.bar == contract.accuracy["bar"]


@each
def test_header_says_parameters_ports_latency_and_how_to_verify(spec: Core) -> None:
    text = header(spec)
    for wanted in (*parameters(spec), "i_valid", "o_valid", "archsim rtl verify", f"Latency {spec.latency} cycle"):
        assert wanted in text
    for port in (*spec.inputs, *spec.outputs):
        assert f"_{port.name} " in text
    assert all(description(spec, name) for name in parameters(spec))


@each
def test_beats_are_packed_and_unpacked(spec: Core) -> None:
    import numpy as np

    for beat in spec.stimulus(np.random.default_rng(0), 30):
        assert unpacked(spec.inputs, packed(spec.inputs, beat)) == beat


def test_what_is_kept_belongs_to_units_that_are_shipped() -> None:
    wanted = {module_name(spec) for spec in shipped()}
    assert {path.stem for path in FOLDER.glob("*.v")} == wanted
    assert {path.stem for path in contracts.FOLDER.glob("*.json")} == wanted


def test_the_default_is_shipped_first() -> None:
    for name in names():
        assert find(name).shipped()[0] == find(name)()


def test_the_table_has_no_gaps() -> None:
    rows = units()
    assert [row["name"] for row in rows] == list(names())
    needed = ("parameters", "latency", "ii", "area_um2", "luts", "dsps", "ffs", "fmax_mhz", "golden_error")
    assert [(row["name"], key) for row in rows for key in needed if row[key] is None] == []


def test_a_contract_that_is_missing_or_wrong_does_not_pass(tmp_path: Path) -> None:
    spec = find("dot_tree")(format="int8")  # type: ignore[call-arg]
    with pytest.raises(Mismatch, match="never measured"):
        contracts.read(spec, tmp_path)
    found = verified(spec, beats=100)
    path = contracts.record(spec, found, tmp_path)
    contracts.hold(spec, contracts.read(spec, tmp_path), emit(spec))
    with pytest.raises(Mismatch, match="has changed"):
        contracts.hold(spec, contracts.read(spec, tmp_path), emit(spec) + "\nwire another;\n")
    path.write_text(path.read_text().replace('"latency": 6', '"latency": 5'))
    with pytest.raises(Mismatch, match="measured latency 5"):
        contracts.hold(spec, contracts.read(spec, tmp_path), emit(spec))
    path.write_text("{}")
    with pytest.raises(Mismatch, match="no contract"):
        contracts.read(spec, tmp_path)
