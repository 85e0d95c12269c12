"""Plausible reports: a machine with compute in memory that generates text, and one matrix product on an array."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from archsim.ir.report import Fact, OpUse, Report, Roof, Sample, UnitUse
from archsim.report.document import ReportDoc

TOKENS = 1024
PREFILL = 64
US = 1_000_000
MS = 1000 * US

DECODE = (
    # op, kind, unit, ps, energy fJ, MACs, bytes, bound ps
    ("layernorm1", "layernorm", "asic.vector", 21 * MS, 9 * 10**10, 0, 300 * 10**6, 4 * MS),
    ("qkv", "matmul", "pim", 252 * MS, 61 * 10**13, 376 * 10**9, 753 * 10**9, 230 * MS),
    ("scores", "attention_scores", "pim", 61 * MS, 11 * 10**13, 41 * 10**9, 82 * 10**9, 26 * MS),
    ("softmax", "softmax", "asic.vector", 34 * MS, 8 * 10**11, 0, 2 * 10**9, 17 * MS),
    ("values", "attention_values", "pim", 58 * MS, 11 * 10**13, 41 * 10**9, 82 * 10**9, 26 * MS),
    ("projection", "matmul", "pim", 86 * MS, 20 * 10**13, 126 * 10**9, 252 * 10**9, 77 * MS),
    ("up", "matmul", "pim", 338 * MS, 81 * 10**13, 503 * 10**9, 1006 * 10**9, 307 * MS),
    ("gelu", "gelu", "asic.vector", 17 * MS, 2 * 10**11, 0, 1 * 10**9, 9 * MS),
    ("down", "matmul", "pim", 341 * MS, 82 * 10**13, 503 * 10**9, 1006 * 10**9, 307 * MS),
    ("residual", "add", "asic.vector", 3 * MS, 1 * 10**10, 0, 100 * 10**6, 1 * MS),
    ("kv_append", "kv_append", "link", 5 * MS, 4 * 10**10, 0, 630 * 10**6, 4 * MS),
    ("unembed", "matmul", "pim", 54 * MS, 12 * 10**13, 82 * 10**9, 164 * 10**9, 41 * MS),
    ("argmax", "argmax", "asic.vector", 2 * MS, 1 * 10**10, 0, 51 * 10**6, 1 * MS),
)
WAITS = {
    "pim": {"asic.vector": 6, "refresh": 3, "link": 1},
    "asic.vector": {"pim": 1},
    "asic.array": {"pim": 4, "asic.vector": 1},
    "link": {"pim": 9, "asic.vector": 1},
}
"""Unit -> what it waits for -> parts of its idle time."""
CAUSES = {
    "MAC streaming": 61,
    "row activation": 19,
    "precharge": 6,
    "refresh": 4,
    "link transfers": 4,
    "layer norm": 2,
    "softmax": 3,
}
"""Cause -> per cent of the time; GELU has the rest."""
ENERGY = {
    "dram.activate": 143,
    "dram.mac": 121,
    "dram.io": 8,
    "pim": 22,
    "asic.array": 9,
    "asic.vector": 2,
    "link": 4,
    "dram.background": 31,
}
"""Part of the machine -> energy in 10 mJ."""
FACTS = (
    Fact("dram.t_rcd", "12 ns", "GDDR6 data sheet, table 71", "exact"),
    Fact("dram.t_rp", "12 ns", "GDDR6 data sheet, table 71", "exact"),
    Fact("dram.t_faw", "16 ns", "GDDR6 data sheet, table 71", "stated"),
    Fact("dram.t_refi", "6.825 us", "PIM-GPT paper, table 1", "stated"),
    Fact("pim.mac_energy", "149.29 mW per MAC unit", "PIM-GPT paper, section 5.1, synthesis at 28 nm", "stated"),
    Fact("dram.activate_energy", "1.22 nJ per row", "derived from IDD0, IDD3N and IDD2N at 1.25 V", "derived"),
    Fact("link.energy", "5.5 pJ/bit", "chosen to meet the paper's energy of GPT-2 small", "calibrated"),
    Fact("asic.leakage", "0 W", "not stated anywhere; left out", "assumed"),
    Fact("asic.vector.lanes", "16", "no source found", "from memory (low)"),
)
NOTES = (
    "Refresh is postponed to the end of a row group, at most 8 tREFI, as the standard allows.",
    "Not modelled: temperature, retention faults, and the host that feeds the prompt.",
)
PROVENANCE = {
    "command": ["archsim", "run", "pim-gpt", "gpt2-xl", "--phase", "generate", "--generate", "1024"],
    "archsim": "0.1.0",
    "python": "3.11.7",
    "commit": "0123abc",
    "inputs": {"design": "1f3c9a7e55d0a1b2", "workload": "9c0d2e4f6a8b1c3d"},
    "wall_seconds": 4.21,
}


def _ops() -> tuple[OpUse, ...]:
    ops = [
        OpUse(f"decode.{op}", kind, unit, ps, ps - ps // 50, energy, macs, moved, bound)
        for op, kind, unit, ps, energy, macs, moved, bound in DECODE
    ]
    ops += [
        OpUse(
            f"prefill.{op}",
            kind,
            "asic.array" if macs else unit,
            ps // 18,
            ps // 19,
            energy // 20,
            macs // 20,
            moved // 900,
            bound // 30,
        )
        for op, kind, unit, ps, energy, macs, moved, bound in DECODE
    ]
    return tuple(ops)


def _samples(total: int) -> tuple[Sample, ...]:
    units = {"pim": 0, "asic.vector": 0, "asic.array": 0, "link": 0}
    before = total // 18
    units["asic.array"] += before * 8 // 10
    out = [Sample("prefill", 0, before, dict(units))]
    weights = [2600 + i for i in range(TOKENS)]
    spent, end = 0, before
    for i, weight in enumerate(weights):
        spent += weight
        begin, end = end, before + (total - before) * spent // sum(weights)
        step = end - begin
        units["pim"] += step * (940 - i // 12) // 1000
        units["asic.vector"] += step * (40 + i // 14) // 1000
        units["link"] += step * 60 // 1000
        out.append(Sample("token", i, end, dict(units)))
    return tuple(out)


def _units(total: int, busy: Mapping[str, int]) -> dict[str, UnitUse]:
    """What each unit waited for while it was not busy, in whole picoseconds that add up."""
    units = {}
    for unit, why in WAITS.items():
        idle, weight = total - busy[unit], sum(why.values())
        parts = {reason: idle * share // weight for reason, share in why.items()}
        first = next(iter(parts))
        parts[first] += idle - sum(parts.values())
        units[unit] = UnitUse(busy[unit], parts)
    return units


def _causes(total: int) -> dict[str, int]:
    """All of the time by cause; what rounding leaves goes to the last one."""
    by_cause = {cause: total * share // 100 for cause, share in CAUSES.items()}
    return {**by_cause, "gelu": total - sum(by_cause.values())}


@pytest.fixture
def pim_report() -> Report:
    """GPT-2 XL generating 1024 tokens on a machine with compute in DRAM banks."""
    ops = _ops()
    total = sum(op.ps for op in ops)
    samples = _samples(total)
    return Report(
        design="pim-gpt",
        workload="gpt2-xl",
        phase="generate",
        fidelity="cycle",
        total_ps=total,
        clock_hz=1_000_000_000,
        tokens=TOKENS,
        macs=sum(op.macs for op in ops),
        lower_bound_ps=total * 100 // 117,
        bound_by="reading the weights at the banks' peak bandwidth",
        energy_fj={name: parts * 10**13 for name, parts in ENERGY.items()},
        traffic={
            "dram.banks": (3_354_000_000_000, 640_000_000),
            "dram.bus": (3_100_000_000, 5_200_000_000),
            "asic.sram": (9_000_000_000, 8_900_000_000),
        },
        units=_units(total, samples[-1].busy_ps),
        ops=ops,
        time_by_cause=_causes(total),
        memory={"row_hit_rate": 0.9688, "refresh_fraction": 0.0412, "rows_per_token": 191234.5},
        counters={
            "dram": {"act": 191_234_567, "mac": 6_112_345_678, "ref": 341_234},
            "asic.vector": {"elements": 2_345_678_901},
        },
        mapping={
            "mapper": "pim",
            "metric": "seconds",
            "objective": 1.31,
            "bound": 1.299,
            "gap": 0.0085,
            "options": {"bank_order": "row"},
        },
        samples=samples,
        roof=Roof(2.05e12, {"dram.banks": 4.096e12, "dram.bus": 256e9}),
        facts=FACTS,
        notes=NOTES,
        provenance=PROVENANCE,
    )


@pytest.fixture
def gemm_report() -> Report:
    """One matrix product: no tokens, no samples, no roof, meets its bound."""
    return Report(
        design="systolic",
        workload="gemm:128,768,768",
        phase="op",
        fidelity="roofline",
        total_ps=4_608 * 1000,
        clock_hz=1_000_000_000,
        tokens=0,
        macs=128 * 768 * 768,
        lower_bound_ps=4_608 * 1000,
        bound_by="peak MAC rate",
        energy_fj={},
        traffic={"sram": (884_736, 98_304)},
        units={"array": UnitUse(4_608 * 1000, {})},
        ops=(
            OpUse(
                "gemm",
                "matmul",
                "array",
                4_608 * 1000,
                4_608 * 1000,
                25_874_368_000,
                128 * 768 * 768,
                983_040,
                4_608 * 1000,
            ),
        ),
        time_by_cause={"MAC streaming": 4_608 * 1000},
        memory={},
        counters={},
        mapping={"mapper": "greedy", "metric": "seconds", "objective": 4.608e-6, "bound": 4.608e-6, "gap": 0.0},
    )


@pytest.fixture
def pim(pim_report: Report) -> ReportDoc:
    """The same as a document."""
    return as_doc(pim_report)


@pytest.fixture
def gemm(gemm_report: Report) -> ReportDoc:
    """The same as a document."""
    return as_doc(gemm_report)


def as_doc(report: Report) -> ReportDoc:
    """What `report.json` holds."""
    doc: ReportDoc = report.to_json()  # type: ignore[assignment]
    return doc
