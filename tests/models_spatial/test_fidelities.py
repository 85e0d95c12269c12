"""Do formula and simulation agree on everything but fill and drain?"""

from __future__ import annotations

from functools import cache

import pytest

import archsim
from archsim import Report

DESIGNS = ("fusemax", "fusemax-arch", "fusemax-cascade", "flat", "unfused", "fusemax-edge", "flat-edge")
COUNTED = ("mac", "add", "max", "exp", "div", "buffer_read", "buffer_write", "bytes_read", "bytes_written")
TEXT = "attention:1,2,2,512,512,64"


@cache
def report(design: str, fidelity: str, mode: str) -> Report:
    """One small attention."""
    return archsim.run(design, TEXT, fidelity=fidelity, set={"energy.mode": mode})


@pytest.mark.parametrize("mode", ["artifact", "corrected"])
@pytest.mark.parametrize("design", DESIGNS)
def test_simulation_is_never_faster_and_counts_the_same(design: str, mode: str) -> None:
    """Operations, buffer words and bytes are properties of the plan; what stands by costs more in the longer run."""
    formula, simulated = (report(design, fidelity, mode) for fidelity in ("roofline", "cycle"))
    assert formula.total_ps <= simulated.total_ps
    assert formula.lower_bound_ps <= formula.total_ps
    for counter in COUNTED:
        sums = [sum(c.get(counter, 0) for c in r.counters.values()) for r in (formula, simulated)]
        assert sums[0] == sums[1], counter
    assert formula.traffic == simulated.traffic
    assert simulated.memory["over_steady_state"] == simulated.total_ps / formula.total_ps
    for component, energy in formula.energy_fj.items():
        assert energy <= simulated.energy_fj[component] + len(simulated.ops)


@pytest.mark.parametrize(
    ("design", "text"),
    [
        ("flat-edge", "attention:1,2,2,777,1333,80"),
        ("flat", "attention:1,2,2,4097,4100,80"),
        ("flat-edge", "attention:2,8,2,300,70000,64,causal"),
        ("unfused", "attention:1,4,2,300,5000,64,causal"),
        ("flat-edge", "layernorm:3,400000"),
    ],
)
@pytest.mark.parametrize("plan", ["published", "least_traffic"])
def test_parts_of_words_that_spill_are_whole_words_in_both(design: str, text: str, plan: str) -> None:
    """What finds no room in the buffer is a fraction of a tensor; bytes are the same in formula and simulation."""
    formula, simulated = (
        archsim.run(design, text, fidelity=fidelity, set={"plan": plan}) for fidelity in ("roofline", "cycle")
    )
    assert formula.traffic == simulated.traffic
    assert formula.total_ps <= simulated.total_ps


def test_flat_says_what_its_published_choice_costs() -> None:
    """Only where it does, and the advice is right."""
    text = "attention:1,12,12,4096,4096,64"
    published, least = (
        archsim.run("flat", text, fidelity="roofline", set={"plan": plan}) for plan in ("published", "least_traffic")
    )
    said = [note for note in published.notes if "--set plan=least_traffic" in note]
    assert len(said) == 1
    assert sum(published.traffic["dram"]) > sum(least.traffic["dram"])
    assert not any("plan=" in note for note in least.notes)


def test_the_gap_of_the_mapper_is_explained() -> None:
    """The least time of any schedule of the operations, and what sets it; the note has the same ratio as the gap."""
    for design, by in (("flat", "array_1d, alone with max, sub_exp, div"), ("fusemax", "all PEs together")):
        run = archsim.run(design, "attention:1,12,12,4096,4096,64", fidelity="roofline")
        note = next(note for note in run.notes if "the mapper's gap" in note)
        assert f"set by {by}" in note
        assert run.mapping["gap"] == pytest.approx(run.memory["time_over_least"] - 1)


@pytest.mark.parametrize(("word", "said"), [(16, False), (32, True)])
def test_words_of_other_widths_say_what_they_leave_alone(word: int, said: bool) -> None:
    """Energies of operations are those of 16 bits."""
    run = archsim.run("fusemax", "attention:1,2,2,512,512,64", fidelity="roofline", set={"word": word})
    assert any("charged as of 16 bits" in note for note in run.notes) == said


