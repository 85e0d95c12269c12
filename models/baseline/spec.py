"""A processor as eager PyTorch uses it: one kernel after the other, each held up by its launch or by its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import ceil
from typing import Literal

from pydantic import PositiveInt

from archsim.core.quantities import Bandwidth, Bytes, Frequency, Power, Time
from archsim.core.spec import Spec
from archsim.ir.component import Component, Cost, Design, MainMemory, OpCall
from archsim.ir.footprint import footprint, volume
from archsim.ir.graph import DType
from archsim.ir.report import Fact, Roof
from archsim.ir.sourced import facts_of, sourced

EAGER = "huggingface/transformers 4.x, modeling_gpt2.py and activations.py"
T4 = "NVIDIA T4 data sheet"
CLAIMS = "PIM-GPT abstract (arXiv 2310.09385)"

KERNELS: Mapping[str, int] = {
    "attention_scores": 6,  # product, scale constant, division, mask constant, where, attention mask
    "attention_values": 2,  # product, heads merged into one contiguous tensor
    "kv_append": 2,  # torch.cat of keys and of values
    "gelu": 8,  # 0.5 * x * (1 + tanh(c * (x + 0.044715 * x**3))) term by term
    "rmsnorm": 6,  # to fp32, square, mean, rsqrt of mean + eps, scale, gain
    "rope": 9,  # per half of q and of k: rotate, two products, a sum; one lookup
}
"""Kernels that eager code launches for an op, where that is not one. A GPT-2 layer comes to 27."""


def kernels(kind: str) -> int:
    """Kernels launched for an op of this kind.

    >>> layer = ("layernorm", "matmul", "kv_append", "attention_scores", "softmax", "attention_values", "matmul", "add")
    >>> sum(kernels(kind) for kind in (*layer, "layernorm", "matmul", "gelu", "matmul", "add"))
    27
    """
    return KERNELS.get(kind, 1)


class BaselinePower(Spec):
    """What the processor is taken to draw while it works, by assumption."""

    tdp: Power = sourced(Power("70 W"), T4, "stated")
    """Thermal design power: what it may draw at most over time."""
    abstract_v1: Power = sourced(Power("101 W"), f"{CLAIMS} v1: 339-1085x at 41-137x, and PIM at 12.4 W", "calibrated")
    """Power that the energy claim of PIM-GPT's first version implies, given the PIM power simulated here."""
    abstract_v2: Power = sourced(Power("36 W"), f"{CLAIMS} v2: 123-383x at 41-137x, and PIM at 12.4 W", "calibrated")
    """Power that the energy claim of its second version implies."""


class EagerProcessor(Component, kind="eager_processor"):
    """A GPU or CPU under an eager framework. Defaults are an NVIDIA T4."""

    clock: Frequency = sourced(Frequency("1590 MHz"), f"{T4}: boost clock", "stated")
    """Clock that cycles count; no time depends on it."""
    launch: Time = sourced(
        Time("41 us"), f"{CLAIMS}: 137x is 13 ms for a token of 12 layers, 1.1 ms a layer of 27 kernels", "calibrated"
    )
    """Time from one kernel to the next when neither has work: the host's dispatch and the device's launch."""
    bandwidth: Bandwidth = sourced(Bandwidth("320 GB/s"), T4, "stated")
    """Peak bandwidth of the memory."""
    bandwidth_share: float = sourced(0.7, "a matrix-vector product on a GPU", "assumed", gt=0, le=1)
    """Part of the peak bandwidth that a kernel gets."""
    memory_size: Bytes | None = sourced(Bytes("16 GiB"), T4, "stated", gt=0)
    """Capacity of the memory, which weights and cache have to fit; null for no limit."""
    dtype: DType = sourced(DType.FP32, f"{EAGER}: from_pretrained() loads fp32 unless told otherwise", "stated")
    """Element type in which the framework keeps weights, cache and activations, whatever the workload says."""
    macs: PositiveInt = sourced(4_050_000_000_000, f"{T4}: 8.1 TFLOPS fp32", "stated")
    """Peak multiply-accumulates per second in that type."""
    macs_share: float = sourced(0.5, "a large matrix product on a GPU", "assumed", gt=0, le=1)
    """Part of the peak rate that a large product gets."""
    power_assumption: Literal["tdp", "abstract-v1", "abstract-v2"] = sourced(
        "tdp", "the one figure that its maker states", "assumed"
    )
    """Which of `power` is charged: the thermal design power, or what one of the published energy claims implies."""
    power: BaselinePower = BaselinePower()
    """Watts under each assumption."""

    @property
    def drawn(self) -> Power:
        """Power under the chosen assumption."""
        named = {"tdp": self.power.tdp, "abstract-v1": self.power.abstract_v1, "abstract-v2": self.power.abstract_v2}
        return named[self.power_assumption]

    def cost(self, op: OpCall) -> Cost:
        """The longest of launching, moving and multiplying; power times that."""
        count, size = kernels(op.kind), footprint(op.kind, op.dims)
        # Weights and cache are read once; every kernel of an op reads and writes the op's activations again.
        read, written = (
            n * self.dtype.bits // 8 for n in (size.weights + size.kv + count * size.inputs, count * size.outputs)
        )
        launching = count * int(self.launch) / 1e12
        moving = (read + written) / (self.bandwidth_share * self.bandwidth)
        multiplying = volume(op.kind, op.dims) / (self.macs_share * self.macs)  # a mask is applied after the product
        cycles = ceil(max(launching, moving, multiplying) * self.clock)
        energy_pj = cycles / self.clock * self.drawn * 1e6  # uW x s = 1e6 pJ
        return Cost(cycles, energy_pj, bytes_read=read, bytes_written=written)

    @property
    def stores(self) -> MainMemory | None:
        """The memory, where it has a size, and the type that the framework fills it with."""
        if self.memory_size is None:
            return None
        return MainMemory("memory_size", int(self.memory_size), self.dtype.bits, "dtype")

    def floor(self, op: OpCall) -> int:
        """The chip at its peak rates: no launches, weights and cache once at the full bandwidth."""
        size = footprint(op.kind, op.dims)
        stored = (size.weights + size.kv) * self.dtype.bits // 8
        return max(op.macs * self.clock // self.macs, stored * self.clock // self.bandwidth)


class LaunchBound(Design, kind="launch_bound"):
    """A processor under an eager framework at small batch: what speedups are measured against, not the chip's best."""

    processor: EagerProcessor = EagerProcessor()
    """The processor and the framework's launch cost."""
    sources: Mapping[str, str] = {}
    """Dotted field -> source [confidence], for values that differ from the defaults."""

    @cached_property
    def roof(self) -> Roof:
        """Peak rates of the chip, whatever the framework makes of them."""
        return Roof(float(self.processor.macs), {"processor": float(self.processor.bandwidth)})

    def facts(self) -> tuple[Fact, ...]:
        """Every constant with its source, what is assumed, and what is left out."""
        return (*facts_of(self.processor, self.sources, "processor."), *ASSUMPTIONS)


ASSUMPTIONS = (
    Fact(
        "kernels per op",
        ", ".join(f"{kind} {count}" for kind, count in KERNELS.items()) + ", others 1",
        EAGER,
        "stated",
    ),
    Fact(
        "time of an op",
        "the longest of launching, moving bytes, multiplying; ops one after the other",
        "archsim",
        "assumed",
    ),
    Fact("power", "constant while working", "archsim", "assumed"),
    Fact(
        "not modelled",
        "caches, copying the KV cache to append to it, framework work per token, clocks and throttling",
        "-",
        "stated",
    ),
)
