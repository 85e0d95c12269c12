"""Tile by tile: scores before exponentials before values, whatever loops and names the program has."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from archsim.units.spatial.trio import trios
from tests.models_spatial_cycle.spatial_runs import Run, attention
from tests.sim.reference import instances, meaning

TINY = {"array_2d.rows": 8, "array_2d.cols": 8, "buffer.size": "16 KiB", "buffer.line": "16 B"}
Canvas = NDArray[np.int64]
START, DONE = 0, 1


def spans(run: Run) -> dict[str, list[tuple[dict[str, tuple[int, int]], int, int]]]:
    """Op -> (tile, start, done) of every task that computes a part of it."""
    out = defaultdict(list)
    times = meaning(run.mapping.body, run.design.blocks()).starts
    for (task, env), (_, start, done) in zip(instances(run.mapping.body, {}), times, strict=True):
        if task.tile:
            cut = {dim: (int(r.start.at(env)), int(r.stop.at(env))) for dim, r in task.tile.items()}
            out[task.op].append((cut, start, done))
    return out


def painted(run: Run, op: str, moment: int) -> Canvas:
    """Start or end of what computes each (row of scores, key)."""
    b, h, q, t = (int(trios(run.graph)[0].scores.dims[dim].base) for dim in "bhqt")
    canvas = np.zeros((b * h * q, t), dtype=np.int64)
    for cut, *times in spans(run)[op]:
        if "m" in cut:
            canvas[slice(*cut["m"]), slice(*cut["n"])] = times[moment]
        else:
            cube = canvas.reshape(b, h, q, t)
            cube[slice(*cut["b"]), slice(*cut["h"]), slice(*cut["q"]), slice(*cut["t"])] = times[moment]
    return canvas


@pytest.mark.parametrize("flow", ["fusemax", "fusemax-arch", "flat", "unfused", "flash2"])
@pytest.mark.parametrize(
    "sizes", ["2,3,3,40,40,8", "1,4,2,30,50,8", "2,2,2,8,70,8", "3,1,1,17,9,8", "1,4,1,3,20,8", "1,2,1,40,40,8,causal"]
)
def test_each_part_waits_for_what_it_reads(flow: str, sizes: str) -> None:
    run = attention("fusemax", sizes, set=TINY, dataflow=flow)
    scores, softmax, values = trios(run.graph)[0].ops
    seen = np.ones_like(painted(run, scores, DONE), dtype=np.bool_)
    if sizes.endswith("causal"):  # what is hidden is never computed
        queries = int(trios(run.graph)[0].scores.dims["q"].base)
        seen = np.tile(np.tri(queries, dtype=np.bool_), (len(seen) // queries, 1))
    assert (painted(run, scores, DONE) <= painted(run, softmax, START))[seen].all()
    assert (painted(run, softmax, DONE) <= painted(run, values, START))[seen].all()


@pytest.mark.parametrize("depth", [None, 7])
@pytest.mark.parametrize("sizes", ["2,3,3,40,40,8", "1,4,2,30,50,8", "1,4,1,3,60,8", "2,1,1,8,65,8"])
def test_running_results_go_on_from_the_last_ones(sizes: str, depth: int | None) -> None:
    """For every tile of queries, RNV of one row of keys ends before SPNV of the next one starts."""
    run = attention("fusemax", sizes, set=TINY, depth=depth)
    times = meaning(run.mapping.body, run.design.blocks()).starts
    tiles: dict[object, object] = {}
    corrected: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for (task, env), (name, start, done) in zip(instances(run.mapping.body, {}), times, strict=True):
        einsum, _, label = name.rpartition(".")[0].rpartition(".")[0].rpartition(".")[2].partition("-")
        if einsum not in ("SLNV", "SPNV", "RNV"):
            continue
        key = (name.partition("-")[2], tuple(sorted(env.items())))
        if einsum == "SLNV":
            cut = {dim: (int(r.start.at(env)), int(r.stop.at(env))) for dim, r in task.tile.items()}
            tiles[key] = tuple(cut[dim] for dim in "bhq")
        else:
            corrected[key].append((start, done))
        assert label
    order: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for part, both in corrected.items():
        (spnv, _), (_, rnv) = sorted(both)
        order[tiles[part]].append((spnv, rnv))
    assert any(len(steps) > 1 for steps in order.values())
    for steps in order.values():
        steps.sort()
        assert all(first[1] <= second[0] for first, second in pairwise(steps))
