"""Networks found by architecture search: cells of two inputs, stacked, for images of 224 x 224.

Cells and stacking are those of DARTS (quark0/darts@8876e79, cnn/genotypes.py, and @28419ac, cnn/model.py,
NetworkImageNet: 14 cells). A separable convolution is two ops of a depthwise filter with the pointwise one behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsim.workloads.networks.build import Map, Net

CELLS = 14

Edges = tuple[tuple[str, int], ...]
"""(operation, state it reads); two in a row are summed to the next state. States 0 and 1 are the cell's inputs."""


@dataclass(frozen=True, slots=True)
class Genotype:
    """A normal cell, a cell that halves the extents, and the states whose maps each puts together."""

    normal: Edges
    normal_out: tuple[int, ...]
    reduce: Edges
    reduce_out: tuple[int, ...]
    channels: int
    """Of the first cells."""


DARTS = Genotype(
    (
        ("sep3", 1), ("sep3", 0), ("skip", 0), ("sep3", 1), ("skip", 0), ("sep3", 1), ("sep3", 0), ("skip", 2),
    ),
    (2, 3, 4, 5),
    (
        ("pool", 0), ("pool", 1), ("skip", 2), ("pool", 0), ("pool", 0), ("skip", 2), ("skip", 2), ("pool", 0),
    ),
    (2, 3, 4, 5),
    48,
)  # fmt: skip
NASNET_A = Genotype(
    (
        ("sep5", 1), ("sep3", 0), ("sep5", 0), ("sep3", 0), ("pool", 1), ("skip", 0), ("pool", 0), ("pool", 0),
        ("sep3", 1), ("skip", 1),
    ),
    (2, 3, 4, 5, 6),
    (
        ("sep5", 1), ("sep7", 0), ("pool", 1), ("sep7", 0), ("pool", 1), ("sep5", 0), ("skip", 3), ("pool", 2),
        ("sep3", 2), ("pool", 1),
    ),
    (4, 5, 6),
    44,
)  # fmt: skip
AMOEBANET = Genotype(
    (
        ("pool", 0), ("pool", 1), ("sep3", 0), ("sep5", 2), ("sep3", 0), ("pool", 3), ("sep3", 1), ("skip", 1),
        ("skip", 0), ("pool", 1),
    ),
    (4, 5, 6),
    (
        ("pool", 0), ("sep3", 1), ("pool", 0), ("sep7", 2), ("sep7", 0), ("pool", 1), ("pool", 0), ("pool", 1),
        ("conv7", 0), ("sep3", 5),
    ),
    (3, 4, 6),
    50,
)  # fmt: skip


def darts(net: Net) -> None:
    """DARTS: Liu et al., 2019."""
    _stacked(net, DARTS)


def nasnet_a(net: Net) -> None:
    """NASNet-A: Zoph et al., 2018, in DARTS' stacking."""
    _stacked(net, NASNET_A)


def amoebanet_a(net: Net) -> None:
    """AmoebaNet-A: Real et al., 2019, in DARTS' stacking."""
    _stacked(net, AMOEBANET)


def _stacked(net: Net, genotype: Genotype) -> None:
    channels = genotype.channels
    x = net.conv("stem.0", net.input(3, 224, 224), channels // 2, 3, 2)
    before = net.conv("stem.1", x, channels, 3, 2)
    x = net.conv("stem.2", before, channels, 3, 2)
    reduced = True
    for index in range(CELLS):
        halves = index in (CELLS // 3, 2 * CELLS // 3)
        channels *= 2 if halves else 1
        before, x = x, _cell(net, f"cell{index}", genotype, (before, x), channels, halves, reduced)
        reduced = halves
    net.dense("fc", net.squeeze("avgpool", x), 1000)


def _cell(
    net: Net, at: str, genotype: Genotype, inputs: tuple[Map, Map], channels: int, halves: bool, reduced: bool
) -> Map:
    states = [
        net.conv(f"{at}.in0", inputs[0], channels, 1, 2 if reduced else 1),
        net.conv(f"{at}.in1", inputs[1], channels, 1),
    ]
    edges, out = (genotype.reduce, genotype.reduce_out) if halves else (genotype.normal, genotype.normal_out)
    for node in range(len(edges) // 2):
        pair = [
            _edge(net, f"{at}.{node}.{side}", kind, states[source], 2 if halves and source < 2 else 1)
            for side, (kind, source) in enumerate(edges[2 * node : 2 * node + 2])
        ]
        states.append(net.add(f"{at}.{node}", *pair))
    unused = [states[index] for index in out]
    return net.concat(f"{at}.concat", *unused)


def _edge(net: Net, at: str, kind: str, x: Map, stride: int) -> Map:
    """The map that an edge gives; a skip at stride 1 is its input itself."""
    if kind == "skip":
        return x if stride == 1 else net.conv(f"{at}.skip", x, x.channels, 1, stride)
    if kind == "pool":
        return net.pool(f"{at}.pool", x, 3, stride)
    if kind == "conv7":
        x = net.conv(f"{at}.row", x, x.channels, (1, 7), (1, stride))
        return net.conv(f"{at}.column", x, x.channels, (7, 1), (stride, 1))
    kernel = int(kind.removeprefix("sep"))
    for half, step in enumerate((stride, 1)):
        x = net.conv(f"{at}.depthwise{half}", x, x.channels, kernel, step, groups=x.channels)
        x = net.conv(f"{at}.pointwise{half}", x, x.channels, 1)
    return x
