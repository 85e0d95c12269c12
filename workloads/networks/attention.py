"""Transformers at the grain of whole tensors: all heads of an attention are one op."""

from __future__ import annotations

from archsim.workloads.networks.build import Map, Net

ROWS = 128
"""Tokens of source and target of the Transformer."""


def transformer(net: Net) -> None:
    """The base model of Vaswani et al., 2017: six encoder and six decoder layers, norms behind the sums."""
    source = net.input(512, ROWS, name="source")
    target = net.input(512, ROWS, name="target")
    for layer in range(6):
        at = f"encoder{layer}"
        source = _summed(net, f"{at}.add1", source, _attention(net, f"{at}.self", source, source, 8))
        source = _summed(net, f"{at}.add2", source, _feed_forward(net, at, source, 2048))
    for layer in range(6):
        at = f"decoder{layer}"
        target = _summed(net, f"{at}.add1", target, _attention(net, f"{at}.self", target, target, 8))
        target = _summed(net, f"{at}.add2", target, _attention(net, f"{at}.cross", target, source, 8))
        target = _summed(net, f"{at}.add3", target, _feed_forward(net, at, target, 2048))


def vit_b16(net: Net) -> None:
    """ViT-B/16 of Dosovitskiy et al., 2021, at 224 x 224: 196 patches and a class token, norms before the blocks."""
    patches = net.conv("patches", net.input(3, 224, 224), 768, 16, 16)
    x = net.op("embed", patches, channels=768, extents=(197,))
    for layer in range(12):
        at = f"layer{layer}"
        normed = net.apply(f"{at}.norm1", x)
        x = net.add(f"{at}.add1", x, _attention(net, f"{at}.self", normed, normed, 12))
        x = net.add(f"{at}.add2", x, _feed_forward(net, at, net.apply(f"{at}.norm2", x), 3072))
    net.dense("head", net.op("class", net.apply("norm", x), channels=768, extents=(1,)), 1000)


def _attention(net: Net, at: str, x: Map, memory: Map, heads: int) -> Map:
    """Queries of one sequence on keys and values of another."""
    width, rows, keys = x.channels, x.extents[0], memory.extents[0]
    q = net.dense(f"{at}.q", x, width)
    k, v = net.dense(f"{at}.k", memory, width), net.dense(f"{at}.v", memory, width)
    scores = net.op(f"{at}.scores", q, k, channels=heads, extents=(rows, keys))
    probs = net.apply(f"{at}.softmax", scores)
    mixed = net.op(f"{at}.values", probs, v, channels=width, extents=(rows,))
    return net.dense(f"{at}.proj", mixed, width)


def _feed_forward(net: Net, at: str, x: Map, wide: int) -> Map:
    return net.dense(f"{at}.down", net.dense(f"{at}.up", x, wide), x.channels)


def _summed(net: Net, at: str, x: Map, y: Map) -> Map:
    return net.apply(f"{at}.norm", net.add(at, x, y))
