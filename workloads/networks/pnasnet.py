"""PNASNet-5-Large: Liu et al., 2018 (arXiv 1712.00559), one cell for both strides, for images of 331 x 331.

Channels, cell and stem as in huggingface/pytorch-image-models@e98c932, timm/models/pnasnet.py [stated]. A reduction of
the older input is one convolution of kernel 1 at stride 2 here, where the source has two of half the channels each.
"""

from __future__ import annotations

from archsim.workloads.networks.build import Map, Net

CELLS = ((216, (0, 4)), (432, (4, 8)), (864, (8, 12)))
"""Channels of a branch, and the cells that have them: the first of each but the very first halves the extents."""


def pnasnet5(net: Net) -> None:
    """The stem of a convolution and two cells that halve, then three times four cells, mean and classifier."""
    image = net.input(3, 331, 331)
    first = net.op("conv", image, channels=96, extents=(165, 165), weights=3 * 96 * 9)  # the only one without padding
    before, x = first, _combined(net, "stem0", first, net.conv("stem0.right", first, 54, 1), 54, 2, stem=True)
    before, x = x, _cell(net, "stem1", before, x, 108, 2)
    for channels, (begin, end) in CELLS:
        for index in range(begin, end):
            stride = 2 if index == begin and index else 1
            before, x = x, _cell(net, f"cell{index}", before, x, channels, stride)
    net.dense("fc", net.squeeze("avgpool", x), 1000)


def _cell(net: Net, at: str, before: Map, x: Map, channels: int, stride: int) -> Map:
    """A cell on the two maps before it, both brought to its channels and the older one to the extents of the other."""
    left = net.conv(f"{at}.left", before, channels, 1, 1 if before.extents == x.extents else 2)
    return _combined(net, at, left, net.conv(f"{at}.right", x, channels, 1), channels, stride)


def _combined(net: Net, at: str, left: Map, right: Map, channels: int, stride: int, *, stem: bool = False) -> Map:
    """Five sums of two branches each, put together along the channels."""

    def separable(name: str, x: Map, kernel: int, step: int = stride) -> Map:
        # the first pointwise filter of the stem brings the map to its channels, elsewhere they are that already
        for half in range(2):
            x = net.conv(f"{at}.{name}.depthwise{half}", x, x.channels, kernel, 1 if half else step, groups=x.channels)
            x = net.conv(f"{at}.{name}.pointwise{half}", x, channels, 1)
        return x

    pooled = net.pool(f"{at}.0.pool", left, 3, stride)
    if stem:
        pooled = net.conv(f"{at}.0.wide", pooled, channels, 1)
    kept = right if stride == 1 else net.conv(f"{at}.4.skip", right, channels, 1, stride)
    sums = [
        net.add(f"{at}.0", separable("0.sep5", left, 5), pooled),
        net.add(f"{at}.1", separable("1.sep7", right, 7), net.pool(f"{at}.1.pool", right, 3, stride)),
        net.add(f"{at}.2", separable("2.sep5", right, 5), separable("2.sep3", right, 3)),
    ]
    sums += [
        net.add(f"{at}.3", separable("3.sep3", sums[2], 3, 1), net.pool(f"{at}.3.pool", right, 3, stride)),
        net.add(f"{at}.4", separable("4.sep3", left, 3), kept),
    ]
    return net.concat(f"{at}.concat", *sums)
