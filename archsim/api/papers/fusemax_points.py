"""Closed forms of FuseMax's machines and workloads, without a mapper between, for tables that ask for many of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from archsim.api.designs import load_design
from archsim.core.errors import BadInput
from archsim.ir.graph import Graph
from archsim.ir.mapping import Choice, Mapping
from archsim.models.spatial import SpatialDesign
from archsim.models.spatial.energy import unit_energy
from archsim.models.spatial.steady import closed_form
from archsim.workloads.single import Operator

CONFIGS = {
    "unfused": "unfused",
    "flat": "flat",
    "+cascade": "fusemax-cascade",
    "+architecture": "fusemax-arch",
    "+binding(fusemax)": "fusemax",
}
"""Name in the published tables -> design."""
LENGTHS = tuple(1024 << 2 * step for step in range(6))
BATCH = 64


@dataclass(frozen=True)
class Model:
    """The shape of a published workload: one encoder layer."""

    width: int
    heads: int
    head: int
    wide: int

    def attention(self, length: int) -> str:
        """Its attention over this length."""
        return f"attention:{BATCH},{self.heads},{self.heads},{length},{length},{self.head}"

    def products(self, length: int) -> tuple[str, ...]:
        """Its linear layers: Q, K, V, output, and the two of the feed-forward."""
        rows, d, s = BATCH * length, self.width, self.wide
        return (*(f"gemm:{rows},{d},{d}",) * 4, f"gemm:{rows},{s},{d}", f"gemm:{rows},{d},{s}")


MODELS = {
    "BERT": Model(768, 12, 64, 3072),
    "TrXL": Model(1024, 16, 64, 4096),
    "T5": Model(512, 8, 64, 2048),
    "XLM": Model(2048, 16, 128, 8192),
}


@dataclass(frozen=True)
class Result:
    """What a closed form comes to."""

    seconds: float
    bytes: int
    energy_pj: float
    ratios: dict[str, float]
    clock: int

    def cycles(self, einsum: str) -> float:
        """Cycles of an einsum."""
        return self.ratios[f"util.{einsum}"] * self.seconds * self.clock

    def __add__(self, other: Result) -> Result:
        return Result(
            self.seconds + other.seconds,
            self.bytes + other.bytes,
            self.energy_pj + other.energy_pj,
            self.ratios,
            self.clock,
        )


@cache
def published(name: str, mode: str = "artifact", plan: str | None = None) -> SpatialDesign:
    """A bundled design in an energy mode, with FLAT's plans by that objective or by the mode's own.

    Raises
    ------
    BadInput
        No spatial array of that name.
    """
    design = load_design(name)
    if not isinstance(design, SpatialDesign):
        raise BadInput(f"{name} is no spatial array", right=f"designs here: {', '.join(CONFIGS.values())}")
    return design.vary(energy={"mode": mode}, plan=plan)


def result(design: SpatialDesign, graph: Graph) -> Result:
    """A graph on a design, planned afresh."""
    closed = closed_form(design, Mapping(graph.name, "spatial", (), (), {}, Choice("", "ps", 0.0, 0.0)), graph)
    counts: dict[str, Counter[str]] = {}
    for op in closed.ops:
        for unit, counters in op.counters.items():
            counts.setdefault(unit, Counter()).update(counters)
    energy = sum(sum(unit_energy(design, u, c, closed.total_ps).values()) for u, c in counts.items())
    moved = counts["dram"]["bytes_read"] + counts["dram"]["bytes_written"]
    return Result(closed.total_ps / 1e12, moved, energy / 1000, dict(closed.ratios), int(design.clock))


@cache
def operator(name: str, text: str, mode: str = "artifact", plan: str | None = None) -> Result:
    """An operator on a bundled design."""
    return result(published(name, mode, plan), Operator(op=text).expand())


def attention(name: str, model: str, length: int, mode: str = "artifact", plan: str | None = None) -> Result:
    """The attention of a model."""
    return operator(name, MODELS[model].attention(length), mode, plan)


def linear(name: str, model: str, length: int, mode: str = "artifact", plan: str | None = None) -> Result:
    """The linear layers of a model, one after the other."""
    first, *rest = (operator(name, text, mode, plan) for text in MODELS[model].products(length))
    for other in rest:
        first += other
    return first


def layer(name: str, model: str, length: int, mode: str = "artifact", plan: str | None = None) -> Result:
    """Attention and linear layers, which is all that the published end-to-end numbers have."""
    return attention(name, model, length, mode, plan) + linear(name, model, length, mode, plan)


@cache
def balanced(side: int, model: str, length: int) -> tuple[SpatialDesign, Result]:
    """A point of the Pareto sweep: FuseMax with arrays of this side, the buffer they need, and the attention on it."""
    sizes = {"sizing": "balanced", "head": MODELS[model].head}
    design = published("fusemax").vary(array_2d={"rows": side}, buffer=sizes)
    return design, result(design, Operator(op=MODELS[model].attention(length)).expand())
