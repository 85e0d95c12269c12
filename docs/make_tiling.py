"""The tables of docs/tiling.md: ``python docs/make_tiling.py`` prints them, ``--write`` puts them into the page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import mean, median
from time import process_time
from typing import Any

from archsim.core.marked import with_marked
from archsim.core.quantities import Bytes
from archsim.ir.graph import Graph, Op, Repeat
from archsim.mappers.fusion import fuse
from archsim.mappers.tiling import EDGE, Gemm, Hierarchy, Level, Tiling, solve, tile
from archsim.mappers.tiling.cost import METRICS, Metric
from archsim.workloads.transformer import Transformer

PAGE = Path(__file__).parent / "tiling.md"
MODELS = ("gpt2-xl", "llama-2-7b", "llama-3-8b")
TOKENS = (1, 16, 128, 2048)
"""Rows: sequences in a decode step, or tokens of a prompt."""
OTHERS = ("stationary", "square", "random")
BUFFERS = ("256 KiB", "1 MiB", "16 MiB", "256 MiB")
CASES = (("llama-2-7b", "prefill", 2048), ("llama-2-7b", "prefill", 128), ("llama-2-7b", "decode", 1024),
         ("gpt2-xl", "prefill", 512))  # fmt: skip
"""Layers for fusion: model, phase, tokens in or before it."""
LARGE = Hierarchy(
    name="server",
    levels=(
        Level.model_validate({"name": "HBM", "bandwidth": 512, "energy": "31.2 pJ"}),
        Level.model_validate({"name": "L2", "capacity": "16 MiB", "bandwidth": 2048, "energy": "12 pJ", "adds": True}),
        Level.model_validate({"name": "L1", "capacity": "256 KiB", "bandwidth": 1024, "energy": "1 pJ"}),
    ),
    array=EDGE.array.vary(rows=128, cols=128, unroll="best"),
)
"""A second hierarchy: a server's array and memories."""


def gemms(model: str, tokens: int) -> Iterator[tuple[str, Gemm]]:
    """The different products of a layer with weights, 8 bits each."""
    graph = Transformer(model=model, phase="prefill", prompt=tokens, dtype="int8").expand()
    layer = next(item for item in graph.items if isinstance(item, Repeat))
    seen = set[tuple[int, int, int]]()
    for op in layer.body:
        if isinstance(op, Op) and op.kind == "matmul":
            dims = op.extents({})
            size = dims["m"], dims["n"], dims["k"]
            if size not in seen:
                seen.add(size)
                yield op.name.rpartition(".")[2], Gemm(*size, out_bits=8)


def row(model: str, name: str, gemm: Gemm, hierarchy: Hierarchy) -> str:
    """A line of the table: the optimum, its distance to the bound, and how far off others are."""
    best = tile(gemm, hierarchy)
    others = [tile(gemm, hierarchy, method=method).objective / best.objective for method in OTHERS]
    tiles = "; ".join("x".join(map(str, sizes)) for sizes in best.tiles)
    moved = best.links[0].moved / 1e6
    shown = " | ".join(f"{ratio:.2f}" for ratio in others)
    return f"| {model} {name} | {gemm} | {tiles} | {moved:.1f} | {100 * best.gap:.1f} % | {shown} |"


def tilings(hierarchy: Hierarchy) -> list[str]:
    """The table of products for one hierarchy."""
    head = f"| product | m x n x k | tiles, outer to inner | DRAM MB | gap to bound | {' | '.join(OTHERS)} |"
    rows = [
        row(model, name, gemm, hierarchy)
        for model, tokens in product(MODELS, TOKENS)
        for name, gemm in gemms(model, tokens)
    ]
    return [head, "|---|---|---|---:|---:|---:|---:|---:|", *rows]


def spread(hierarchies: Sequence[Hierarchy]) -> list[str]:
    """Distances to the best known over all products, hierarchies and metrics, and CPU time."""
    cases = [
        (gemm, hierarchy, metric)
        for hierarchy, model, tokens, metric in product(hierarchies, MODELS, TOKENS, METRICS)
        for _, gemm in gemms(model, tokens)
    ]
    methods: dict[str, dict[str, Any]] = {"search": {}, "search, all sizes": {"sizes": "all"}}
    methods |= {method: {"method": method} for method in OTHERS}
    found = {name: [timed(*case, **options) for case in cases] for name, options in methods.items()}
    best = [min(answers, key=lambda answer: answer[0].objective)[0] for answers in zip(*found.values(), strict=True)]
    lines = ["| method | best | median | worst | within 5 % | CPU ms each |", "|---|---:|---:|---:|---:|---:|"]
    for name, answers in found.items():
        ratios = [answer.objective / known.objective for (answer, _), known in zip(answers, best, strict=True)]
        near = sum(ratio <= 1.05 for ratio in ratios) / len(ratios)
        numbers = " | ".join(f"{of(ratios):.2f}" for of in (min, median, max))
        lines.append(f"| {name} | {numbers} | {100 * near:.0f} % | {1e3 * mean(time for _, time in answers):.1f} |")
    gaps = [100 * answer.gap for answer in best]
    text = f"{len(cases)} cases. The best known is {min(gaps):.1f} to {max(gaps):.1f} % above the closed bound"
    return [*lines, "", f"{text}, {median(gaps):.1f} % in the median."]


def timed(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, **options: Any) -> tuple[Tiling, float]:
    """A tiling and the CPU seconds it took, computed anew."""
    solve._tile.cache_clear()
    start = process_time()
    return tile(gemm, hierarchy, metric, **options), process_time() - start


def layers() -> list[tuple[str, Graph]]:
    """The layers that fusion is shown for."""
    found = []
    for model, phase, tokens in CASES:
        counts = {"prompt": tokens} if phase == "prefill" else {"context": tokens}
        graph = Transformer.model_validate({"model": model, "phase": phase, "dtype": "int8", **counts}).expand()
        found.append((f"{model} {phase} {tokens}", graph))
    return found


def fusions() -> list[str]:
    """The table of layers and buffers."""
    lines = ["| layer | buffer | unfused MB | fused MB | bound MB | groups |", "|---|---|---:|---:|---:|---|"]
    for (name, graph), capacity in product(layers(), BUFFERS):
        found = fuse(graph, Level(name="buffer", capacity=Bytes(capacity)))
        groups = ", ".join("+".join(str(len(stage)) for stage in group.stages) for group in found.groups)
        numbers = " | ".join(f"{amount / 1e6:.1f}" for amount in (found.unfused, found.moved, found.bound))
        lines.append(f"| {name} | {capacity} | {numbers} | {groups} |")
    return lines


def tables() -> dict[str, list[str]]:
    """Marker in the page -> table."""
    return {"edge": tilings(EDGE), "server": tilings(LARGE), "spread": spread((EDGE, LARGE)), "fusion": fusions()}


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the tables in docs/tiling.md")
    write = parser.parse_args().write
    page = PAGE.read_text() if write else ""
    for marker, lines in tables().items():
        text = "".join(f"{line}\n" for line in lines)
        if write:
            page = with_marked(page, marker, text)
        else:
            print(text)
    if write:
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
