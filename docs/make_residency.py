"""Writes the tables of docs/residency.md: ``python docs/make_residency.py``.

Every network at the capacity of its largest working set: what COSMA's problem costs here, what is proved, and what
TensorFlow Lite's arena costs with each of the paper's four combinations of order and rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import mean, median
from time import process_time

from archsim.core.marked import with_marked
from archsim.ir.tensorgraph import TensorGraph, TensorOp
from archsim.mappers.residency import plan
from archsim.mappers.residency.baselines import ARENAS, baselines
from archsim.mappers.residency.footprint import least_memory
from archsim.workloads.networks import HUMAN, SEARCHED, UNIT, decoder, network

PAGE = Path(__file__).parent / "residency.md"
NAMES = tuple(f"arena, {order}, {rule}" for order, rule in ARENAS)
HEAD = ("network", "ops", "M_R", "M_P", "ours", "bound", *(f"{o}, {r}" for o, r in ARENAS), "reduction", "CPU s")
LAYERS = (
    ((2, 1, 1), 129), ((2, 2, 1), 66), ((2, 2, 2), 66), ((2, 2, 4), 66), ((2, 2, 32), 66), ((2, 2, 1), 82),
    ((4, 4, 1), 64), ((4, 4, 1), 48), ((8, 8, 1), 53), ((8, 8, 1), 48),
)  # fmt: skip
"""(head groups, chunks, layers), units on chip."""
RANDOM_OPS, RANDOM_SEEDS, RANDOM_WORK = (10, 20, 30, 45, 60), 4, 2.0
"""Sizes of random graphs, how many of each, and the work that each part of one may take."""


@dataclass(frozen=True)
class Row:
    """One network at M_R."""

    name: str
    ops: int
    least: int
    peak: int
    ours: int
    bound: int
    arenas: tuple[int, ...]
    seconds: float

    @property
    def reductions(self) -> tuple[float, ...]:
        """Part of each arena's bytes that need not move; none where the arena moves nothing."""
        return tuple(1 - self.ours / arena for arena in self.arenas if arena)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text, all but the time."""
        numbers = (self.ops, self.least, self.peak, self.ours, self.bound, *self.arenas)
        shown = f"{mean(self.reductions):.0%}" if self.reductions else "none to have"
        return (self.name, *(f"{number:,}" for number in numbers), shown)

    def line(self) -> str:
        """The row in Markdown."""
        return "| " + " | ".join((*self.cells, f"{self.seconds:.2f}")) + " |"


def row(name: str, *, weights: bool = False) -> Row:
    """Plan a network and fill its arenas."""
    graph = network(name, weights=weights)
    capacity = graph.least_capacity
    began = process_time()
    found = plan(graph, capacity)
    took = process_time() - began
    found.check()
    peak = least_memory(graph)
    others = baselines(graph, capacity, peak_order=peak.order)
    arenas = tuple(others[arena].bytes for arena in NAMES)
    return Row(name, len(graph.ops), capacity, peak.bytes, found.objective, found.lower_bound, arenas, took)


def at_peak(name: str) -> tuple[int, tuple[int, ...]]:
    """What moves at M_P: by our plan, and in each arena."""
    graph = network(name)
    peak = least_memory(graph)
    found = plan(graph, peak.bytes)
    found.check()
    others = baselines(graph, peak.bytes, peak_order=peak.order)
    return found.objective, tuple(others[arena].bytes for arena in NAMES)


def table(rows: list[Row]) -> list[str]:
    """Rows in Markdown, with the mean of the networks of which any arena moves something."""
    reduced = [mean(row.reductions) for row in rows if row.reductions]
    least = [min(row.reductions) for row in rows if row.reductions]
    times = [row.seconds for row in rows]
    total = f"mean of {len(reduced)}: {mean(reduced):.0%} against the four arenas, {mean(least):.0%} against the best"
    head = ["| " + " | ".join(HEAD) + " |", "|" + "---|" + "---:|" * (len(HEAD) - 1)]
    return [
        *head,
        *(row.line() for row in rows),
        "",
        f"{total}; mean time {mean(times):.2f} s, median {median(times):.2f} s.",
    ]


def decoders() -> list[str]:
    """Decoder layers in units, in Markdown."""
    lines = ["| graph | ops | capacity | program order, LRU | program order, exact | found | bound | CPU s |"]
    lines.append("|---" + "|---:" * 7 + "|")
    for shape, units in LAYERS:
        graph = decoder(*shape)
        began = process_time()
        found = plan(graph, units * UNIT)
        took = process_time() - began
        found.check()
        rule = baselines(graph, units * UNIT, peak_order=found.order)["lru"].bytes
        cells = (len(graph.ops), units, *(
            amount // UNIT for amount in (rule, found.candidates["program"], found.objective, found.lower_bound)
        ))  # fmt: skip
        name = "G{}F{}L{}".format(*shape)
        lines.append(f"| {name} | " + " | ".join(f"{cell:,}" for cell in cells) + f" | {took:.2f} |")
    return lines


def layered(seed: int, ops: int) -> TensorGraph:
    """A random graph: layers of one to four ops, each reading one to three tensors of the two layers before it."""
    random = Random(seed)
    sizes, made, before, early = {"x": random.randint(1, 8)}, list[TensorOp](), ["x"], list[str]()
    while len(made) < ops:
        names = [f"t{len(made) + index}" for index in range(min(random.randint(1, 4), ops - len(made)))]
        reads = [*before, *early]
        for name in names:
            sizes[name] = random.randint(1, 8)
            made.append(TensorOp(name, tuple(random.sample(reads, min(len(reads), random.randint(1, 3)))), (name,)))
        before, early = names, before
    return TensorGraph(f"layered {ops}, {seed}", tuple(made), sizes)


def random_graphs() -> list[str]:
    """Plans of random graphs, the mean over seeds of each size, in Markdown."""
    lines = ["| ops | graphs | proved | found, mean | bound, mean | program order, exact | best list order | CPU s |"]
    lines.append("|---:" * 8 + "|")
    for ops in RANDOM_OPS:
        rows = []
        for seed in range(RANDOM_SEEDS):
            graph, began = layered(seed, ops), process_time()
            found = plan(graph, graph.least_capacity, work=RANDOM_WORK)
            took = process_time() - began
            found.check()
            best = min(found.candidates.values())
            rows.append((found.objective, found.lower_bound, found.candidates["program"], best, took, found.proved))
        moved, bound, program, best_list, took = (mean(row[i] for row in rows) for i in range(5))
        proved = sum(row[5] for row in rows)
        cells = f"{moved:.0f} | {bound:.0f} | {program:.0f} | {best_list:.0f} | {took:.1f}"
        lines.append(f"| {ops} | {len(rows)} | {proved} | {cells} |")
    return lines


def filled(text: str, mark: str, lines: list[str]) -> str:
    """The page with these lines in a marked place."""
    return with_marked(text, mark, "".join(f"{line}\n" for line in lines))


def main() -> None:
    """Fill the marked places of the page."""
    text = PAGE.read_text(encoding="utf-8")
    plan(decoder(2, 2), 66 * UNIT)  # imports are not part of the first network's time
    for mark, names, weights in (("human", HUMAN, False), ("searched", SEARCHED, False), ("weights", HUMAN, True)):
        text = filled(text, mark, table([row(name, weights=weights) for name in names]))
    ours, arenas = zip(*(at_peak(name) for name in HUMAN), strict=True)
    spilling = [name for name, moved in zip(HUMAN, arenas, strict=True) if any(moved)]
    line = f"At M_P ours moves {sum(ours):,} B over all ten; an arena moves something on {len(spilling)} of them: "
    text = filled(text, "peak", [line + ", ".join(spilling) + "."])
    text = filled(text, "decoder", decoders())
    text = filled(text, "random", random_graphs())
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
