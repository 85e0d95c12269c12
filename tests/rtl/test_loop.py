"""Simulator and RTL as one: a simulated schedule drives the RTL; the depth of the MAC pipeline moves both."""

from __future__ import annotations

from dataclasses import replace

import pytest

import archsim
from archsim.api.designs import load_design
from archsim.api.rtl import unit, units
from archsim.hdl.export import emit, header, module_name
from archsim.hdl.replay import replay_pim
from archsim.hdl.verify import contracts
from archsim.hdl.verify.native import verified
from archsim.hdl.verify.run import Mismatch
from archsim.memory import engine
from archsim.models.pim_dram.spec import PimDram, PimMemory
from archsim.units.cores import shipped
from archsim.units.cores.dot_tree import DotTree
from archsim.units.cores.synthesis import cell_area_um2

QUIET = PimMemory().vary(refresh="off")


@pytest.mark.parametrize(("results", "k"), [(2, 1024), (3, 512), (1, 1536)])
def test_a_simulated_product_drives_the_rtl_and_both_finish_in_the_same_picosecond(results: int, k: int) -> None:
    """A whole row per result, half a row, and two segments of the input."""
    found = replay_pim(QUIET, results=results, k=k)
    columns = [time for time, command in found.commands if command == engine.MACAB]
    assert len(columns) == results * k // 16
    assert found.late == 0
    assert found.replayed_ps == found.simulated_ps
    assert len(found.run.outputs) == results * -(-k // 1024)


def test_rtl_of_another_depth_finishes_at_another_time() -> None:
    assert (
        replay_pim(QUIET, results=1, k=64, depth=7).replayed_ps
        == replay_pim(QUIET, results=1, k=64).simulated_ps + 1000
    )


@pytest.mark.parametrize("depth", [2, 6, 9])
def test_the_depth_moves_rtl_contract_simulator_and_report_together(depth: int) -> None:
    design = PimDram().vary(pim={"mac_depth": depth, "refresh": "off"})
    spec = design.pim.mac_unit
    assert spec == unit("dot_tree", {"depth": depth})

    measured = verified(spec, beats=100).measured
    assert measured.latency == depth
    assert f"Latency {depth} cycles" in header(spec)

    found = replay_pim(design.pim, results=1, k=64)
    usual = replay_pim(QUIET, results=1, k=64)
    assert found.replayed_ps == found.simulated_ps == usual.simulated_ps + 1000 * (depth - 6)

    report, before = (
        archsim.run("pim-gpt", "gemm:1,2048,1024", set={"pim.mac_depth": d, "pim.refresh": "off"}) for d in (depth, 6)
    )
    assert report.cycles - before.cycles == depth - 6
    facts = {fact.name: fact.value for fact in design.facts()}
    assert facts["pim.mac_depth"] == str(depth)
    assert facts["MAC units"].startswith(f"{depth} cycles")
    if depth != 6:
        with pytest.raises(Mismatch, match="never measured"):
            contracts.read(spec)
    with pytest.raises(Mismatch, match="the specification says"):
        contracts.agree(spec, replace(measured, latency=depth + 1))


@pytest.mark.parametrize("name", ["pim-gpt", "aim"])
def test_presets_take_the_mac_from_a_unit_that_was_measured(name: str) -> None:
    design = load_design(name)
    assert isinstance(design, PimDram)
    spec = design.pim.mac_unit
    assert spec is not None
    assert module_name(spec) in {module_name(one) for one in shipped()}
    contract = contracts.read(spec)
    contracts.hold(spec, contract, emit(spec))
    assert design.pim.result_ps == design.pim.clock.ps(contract.latency) == 6000


def test_lanes_without_a_tree_are_rounded_up_and_other_elements_have_no_rtl() -> None:
    assert PimMemory().vary(lanes=12, row_bytes="1536 B").mac_unit == DotTree(lanes=16)
    assert PimMemory().vary(dtype="fp32").mac_unit is None
    assert PimMemory().vary(dtype="fp32").result_ps == 6000
    assert PimMemory().vary(timing={"trdmac": "9 ns"}).result_ps == 9000
    assert PimMemory().vary(clock="500 MHz").result_ps == 12000


def test_the_area_of_a_design_is_that_of_its_units() -> None:
    design = PimDram()
    assert design.pim.mac_unit is not None
    row = next(row for row in units() if row["name"] == "dot_tree")
    facts = {fact.name: fact for fact in design.facts()}
    total = float(facts["area of MAC units"].value.split("=")[1].split()[0])
    assert total == pytest.approx(8 * 16 * row["area_um2"] / 1e6, rel=1e-3)
    assert facts["area of MAC units"].confidence == "derived"
    assert cell_area_um2(design.pim.mac_unit.vary(depth=9)) is None
    assert "area of MAC units" not in {fact.name for fact in design.vary(pim={"mac_depth": 9}).facts()}
