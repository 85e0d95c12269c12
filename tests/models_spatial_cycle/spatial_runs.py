"""Attentions on spatial arrays: mapped, run, and set beside their closed forms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from archsim.api.designs import load_design
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping
from archsim.mappers.spatial import SpatialMapper
from archsim.sim.machine import elaborate
from archsim.sim.trace import Trace
from archsim.units.spatial.dataflows import dataflow
from archsim.units.spatial.problem import Plan, Steady
from archsim.units.spatial.trio import trios
from archsim.workloads.load import load_workload


@dataclass
class Run:
    """One attention on one design."""

    design: Design
    graph: Graph
    mapping: Mapping

    @cached_property
    def trace(self) -> Trace:
        return elaborate(self.design).run(self.mapping)

    @cached_property
    def steady(self) -> Steady:
        """The closed form of the plan that the mapping carries."""
        trio = trios(self.graph)[0]
        plans = self.mapping.choice.options["plans"]
        assert isinstance(plans, dict)
        choices = dict(plans[trio.scores.name])
        flow = dataflow(choices.pop("dataflow"))
        arrays = next(iter(self.design.capabilities()))
        return flow.steady(trio.problem({}), arrays, Plan(flow.name, choices))  # type: ignore[arg-type]

    @property
    def ratio(self) -> float:
        """Time over that of the steady state."""
        return self.trace.total_ps / float(self.steady.seconds * 10**12)

    @property
    def counted(self) -> Counter[str]:
        """Counters over all units; cycles apart."""
        out: Counter[str] = Counter()
        for key, value in self.trace.accounts.items():
            if key[0] == "count" and key[3] != "cycles" and value:
                out[key[3]] += value
        return out

    @property
    def expected(self) -> Counter[str]:
        """The same by the closed form, DRAM bytes rounded up to words."""
        word = next(iter(self.design.capabilities())).word_bytes  # type: ignore[union-attr]
        moved = {"bytes_read": self.steady.read, "bytes_written": self.steady.written}
        out = Counter({name: -int(-amount / word // 1) * word for name, amount in moved.items() if amount})
        for counts in self.steady.counts.values():
            out.update({name: count for name, count in counts.items() if count})
        return out


def attention(design: str, sizes: str, *, set: dict[str, object] | None = None, **options: object) -> Run:
    """``attention:B,H,KV,NQ,NK,D[,causal]`` on a design."""
    machine, graph = load_design(design, set=set), load_workload(f"attention:{sizes}").expand()
    return Run(machine, graph, SpatialMapper.model_validate(options).map(graph, machine))
