"""L-RASPP on MobileNetV3-Large, for images of 224 x 224.

Shapes are those of torchvision (pytorch/vision@00542d9, torchvision/models/mobilenetv3.py, and @07a929e,
torchvision/models/segmentation/lraspp.py).
"""

from __future__ import annotations

from archsim.workloads.networks.build import Map, Net

IMAGE = (224, 224)
SEGMENTS = 21

BLOCKS = (
    # kernel, expanded channels, channels, squeeze and excite, stride, dilation
    (3, 16, 16, False, 1, 1),
    (3, 64, 24, False, 2, 1),
    (3, 72, 24, False, 1, 1),
    (5, 72, 40, True, 2, 1),
    (5, 120, 40, True, 1, 1),
    (5, 120, 40, True, 1, 1),
    (3, 240, 80, False, 2, 1),
    (3, 200, 80, False, 1, 1),
    (3, 184, 80, False, 1, 1),
    (3, 184, 80, False, 1, 1),
    (3, 480, 112, True, 1, 1),
    (3, 672, 112, True, 1, 1),
    (5, 672, 160, True, 1, 2),
    (5, 960, 160, True, 1, 2),
    (5, 960, 160, True, 1, 2),
)
LOW = 3
"""The block whose output goes to the head beside the last one's."""


def lraspp_mobilenetv3(net: Net) -> None:
    """Howard et al., 2019: the segmentation head and its dilated backbone."""
    x = net.conv("stem", net.input(3, *IMAGE), 16, 3, 2)
    low = x
    for index, (kernel, wide, channels, squeezed, stride, dilation) in enumerate(BLOCKS):
        x = _block(net, f"block{index}", x, kernel, wide, channels, squeezed, stride, dilation)
        low = x if index == LOW else low
    high = net.conv("last", x, 960, 1)
    x = net.conv("head.cbr", high, 128, 1)
    scale = net.conv("head.scale", net.squeeze("head.pool", high), 128, 1)
    x = net.resize("head.upsample", net.add("head.multiply", x, scale), low.extents)
    x = net.add("head.add", net.conv("head.low", low, SEGMENTS, 1), net.conv("head.high", x, SEGMENTS, 1))
    net.resize("upsample", x, IMAGE)


def _block(
    net: Net, at: str, x: Map, kernel: int, wide: int, channels: int, squeezed: bool, stride: int, dilation: int
) -> Map:
    """An inverted residual: widen, filter each channel, weigh channels, narrow, add."""
    y = x if wide == x.channels else net.conv(f"{at}.expand", x, wide, 1)
    y = net.conv(f"{at}.depthwise", y, wide, kernel, stride, groups=wide, dilation=dilation)
    if squeezed:
        narrow = max(8, (wide // 4 + 4) // 8 * 8)
        scale = net.conv(f"{at}.squeeze", net.squeeze(f"{at}.pool", y), narrow, 1)
        y = net.add(f"{at}.multiply", y, net.conv(f"{at}.excite", scale, wide, 1))
    y = net.conv(f"{at}.project", y, channels, 1)
    return net.add(f"{at}.add", y, x) if stride == 1 and channels == x.channels else y
