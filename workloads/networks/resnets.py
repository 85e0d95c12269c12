"""Residual and densely connected networks for images of 224 x 224, and the segmentation networks built on ResNet-50.

Shapes are those of torchvision (pytorch/vision@0216591, torchvision/models): resnet.py, densenet.py, segmentation/.
"""

from __future__ import annotations

from archsim.workloads.networks.build import Map, Net

IMAGE = (224, 224)
BLOCKS = (3, 4, 6, 3)
"""Bottlenecks per stage of the networks with fifty layers."""
CLASSES, SEGMENTS = 1000, 21


def resnet50(net: Net) -> None:
    """He et al., 2015 (stride in the 3 x 3 convolution)."""
    _classify(net, _backbone(net, width=1, groups=1))


def resnext50(net: Net) -> None:
    """Xie et al., 2017: 32 groups of 4 channels."""
    _classify(net, _backbone(net, width=2, groups=32))


def fcn_resnet50(net: Net) -> None:
    """Long et al., 2015, on a ResNet-50 whose last two stages are dilated instead of strided; no auxiliary head."""
    x = _backbone(net, width=1, groups=1, dilated=True)
    x = net.conv("head.conv", x, 512, 3)
    x = net.conv("head.classifier", x, SEGMENTS, 1)
    net.resize("upsample", x, IMAGE)


def deeplabv3_resnet50(net: Net) -> None:
    """Chen et al., 2017, on the same dilated ResNet-50; no auxiliary head."""
    x = _backbone(net, width=1, groups=1, dilated=True)
    branches = [net.conv("aspp.0", x, 256, 1)]
    branches += [net.conv(f"aspp.{i}", x, 256, 3, dilation=rate) for i, rate in enumerate((12, 24, 36), 1)]
    pooled = net.conv("aspp.4.conv", net.squeeze("aspp.4.pool", x), 256, 1)
    branches.append(net.resize("aspp.4.upsample", pooled, x.extents))
    x = net.conv("aspp.project", net.concat("aspp.concat", *branches), 256, 1)
    x = net.conv("head.conv", x, 256, 3)
    x = net.conv("head.classifier", x, SEGMENTS, 1)
    net.resize("upsample", x, IMAGE)


def densenet121(net: Net) -> None:
    """Huang et al., 2017. Every layer concatenates all before it; its first norm is an op of its own."""
    growth = 32
    x = net.conv("conv0", net.input(3, *IMAGE), 64, 7, 2)
    x = net.pool("pool0", x, 3, 2)
    for block, layers in enumerate((6, 12, 24, 16), 1):
        features = [x]
        for layer in range(1, layers + 1):
            at = f"block{block}.{layer}"
            x = features[0] if layer == 1 else net.concat(f"{at}.concat", *features)
            x = net.conv(f"{at}.conv1", net.apply(f"{at}.norm1", x), 4 * growth, 1)
            features.append(net.conv(f"{at}.conv2", x, growth, 3))
        x = net.concat(f"block{block}.concat", *features)
        if block < 4:
            x = net.conv(f"transition{block}.conv", net.apply(f"transition{block}.norm", x), x.channels // 2, 1)
            x = net.pool(f"transition{block}.pool", x, 2, 2, padded=False)
    _classify(net, net.apply("norm5", x))


def _backbone(net: Net, *, width: int, groups: int, dilated: bool = False) -> Map:
    """Stem and four stages of bottlenecks; `width` widens their 3 x 3 convolutions."""
    x = net.conv("conv1", net.input(3, *IMAGE), 64, 7, 2)
    x = net.pool("maxpool", x, 3, 2)
    dilation = 1
    for stage, blocks in enumerate(BLOCKS, 1):
        planes = 32 << stage
        stride = 1 if stage == 1 else 2
        before = dilation
        if dilated and stage > 2:
            dilation, stride = dilation * stride, 1
        for block in range(blocks):
            at = f"layer{stage}.{block}"
            first = block == 0
            y = net.conv(f"{at}.conv1", x, planes * width, 1)
            # As torchvision has it: the first bottleneck of a stage keeps the dilation of the stage before.
            rate = before if first else dilation
            y = net.conv(f"{at}.conv2", y, planes * width, 3, stride if first else 1, groups=groups, dilation=rate)
            y = net.conv(f"{at}.conv3", y, planes * 4, 1)
            if first:
                x = net.conv(f"{at}.downsample", x, planes * 4, 1, stride)
            x = net.add(f"{at}.add", y, x)
    return x


def _classify(net: Net, x: Map) -> None:
    net.dense("fc", net.squeeze("avgpool", x), CLASSES)
