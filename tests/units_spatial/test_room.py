"""Does an error say what would fit, and is that true?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.graph import DType
from archsim.units.spatial.dataflows import dataflow
from archsim.units.spatial.gemm import Gemm
from archsim.units.spatial.gemm import plan as gemm_plan
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.room import fit_words
from archsim.workloads.single import Operator
from tests.units_spatial.sparse_cases import FUSEMAX

NAMES = ("fusemax", "fusemax-arch", "unfused", "flash1", "flash2", "flat")


@given(st.sampled_from(NAMES), st.integers(1, 300), st.integers(1, 300), st.integers(1, 200), st.sampled_from([4, 32]))
def test_the_buffer_that_an_error_asks_for_is_enough(name: str, queries: int, keys: int, head: int, side: int) -> None:
    problem = Problem(1, 1, 1, queries, keys, head)
    small = replace(FUSEMAX, rows=side, cols=side, lanes=side, ripple=side, line_words=side, buffer_bytes=2)
    einsums = "einsums QK and AV" if name == "flat" else "einsum QK"
    ranks = f"m0=[0-9]+, p0=[0-9]+, e={head}(, f={head})?"
    with pytest.raises(Infeasible, match=f"{einsums}: a tile of {ranks} does not fit") as caught:
        dataflow(name).plan(problem, small)
    kib = int(str(caught.value.tries[0]).split()[3].replace(",", ""))
    assert dataflow(name).plan(problem, replace(small, buffer_bytes=kib * 1024))


def test_a_product_that_does_not_fit_names_its_einsum_and_ranks() -> None:
    with pytest.raises(Infeasible, match=r"einsum ffn: a tile of m=256, n=256, k=1 does not fit") as caught:
        gemm_plan(Gemm(1000, 1000, 1000, name="ffn"), replace(FUSEMAX, buffer_bytes=1022))
    assert caught.value.tries[0] == "a buffer of 1 KiB"
    assert gemm_plan(Gemm(1000, 1000, 1000), replace(FUSEMAX, buffer_bytes=1024))


def _follow(error: BadInput, dtype: DType) -> None:
    """Whatever the error advises is enough."""
    for advice in error.tries:
        what, _, value = advice.removeprefix("--set ").partition("=")
        other = Operator(op="gemm:2,2,2", dtype=DType(value) if what == "workload.dtype" else dtype).expand()
        fit_words(other, replace(FUSEMAX, word_bytes=int(value) // 8) if what == "word" else FUSEMAX)


@pytest.mark.parametrize("dtype", ["bf16", "fp16", "int16", "fp32"])
def test_words_of_eight_bits_are_advised_elements_of_eight(dtype: str) -> None:
    """Not the type that was refused: a float for a float, an integer for an integer."""
    narrow, graph = replace(FUSEMAX, word_bytes=1), Operator(op="gemm:2,2,2", dtype=DType(dtype)).expand()
    with pytest.raises(BadInput) as caught:
        fit_words(graph, narrow)
    assert caught.value.tries[0] == f"--set workload.dtype={'int8' if dtype.startswith('int') else 'fp8'}"


@given(st.sampled_from(list(DType)))
def test_elements_fit_words_or_are_refused(dtype: DType) -> None:
    graph = Operator(op="gemm:2,2,2", dtype=dtype).expand()
    if dtype.bits > 16:
        with pytest.raises(BadInput, match=f"{dtype} elements of {dtype.bits} bits") as caught:
            fit_words(graph, FUSEMAX)
        _follow(caught.value, dtype)
    else:
        assert bool(fit_words(graph, FUSEMAX)) == (dtype.bits < 16)
