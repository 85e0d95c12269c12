"""Networks for video: 16 frames of 112 x 112 or 224 x 224.

Shapes are those of torchvision (pytorch/vision@0216591, torchvision/models/video): resnet.py, s3d.py.
"""

from __future__ import annotations

from archsim.workloads.networks.build import Extent, Map, Net

FRAMES = 16
CLASSES = 400

INCEPTION = (
    # branch 0, middle and end of branch 1, middle and end of branch 2, branch 3; None for the pool between stages
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)


def r2plus1d18(net: Net) -> None:
    """Tran et al., 2018: ResNet-18 with every 3D convolution cut into one over space and one over time."""
    x = net.conv("stem.space", net.input(3, FRAMES, 112, 112), 45, (1, 7, 7), (1, 2, 2))
    x = net.conv("stem.time", x, 64, (3, 1, 1))
    for stage in range(1, 5):
        planes = 32 << stage
        for block in range(2):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            middle = x.channels * planes * 27 // (x.channels * 9 + 3 * planes)
            y = _cut(net, f"{at}.conv1", x, middle, planes, stride)
            # torchvision gives both convolutions of a block the middle width of the first.
            y = _cut(net, f"{at}.conv2", y, middle, planes, 1)
            if stride > 1:
                x = net.conv(f"{at}.downsample", x, planes, 1, stride)
            x = net.add(f"{at}.add", y, x)
    net.dense("fc", net.squeeze("avgpool", x), CLASSES)


def s3d(net: Net) -> None:
    """Xie et al., 2018: Inception over space, then over time."""
    x = _separable(net, "conv1", net.input(3, FRAMES, 224, 224), 64, 7, 2)
    x = net.pool("pool1", x, (1, 3, 3), (1, 2, 2))
    x = net.conv("conv2", x, 64, 1)
    x = _separable(net, "conv3", x, 192, 3, 1)
    x = net.pool("pool3", x, (1, 3, 3), (1, 2, 2))
    pools = iter((3, 2))
    for index, branches in enumerate(INCEPTION):
        if branches is None:
            kernel = next(pools)
            x = net.pool(f"pool.{index}", x, kernel, 2, padded=kernel > 2)
        else:
            x = _inception(net, f"mixed.{index}", x, branches)
    x = net.pool("avgpool", x, (2, 7, 7), 1, padded=False)
    net.squeeze("mean", net.conv("classifier", x, CLASSES, 1))


def _cut(net: Net, at: str, x: Map, middle: int, channels: int, stride: int) -> Map:
    steps: tuple[Extent, Extent] = ((1, stride, stride), (stride, 1, 1))
    x = net.conv(f"{at}.space", x, middle, (1, 3, 3), steps[0])
    return net.conv(f"{at}.time", x, channels, (3, 1, 1), steps[1])


def _separable(net: Net, at: str, x: Map, channels: int, kernel: int, stride: int) -> Map:
    x = net.conv(f"{at}.space", x, channels, (1, kernel, kernel), (1, stride, stride))
    return net.conv(f"{at}.time", x, channels, (kernel, 1, 1), (stride, 1, 1))


def _inception(net: Net, at: str, x: Map, branches: tuple[int, ...]) -> Map:
    first, middle1, end1, middle2, end2, last = branches
    maps = [
        net.conv(f"{at}.0", x, first, 1),
        _separable(net, f"{at}.1", net.conv(f"{at}.1.narrow", x, middle1, 1), end1, 3, 1),
        _separable(net, f"{at}.2", net.conv(f"{at}.2.narrow", x, middle2, 1), end2, 3, 1),
        net.conv(f"{at}.3", net.pool(f"{at}.3.pool", x, 3, 1), last, 1),
    ]
    return net.concat(f"{at}.concat", *maps)
