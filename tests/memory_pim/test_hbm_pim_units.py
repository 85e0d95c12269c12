"""Kernels of HBM-PIM compute what they say: the steps that are timed, carried out on data, beside numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.memory.pim.hbm_pim_isa import CAPACITY, Crf, Instruction, Op, Operand, elementwise_crf, gemv_crf
from archsim.memory.pim.hbm_pim_kernels import (
    COLUMNS,
    EVEN,
    LANES,
    ODD,
    OPERATIONS,
    REGISTER_ROW,
    START,
    Kernel,
    Step,
    elementwise_kernel,
    gemv_kernel,
)
from archsim.memory.pim.hbm_pim_units import (
    Units,
    elementwise_result,
    gemv_result,
    lay_matrix,
    lay_vectors,
)

SEEDS = st.integers(0, 1 << 30)
EXIT = Instruction(Op.EXIT)
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "mul": np.multiply,
    "relu": lambda one: np.maximum(one, np.float16(0)),
}


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(1, 600), st.integers(1, 3), SEEDS)
def test_gemv_of_whole_numbers_is_exact(out: int, inp: int, channels: int, seed: int) -> None:
    """Small whole numbers add up without rounding in fp16, so every layout or stepping mistake shows."""
    rng = np.random.default_rng(seed)
    matrix, vector = (rng.integers(-2, 3, shape).astype(np.float16) for shape in ((out, inp), (inp,)))
    kernel, results = gemv_kernel(out, inp, channels), []
    for channel in range(channels):
        banks = lay_matrix(matrix, channel, channels)
        Units(banks, vector).run(kernel)
        results.append(gemv_result(banks, out, inp, channels))
    found = np.stack(results, axis=1).reshape(-1)
    assert np.array_equal(found[:out], matrix.astype(np.float32) @ vector.astype(np.float32))
    assert not found[out:].any()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 64), st.integers(1, 600), SEEDS)
def test_gemv_rounds_to_fp16_at_every_step(out: int, inp: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, vector = (rng.standard_normal(shape).astype(np.float16) for shape in ((out, inp), (inp,)))
    banks = lay_matrix(matrix, 0, 1)
    Units(banks, vector).run(gemv_kernel(out, inp, 1))
    tiles = -(-inp // 128)
    products = np.zeros((out, tiles * 128), np.float16)
    products[:, :inp] = matrix * vector
    by_column = products.reshape(out, tiles, 8, LANES)
    sums = np.zeros((out, LANES), np.float16)
    for tile in (*range(0, tiles, 2), *range(1, tiles, 2)):
        for column in range(8):
            sums = by_column[:, tile, column] + sums
    assert np.array_equal(gemv_result(banks, out, inp, 1)[0, :out], sums.astype(np.float32).sum(axis=-1))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(OPERATIONS), st.integers(1, 20_000), SEEDS)
def test_elementwise_operations_are_numpys(op: str, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = [rng.standard_normal(n).astype(np.float16) for _ in range(1 if op == "relu" else 2)]
    banks = lay_vectors(op, vectors)
    Units(banks).run(elementwise_kernel(op, n, 1))
    assert np.array_equal(elementwise_result(banks, op, n), ELEMENTWISE[op](*vectors))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_the_steps_of_a_program_are_counted_by_its_kernel(in_tiles: int, tiles: int) -> None:
    assert sum(1 for _ in gemv_crf(in_tiles).walk()) == 64 * in_tiles + 8
    assert sum(1 for _ in elementwise_crf("mul", tiles).walk()) == 48 * tiles
    assert sum(1 for _ in elementwise_crf("relu", tiles).walk()) == 32 * tiles


def test_scalars_moves_and_nested_jumps() -> None:
    """Multiply and add scalars, clip, move to the bank: max(0, 4 x + 12), in an outer loop with one inside."""
    fill = Instruction(Op.FILL, Operand.A, (Operand.EVEN,))
    mad = Instruction(Op.MAD, Operand.B, (Operand.A, Operand.M, Operand.S), numbers=(2, 1, 4, 4))
    move = Instruction(Op.MOV, Operand.EVEN, (Operand.B,), relu=True, numbers=(0, 2, 0, 0))
    inner = Instruction(Op.JUMP, count=1)
    skip = Instruction(Op.NOP)
    crf = Crf((fill, skip, inner, mad, move, Instruction(Op.JUMP, count=1, back=5), EXIT))
    assert [one.op for one in crf.walk()] == ([Op.FILL] * 8 + [Op.NOP] * 2 + [Op.MAD, Op.MOV]) * 2
    turn = [Step("RDH", EVEN, 0), Step("WRH", EVEN, 1, 0, 2), Step("RDH", EVEN, 0, 1, 1), Step("WRH", EVEN, 0, 1, 1)]
    start, stop = (Step("CTRL", EVEN, REGISTER_ROW, 0, 1, operand) for operand in (START, 0))
    banks = np.random.default_rng(7).standard_normal((16, 2, COLUMNS, LANES)).astype(np.float16)
    before = banks.copy()
    scalars = np.arange(16, dtype=np.float16)
    Units(banks, scalars=scalars).run(Kernel(crf, (Step("WRSRF", EVEN, REGISTER_ROW, 1, 1), start, *turn, *turn, stop)))
    expected = before[0::2, 0, 1].copy()
    for _ in range(2):
        expected = np.maximum(expected * np.float16(4) + np.float16(12), np.float16(0))
    assert np.array_equal(banks[0::2, 0, 1], expected)
    assert np.array_equal(banks[1::2], before[1::2])


def tampered(change: Callable[[tuple[Step, ...]], tuple[Step, ...]]) -> None:
    kernel = elementwise_kernel("add", 2048, 1)
    ones = np.ones(2048, np.float16)
    Units(lay_vectors("add", [ones, ones])).run(replace(kernel, steps=change(kernel.steps)))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda s: s[1:], "while the units stand still"),
        (lambda s: (*s[:-2], s[-1]), "wants 8 more columns"),
        (lambda s: (*s[:-1], s[-2], s[-1]), "after the program's EXIT"),
        (lambda s: (s[0], replace(s[1], half=ODD), *s[2:]), "a read of the odd bank"),
        (lambda s: (s[0], s[3], *s[1:]), "a write of the even bank"),
        (lambda s: s[:-1], "never stopped"),
    ],
)
def test_steps_that_do_not_fit_the_program_are_refused(change: Any, wrong: str) -> None:
    with pytest.raises(BadInput, match=wrong):
        tampered(change)


@pytest.mark.parametrize(
    ("instructions", "wrong"),
    [
        ((), "a program of 0"),
        ((Instruction(Op.NOP),), "a program of 1"),
        ((Instruction(Op.NOP),) * CAPACITY + (EXIT,), "a program of 33"),
        ((EXIT, EXIT), "a program of 2"),
        ((Instruction(Op.JUMP, count=1), EXIT), "goes back 1"),
        ((Instruction(Op.NOP), Instruction(Op.JUMP, count=1 << 17), EXIT), "131072 times"),
        ((Instruction(Op.NOP, count=1 << 11), EXIT), "stays 2048"),
        ((Instruction(Op.ADD, Operand.A, (Operand.A,)), EXIT), "1 sources"),
        ((Instruction(Op.ADD, Operand.A, (Operand.EVEN, Operand.ODD)), EXIT), "even bank, odd bank"),
        ((Instruction(Op.MOV, Operand.M, (Operand.A,)), EXIT), "SRF_M from GRF_A"),
        ((Instruction(Op.MOV, Operand.A, (Operand.B,), numbers=(8, 0, 0, 0)), EXIT), "registers"),
    ],
)
def test_programs_that_no_unit_can_carry_out(instructions: tuple[Instruction, ...], wrong: str) -> None:
    with pytest.raises(BadInput, match=wrong):
        Crf(instructions)
