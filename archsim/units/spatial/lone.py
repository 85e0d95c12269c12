"""Ops outside fused attentions in steady state: products on the 2D array, everything else on the 1D array."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.ir.capability import SpatialArrays
from archsim.ir.graph import Op
from archsim.units.spatial import gemm, vector_ops
from archsim.units.spatial.problem import Plan, Steady


def as_gemm(op: Op, extents: Mapping[str, int]) -> gemm.Gemm | None:
    """The op as products of matrices, or None; query heads that share a KV head are rows of one product."""
    d = extents
    if op.kind == "matmul":
        return gemm.Gemm(d["m"], d["n"], d["k"], bias=bool(op.bias), name=op.name)
    rows = d["q"] * d["h"] // d["kv"] if op.kind.startswith("attention_") else 0
    if op.kind == "attention_scores":
        return gemm.Gemm(rows, d["t"], d["d"], d["b"] * d["kv"], name=op.name)
    if op.kind == "attention_values":
        return gemm.Gemm(rows, d["d"], d["t"], d["b"] * d["kv"], name=op.name)
    return None


def op_steady(
    op: Op, extents: Mapping[str, int], arrays: SpatialArrays, order: Plan | None = None
) -> tuple[Steady, Plan | None]:
    """One op, its operands from DRAM and its result back there, and the order of its loops where it is a product.

    Parameters
    ----------
    op
        A product, scores or values that nothing fuses, or an op of rows.
    extents
        Its sizes.
    arrays
        The machine.
    order
        How a product goes, as `gemm.plan` answers; None plans it.

    Raises
    ------
    BadInput
        No array does what the op needs.
    """
    product = as_gemm(op, extents)
    if product is None:
        return vector_ops.steady(op.kind, extents["m"], extents["n"], arrays), None
    order = order if order is not None else gemm.plan(product, arrays)
    return gemm.steady(product, arrays, order), order
