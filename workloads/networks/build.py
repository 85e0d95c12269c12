"""Write a network down layer by layer; what comes out is a graph of whole tensors, one byte per element.

A convolution or a matrix product takes the batch norm, bias and activation that follow it with it, so these are no ops
of their own. Sums, concatenations, pools and upsamplings are ops that read and write. Weights are tensors nobody
writes; biases and norm gains are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archsim.core.errors import BadInput
from archsim.ir.tensorgraph import TensorGraph, TensorOp

Extent = int | tuple[int, ...]
"""One number for every spatial dimension, or one for all."""


@dataclass(frozen=True, slots=True)
class Map:
    """A feature map: its tensor, its channels and its extents (height and width; time first where there is one)."""

    name: str
    channels: int
    extents: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return self.channels * prod(self.extents)


class Net:
    """Collects ops and tensors.

    Parameters
    ----------
    name
        Of the graph.
    weights
        Whether weights are tensors that take room like others; without, they are streamed from memory as they are used.
    """

    def __init__(self, name: str, *, weights: bool = False) -> None:
        self.name, self.parameters = name, 0
        self._with_weights = weights
        self._ops: list[TensorOp] = []
        self._sizes: dict[str, int] = {}
        self._weights: set[str] = set()

    def graph(self) -> TensorGraph:
        """The graph written so far."""
        return TensorGraph(self.name, tuple(self._ops), self._sizes, frozenset(self._weights))

    def input(self, channels: int, *extents: int, name: str = "input") -> Map:
        """A tensor that memory has from the start."""
        made = Map(name, channels, extents)
        self._sizes[name] = made.elements
        return made

    def op(self, name: str, *inputs: Map, channels: int, extents: tuple[int, ...], weights: int = 0) -> Map:
        """An op with one output, and the number of elements of its weight tensor."""
        if name in self._sizes:
            raise BadInput(f"two ops are named {name!r}", where=self.name)
        made = Map(name, channels, extents)
        self._sizes[name] = made.elements
        self.parameters += weights
        reads = tuple(m.name for m in inputs)
        if weights and self._with_weights:
            weight = f"{name}.weight"
            self._sizes[weight] = weights
            self._weights.add(weight)
            reads = (*reads, weight)
        self._ops.append(TensorOp(name, reads, (name,)))
        return made

    def conv(
        self,
        name: str,
        x: Map,
        channels: int,
        kernel: Extent,
        stride: Extent = 1,
        *,
        groups: int = 1,
        dilation: int = 1,
    ) -> Map:
        """A convolution, padded so that an odd kernel at stride 1 keeps the extents."""
        taps = _each(kernel, x)
        padding = tuple(dilation * (k - 1) // 2 for k in taps)
        extents = _swept(x, tuple(dilation * (k - 1) + 1 for k in taps), _each(stride, x), padding)
        return self.op(
            name, x, channels=channels, extents=extents, weights=x.channels // groups * channels * prod(taps)
        )

    def pool(self, name: str, x: Map, kernel: Extent, stride: Extent, *, padded: bool = True) -> Map:
        """A pool, padded like a convolution unless told otherwise."""
        taps = _each(kernel, x)
        padding = tuple((k - 1) // 2 if padded else 0 for k in taps)
        return self.op(name, x, channels=x.channels, extents=_swept(x, taps, _each(stride, x), padding))

    def squeeze(self, name: str, x: Map) -> Map:
        """The mean over all extents."""
        return self.op(name, x, channels=x.channels, extents=(1,) * len(x.extents))

    def add(self, name: str, a: Map, b: Map) -> Map:
        """An elementwise op of two maps; one may be a value per channel."""
        large = a if a.elements >= b.elements else b
        if a.channels != b.channels or len(a.extents) != len(b.extents):
            raise BadInput(f"{a} and {b} do not match", where=f"{self.name}, op {name!r}")
        return self.op(name, a, b, channels=large.channels, extents=large.extents)

    def apply(self, name: str, x: Map) -> Map:
        """An elementwise op of one map."""
        return self.op(name, x, channels=x.channels, extents=x.extents)

    def concat(self, name: str, *maps: Map) -> Map:
        """Maps of equal extents put together along the channels."""
        if len({m.extents for m in maps}) != 1:
            raise BadInput("maps of different extents are put together", where=f"{self.name}, op {name!r}")
        return self.op(name, *maps, channels=sum(m.channels for m in maps), extents=maps[0].extents)

    def resize(self, name: str, x: Map, extents: tuple[int, ...]) -> Map:
        """A map with other extents, interpolated."""
        return self.op(name, x, channels=x.channels, extents=extents)

    def dense(self, name: str, x: Map, channels: int) -> Map:
        """A matrix product over all positions, or of a whole small map."""
        return self.op(name, x, channels=channels, extents=x.extents, weights=x.channels * channels)


def _each(value: Extent, x: Map) -> tuple[int, ...]:
    return (value,) * len(x.extents) if isinstance(value, int) else value


def _swept(x: Map, reach: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]) -> tuple[int, ...]:
    """Places at which a window of this reach fits."""
    pairs = zip(x.extents, reach, stride, padding, strict=True)
    return tuple((extent + 2 * pad - size) // step + 1 for extent, size, step, pad in pairs)
