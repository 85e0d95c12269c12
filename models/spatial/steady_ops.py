"""Ops outside fused attentions in steady state: products on the 2D array, everything else on the 1D array."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.ir.capability import SpatialArrays
from archsim.ir.graph import Op
from archsim.units.spatial import gemm, vector_ops
from archsim.units.spatial.problem import Plan, Steady


def op_steady(op: Op, env: Mapping[str, int], arrays: SpatialArrays, order: Plan | None) -> Steady:
    """One op for these loop variables, its operands from DRAM and its result back there.

    Parameters
    ----------
    op
        A product, scores or values that nothing fuses, or an op of rows.
    env
        Loop variable -> value.
    arrays
        The machine.
    order
        How a product goes, as `gemm.plan` answers; None plans it.

    Raises
    ------
    BadInput
        No array does what the op needs.
    """
    product = _product(op, op.extents(env))
    if product is None:
        extents = op.extents(env)
        return vector_ops.steady(op.kind, extents["m"], extents["n"], arrays)
    return gemm.steady(product, arrays, order if order is not None else gemm.plan(product, arrays))


def _product(op: Op, d: Mapping[str, int]) -> gemm.Gemm | None:
    """The op as products of matrices, or None; query heads that share a KV head are rows of one product."""
    if op.kind == "matmul":
        return gemm.Gemm(d["m"], d["n"], d["k"], bias=bool(op.bias), name=op.name)
    rows = d["q"] * d["h"] // d["kv"] if op.kind.startswith("attention_") else 0
    if op.kind == "attention_scores":
        return gemm.Gemm(rows, d["t"], d["d"], d["b"] * d["kv"], name=op.name)
    if op.kind == "attention_values":
        return gemm.Gemm(rows, d["d"], d["t"], d["b"] * d["kv"], name=op.name)
    return None