@pytest.mark.parametrize("design", DESIGNS)
def test_energy_is_split_by_component(design: str) -> None:
    """Corrected, registers, exponentials and leakage have rows of their own."""
    published, corrected = (report(design, "roofline", mode).energy_fj for mode in ("artifact", "corrected"))
    assert set(published) == {"array_2d", "array_1d", "buffer", "dram"}
    parts = {f"{array}.{part}" for array in ("array_2d", "array_1d") for part in ("exp", "registers", "leakage")}
    assert set(corrected) == set(published) | parts | {"buffer.leakage"}
    assert corrected["array_2d.registers"] > 0
    assert sum(corrected.values()) > sum(published.values())


def test_an_op_alone_is_a_phase() -> None:
    """A product and a norm: the longer of arrays and DRAM each."""
    for text, unit in (("gemm:512,512,512", "array_2d"), ("layernorm:512,768", "array_1d"), ("copy:1048576", "dram")):
        alone = archsim.run("fusemax", text, fidelity="roofline")
        assert alone.total_ps == alone.units[unit].busy_ps or alone.units["dram"].busy_ps == alone.total_ps
        assert alone.units[unit].busy_ps > 0


@pytest.mark.parametrize("dataflow", ["flash1", "flash2", "window:1024", "lambda:4+1020", "flat"])
def test_other_dataflows_keep_the_arrays_as_busy(dataflow: str) -> None:
    """Tiles of queries overlap: with enough of them, fill and drain are all that is added."""
    settings = {"mapper.dataflow": dataflow}
    formula, simulated = (
        archsim.run("fusemax", "attention:2,16,8,4096,4096,64", fidelity=fidelity, set=settings)
        for fidelity in ("roofline", "cycle")
    )
    assert formula.total_ps <= simulated.total_ps <= 1.02 * formula.total_ps


@pytest.mark.parametrize("copies", [2, 3, 8])
@pytest.mark.parametrize("dataflow", ["fusemax", "fusemax-arch", "fusemax-cascade", "flash2", "lambda:4+300"])
def test_copies_without_work_make_nothing_faster(dataflow: str, copies: int) -> None:
    """Two heads on more copies than heads: as long as the copy with the most to do."""
    settings = {"mapper.dataflow": dataflow, "copies": copies}
    formula, simulated = (
        archsim.run("fusemax-edge", "attention:1,2,2,300,300,64", fidelity=fidelity, set=settings)
        for fidelity in ("roofline", "cycle")
    )
    assert formula.total_ps <= simulated.total_ps


@pytest.mark.parametrize(("dataflow", "said"), [("fusemax", False), ("flash2", True)])
def test_a_program_that_does_not_follow_the_context_says_so(dataflow: str, said: bool) -> None:
    """Only the one-pass program takes contexts that grow step by step; the others move more bytes than the formula."""
    formula, simulated = (
        archsim.run(
            "fusemax-edge",
            "gpt2-small",
            phase="generate",
            prompt=1,
            generate=40,
            fidelity=fidelity,
            set={"mapper.dataflow": dataflow},
        )
        for fidelity in ("roofline", "cycle")
    )
    assert any("as long as the last one, with 40 keys" in note for note in simulated.notes) == said
    assert (simulated.traffic["dram"][0] > formula.traffic["dram"][0]) == said


def test_copies_have_ports_of_their_own() -> None:
    """Four copies share 32 heads evenly: a quarter of the time of one, but for fill and drain."""
    one, four = (
        archsim.run(
            "fusemax",
            "attention:1,32,32,4096,4096,64",
            fidelity="cycle",
            set={"mapper.dataflow": "flash2", "copies": n},
        )
        for n in (1, 4)
    )
    assert 4 * four.total_ps == pytest.approx(one.total_ps, rel=0.05)
    assert one.traffic == four.traffic
