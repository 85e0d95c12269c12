"""A systolic array of multiply-accumulators with a buffer, a memory port and a vector lane beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import PositiveInt

from archsim.core.quantities import Bandwidth, Bytes, Energy, Frequency
from archsim.ir.component import Component, Cost, MainMemory, OpCall
from archsim.ir.sourced import sourced

HOROWITZ = "Horowitz, ISSCC 2014, 45 nm at 0.9 V"
ARCHSIM = "a mid-size NPU, to be set by the user"

PASSES: Mapping[str, int] = {
    "softmax": 3,  # largest score; exponentials and their sum; division
    "layernorm": 3,  # mean; variance; normalisation
    "rmsnorm": 2,  # mean square; normalisation
    "rope": 2,  # two products per element
    "kv_append": 0,  # only moved
    "embedding": 0,
    "copy": 0,
}
"""Times the vector lane goes over each element, by op kind; one where a kind is not named."""


class Dataflow(StrEnum):
    """Which operand stays in the array while the others stream through it."""

    OS = "os"
    WS = "ws"
    IS = "is"


@dataclass(frozen=True, slots=True)
class Gemm:
    """`count` equal matrix products: `m` rows times `k` reduction times `n` columns, and the bytes of one of them."""

    count: int
    m: int
    n: int
    k: int
    input_bytes: int
    weight_bytes: int
    output_bytes: int

    def flipped(self) -> Gemm:
        """The transposed product, in which input and weights change places."""
        return Gemm(self.count, self.n, self.m, self.k, self.weight_bytes, self.input_bytes, self.output_bytes)


class Systolic(Component, kind="systolic"):
    """A rows x cols array behind a double-buffered scratchpad and one memory port; a vector lane does the rest."""

    clock: Frequency = sourced(Frequency("1 GHz"), ARCHSIM, "assumed")
    """Clock of array, vector lane and memory port."""
    rows: PositiveInt = sourced(128, ARCHSIM, "assumed")
    """Rows of multiply-accumulators: the reduction (ws, is) or the output rows (os) that are in flight."""
    cols: PositiveInt = sourced(128, ARCHSIM, "assumed")
    """Columns of multiply-accumulators."""
    dataflow: Dataflow = sourced(Dataflow.WS, ARCHSIM, "assumed")
    """What stays in the array: outputs (os), weights (ws) or inputs (is)."""
    vector_lanes: PositiveInt = sourced(128, ARCHSIM, "assumed")
    """Elements per cycle of the vector lane, which executes everything that is not a matrix product."""
    buffer: Bytes = sourced(Bytes("16 MiB"), ARCHSIM, "assumed")
    """Scratchpad; an operand that fits in half of it (the other half is being filled) is fetched from memory once."""
    bandwidth: Bandwidth = sourced(Bandwidth("256 GB/s"), "one HBM2 stack: 1024 pins x 2 Gb/s", "stated")
    """Rate of the memory port, reads and writes together."""
    memory_size: Bytes | None = sourced(None, ARCHSIM, "assumed", gt=0)
    """Capacity of the memory, which weights and cache have to fit; null for no limit."""
    mac_energy: Energy = sourced(Energy("1.5 pJ"), f"{HOROWITZ}: fp16 multiply 1.1 pJ + add 0.4 pJ", "stated")
    """Energy of one multiply-accumulate."""
    vector_energy: Energy = sourced(Energy("0.4 pJ"), f"{HOROWITZ}: fp16 add", "stated")
    """Energy of one element in one pass of the vector lane."""
    buffer_energy: Energy = sourced(Energy("12.5 pJ"), f"{HOROWITZ}: 100 pJ per 64 bit of a 1 MB SRAM", "stated")
    """Energy per byte to or from the scratchpad."""
    memory_energy: Energy = sourced(Energy("31.2 pJ"), "HBM2, 3.9 pJ/bit: O'Connor et al., MICRO 2017", "stated")
    """Energy per byte to or from memory."""

    def cost(self, op: OpCall) -> Cost:
        """The slower of computing and moving: the next tile is fetched while this one is computed."""
        gemm = as_gemm(op)
        if gemm is None:
            work = vector_work(op)
            busy = -(-work // self.vector_lanes)
            read, written = op.bytes_in - op.held_in - op.held_stored, op.bytes_out - op.held_out
            energy = work * self.vector_energy + (op.bytes_in + op.bytes_out) * self.buffer_energy
        else:
            busy = gemm.count * array_cycles(self.dataflow, self.rows, self.cols, m=gemm.m, n=gemm.n, k=gemm.k)
            read, written = (gemm.count * amount for amount in self.fetched(unheld(gemm, op), op.room))
            energy = op.macs * self.mac_energy + gemm.count * self.streamed(gemm) * self.buffer_energy
        moving = -(-(read + written) * self.clock // self.bandwidth)
        energy += (read + written) * self.memory_energy
        return Cost(max(busy, moving), energy / 1000, bytes_read=read, bytes_written=written)

    def floor(self, op: OpCall) -> int:
        """Every multiplier or lane in every cycle, and weights and cache at the full rate of the port."""
        if as_gemm(op) is None:
            busy = -(-visible_work(op) // self.vector_lanes)
        else:
            busy = -(-op.macs // (self.rows * self.cols))
        return max(busy, -(-(op.bytes_stored - op.held_stored) * self.clock // self.bandwidth))

    def streamed(self, gemm: Gemm) -> int:
        """Bytes between scratchpad and array for one product (the SRAM access counts of SCALE-Sim v3, in bytes)."""
        if self.dataflow is Dataflow.OS:
            inputs, weights = _folds(gemm.n, self.cols), _folds(gemm.m, self.rows)
            return gemm.input_bytes * inputs + gemm.weight_bytes * weights + gemm.output_bytes
        held = gemm if self.dataflow is Dataflow.WS else gemm.flipped()
        reduction = _folds(held.k, self.rows)
        return held.input_bytes * _folds(held.n, self.cols) + held.weight_bytes + held.output_bytes * reduction

    @property
    def holds(self) -> int:
        """The scratchpad; what is held leaves less of it to tiles."""
        return self.buffer

    @property
    def stores(self) -> MainMemory | None:
        """The memory, where it has a size."""
        return None if self.memory_size is None else MainMemory("memory_size", int(self.memory_size))

    def fetched(self, gemm: Gemm, room: int | None = None) -> tuple[int, int]:
        """Memory bytes (read, written) of one product in the better of the two loop orders.

        An operand that the loop order visits again is fetched again, unless what is visited fits in half of the room;
        partial sums that do not stay there are written and read back for every further part of the reduction. The room
        is the whole buffer unless results of other ops are held beside it.
        """
        room = (self.buffer if room is None else room) // 2
        if self.dataflow is Dataflow.OS:
            orders = (_stripes(gemm, self.rows, self.cols, room), _stripes(gemm.flipped(), self.cols, self.rows, room))
        else:
            held = gemm if self.dataflow is Dataflow.WS else gemm.flipped()
            orders = _stationary(held, self.rows, self.cols, room)
        return min(orders, key=sum)


def array_cycles(dataflow: Dataflow, rows: int, cols: int, *, m: int, n: int, k: int) -> int:
    """Cycles of an (m, k) x (k, n) product on a rows x cols array, filling and draining every fold.

    Closed form of SCALE-Sim v3 (github.com/scalesim-project/scale-sim-v3), whose "Total Cycles" is the index of the
    last cycle and so one less: os folds the outputs and streams k; ws holds weights and streams m; is holds inputs
    and streams n, both after a preload of `rows` cycles that nothing overlaps.

    >>> array_cycles(Dataflow.OS, 128, 128, m=128, n=768, k=768)
    6132
    """
    if dataflow is Dataflow.OS:
        return _folds(m, rows) * _folds(n, cols) * (k + rows + cols - 2)
    stream, held = (m, n) if dataflow is Dataflow.WS else (n, m)
    return _folds(k, rows) * _folds(held, cols) * (stream + 2 * rows + cols - 2)


def vector_work(op: OpCall) -> int:
    """Elements that the vector lane goes over, each as often as the op needs it."""
    return op.dims.get("m", 1) * op.dims.get("n", 1) * PASSES.get(op.kind, 1)


def visible_work(op: OpCall) -> int:
    """Elements that no order of the work spares the vector lane.

    A causal mask hides at most what it hides of as many queries as keys: all but the triangle with its diagonal.
    """
    if not op.causal:
        return vector_work(op)
    keys = op.dims["n"]
    return vector_work(op) * (keys + 1) // (2 * keys)


def as_gemm(op: OpCall) -> Gemm | None:
    """The matrix products an op consists of, None where it has none.

    Query heads that share a KV head are stacked into one product. A causal mask saves no cycles: the array computes the
    whole rectangle and the masked scores are dropped.
    """
    d = op.dims
    operands = op.bytes_in - op.bytes_stored
    if op.kind == "matmul":
        return Gemm(1, d["m"], d["n"], d["k"], operands, op.bytes_stored, op.bytes_out)
    if op.kind in ("attention_scores", "attention_values"):
        count = d["b"] * d["kv"]
        n, k = (d["t"], d["d"]) if op.kind == "attention_scores" else (d["d"], d["t"])
        shares = (-(-amount // count) for amount in (operands, op.bytes_stored, op.bytes_out))
        return Gemm(count, d["q"] * (d["h"] // d["kv"]), n, k, *shares)
    return None


def unheld(gemm: Gemm, op: OpCall) -> Gemm:
    """The products with only those bytes that go through memory.

    What is held is in the scratchpad already: it is visited again there, and partial sums grow in place.
    """
    if not op.held_in and not op.held_stored and not op.held_out:
        return gemm
    return replace(
        gemm,
        input_bytes=max(0, gemm.input_bytes - op.held_in // gemm.count),
        weight_bytes=max(0, gemm.weight_bytes - op.held_stored // gemm.count),
        output_bytes=max(0, gemm.output_bytes - op.held_out // gemm.count),
    )


def _folds(size: int, across: int) -> int:
    return -(-size // across)


def _stripes(gemm: Gemm, rows: int, cols: int, room: int) -> tuple[int, int]:
    """Outputs stationary, stripes of `rows` input rows one after the other, all weights passing by each of them."""
    down, across = _folds(gemm.m, rows), _folds(gemm.n, cols)
    inputs = gemm.input_bytes * (1 if _folds(gemm.input_bytes, down) <= room else across)
    weights = gemm.weight_bytes * (1 if gemm.weight_bytes <= room else down)
    return inputs + weights, gemm.output_bytes


def _stationary(gemm: Gemm, rows: int, cols: int, room: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Weights stationary, fetched once: along the reduction first, or along the columns first."""
    parts, across = _folds(gemm.k, rows), _folds(gemm.n, cols)
    spilled = gemm.output_bytes * (parts - 1)

    again = 0 if _folds(gemm.output_bytes, across) <= room else spilled
    inputs = gemm.input_bytes * (1 if gemm.input_bytes <= room else across)
    reduction_first = (inputs + gemm.weight_bytes + again, gemm.output_bytes + again)

    again = 0 if gemm.output_bytes <= room else spilled
    inputs = gemm.input_bytes * (1 if _folds(gemm.input_bytes, parts) <= room else across)
    columns_first = (inputs + gemm.weight_bytes + again, gemm.output_bytes + again)
    return reduction_first, columns_first
