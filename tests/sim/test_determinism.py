"""Two processes agree byte for byte, whatever their hash seeds; two runs in one process do not see each other."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from archsim.core.errors import Broken
from archsim.mappers.pim import PimMapper
from archsim.models.pim_dram.spec import PimDram
from archsim.sim.machine import elaborate
from archsim.workloads.transformer import Transformer
from tests.sim.pim_cases import Case

SCRIPT = """
import sys
from archsim.mappers.pim import PimMapper
from archsim.models.pim_dram.spec import PimDram
from archsim.sim.machine import elaborate
from archsim.workloads.transformer import Transformer

design = PimDram().vary(asic={"sram": "1 MiB"})
graph = Transformer(model="gpt2-small", phase="generate", prompt=2, generate=4, batch=2).expand()
mapping = PimMapper().map(graph, design)
trace = elaborate(design).run(mapping, fast_forward=sys.argv[1] == "fast")
print(mapping)
print(mapping.to_json())
print(trace.total_ps, list(trace.accounts.items()), trace.refreshes, trace.samples)
"""


def output(way: str, seed: str) -> str:
    """What a fresh process prints, in the order in which its dictionaries are."""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, way], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout


def test_processes_agree_byte_for_byte() -> None:
    runs = [("fast", "0"), ("fast", "1"), ("fast", "4242"), ("stepped", "7")]
    with ThreadPoolExecutor(2) as pool:
        first, *others = pool.map(lambda run: output(*run), runs)
    assert len(first) > 1000
    assert all(other == first for other in others)


def test_runs_in_one_process_do_not_see_each_other() -> None:
    """A machine that has run before, and one that shares its design, answer like the first."""
    small = Case(PimDram(), Transformer(model="gpt2-small", phase="decode", context=40, generate=3), PimMapper())
    large = Case(PimDram(), Transformer(model="gpt2-medium", phase="decode", context=4, generate=2), PimMapper())
    before = small.run(), large.run()
    assert (large.run(), small.run()) == (before[1], before[0])


def test_a_machine_runs_once() -> None:
    case = Case(PimDram(), Transformer(model="gpt2-small", phase="decode", context=4, generate=1), PimMapper())
    _, mapping = case.lowered()
    machine = elaborate(case.design)
    machine.run(mapping)
    with pytest.raises(Broken, match="already ran"):
        machine.run(mapping)


def test_watching_changes_nothing() -> None:
    """Observers see every span of a stepped run, in order and without overlap on a unit."""
    case = Case(PimDram(), Transformer(model="gpt2-small", phase="decode", context=4, generate=2), PimMapper())
    _, mapping = case.lowered()
    spans: dict[str, list[tuple[int, int]]] = {}

    class Watch:
        def span(self, unit: str, what: str, start: int, end: int, args: object) -> None:
            assert what in graph_ops
            spans.setdefault(unit, []).append((start, end))

        def count(self, unit: str, counter: str, at: int, value: int) -> None:
            assert value >= 0

    graph_ops = set(case.workload.expand().ops)
    seen = elaborate(case.design).run(mapping, fast_forward=False, observers=[Watch()])
    assert seen == case.run()
    assert sum(len(spent) for spent in spans.values()) == seen.effort.tasks
    for unit, spent in spans.items():
        assert spent == sorted(spent)
        assert all(a[1] <= b[0] for a, b in pairwise(spent))
        held = sum(end - start for start, end in spent)
        assert held == seen.accounts["busy", unit] + seen.accounts.get(("wait", unit, "refresh"), 0)
