"""Does every circuit of `hdl.float` give the bits that numpy gives?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Signal

from archsim.core.errors import BadInput
from archsim.hdl import float as circuits
from archsim.units.cores import softfloat as sf
from tests.rtl.float_cases import Words, corner_pairs, edge_pairs, near_pairs, run, words

SEED = 20


def pairs(count: int) -> tuple[Words, Words]:
    rng = np.random.default_rng(SEED)
    parts = (corner_pairs(), near_pairs(rng, count), edge_pairs(rng, count))
    return np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts])


@pytest.mark.parametrize(("unit", "golden"), [(circuits.Fp32Mul, sf.mul), (circuits.Fp32Add, sf.add)])
def test_products_and_sums_are_those_of_numpy_in_any_number_of_stages(unit: Any, golden: Any) -> None:
    a, b = pairs(700)
    depths = range(len(unit.cuts))

    def build(m: Any, inputs: Any) -> list[Any]:
        made = [unit(stages) for stages in depths]
        for stages, part in enumerate(made):
            m.submodules[f"stages_{stages}"] = part
            m.d.comb += [part.a.eq(inputs[0]), part.b.eq(inputs[1])]
        return [part.o for part in made]

    seen = run(build, (32, 32), (a, b))
    right = sf.to_bits(golden(sf.from_bits(a), sf.from_bits(b))).astype(np.int64)
    for stages in depths:
        np.testing.assert_array_equal(seen[stages:, stages], right[: len(right) - stages], f"{stages} stages")


def test_maximum_widening_and_narrowing_are_those_of_numpy() -> None:
    a, b = pairs(500)

    def build(m: Any, x: Any) -> list[Any]:
        widened, narrowed = circuits.bf16_to_fp32(m, x[0][:16]), circuits.fp32_to_bf16(m, x[0])
        return [circuits.fp32_max(m, x[0], x[1]), widened, narrowed]

    seen = run(build, (32, 32), (a, b))
    left, right = sf.from_bits(a), sf.from_bits(b)
    np.testing.assert_array_equal(seen[:, 0], sf.to_bits(sf.maximum(left, right)))
    np.testing.assert_array_equal(seen[:, 1], sf.to_bits(sf.from_bf16(a & 0xFFFF)))
    np.testing.assert_array_equal(seen[:, 2], sf.to_bf16(left))


@pytest.mark.parametrize("width", [2, 9, 16])
def test_nearest_integers_saturate_and_round_as_in_numpy(width: int) -> None:
    rng = np.random.default_rng(SEED)
    halves = sf.to_bits(np.arange(-600, 600) / 4 * 2.0 ** (width - 9)).astype(np.int64)
    given = np.concatenate([corner_pairs()[1][:21], halves, words(rng, 300), words(rng, 900) & 0x803FFFFF | 0x40000000])
    seen = run(lambda m, x: [circuits.fp32_to_int(m, x[0], width)], (32,), (given,))
    np.testing.assert_array_equal(seen[:, 0], sf.to_int(sf.from_bits(given), width))


def test_integers_become_floats_and_powers_of_two_move_exponents() -> None:
    rng = np.random.default_rng(SEED)
    integers = np.concatenate(
        [np.arange(-300, 300), rng.integers(-(1 << 23), 1 << 23, 600), [-(1 << 23), (1 << 23) - 1]]
    )
    given = np.concatenate([corner_pairs()[0], words(rng, len(integers))])[: len(integers)]
    powers = rng.integers(-256, 256, len(integers))

    def build(m: Any, x: Any) -> list[Any]:
        signed, power = Signal(24, name="signed"), Signal(9, name="power")
        m.d.comb += [signed.eq(x[0]), power.eq(x[2])]
        return [
            circuits.int_to_fp32(m, signed.as_signed(), "signed"),
            circuits.int_to_fp32(m, x[0][:9], "unsigned"),
            circuits.fp32_scale(m, x[1], power.as_signed()),
        ]

    seen = run(build, (24, 32, 9), (integers & 0xFFFFFF, given, powers & 0x1FF))
    np.testing.assert_array_equal(seen[:, 0], sf.to_bits(sf.from_int(integers)))
    np.testing.assert_array_equal(seen[:, 1], sf.to_bits(sf.from_int(integers & 0x1FF)))
    np.testing.assert_array_equal(seen[:, 2], sf.to_bits(sf.scale(sf.from_bits(given), powers)))


def test_parameters_that_no_circuit_has_are_refused() -> None:
    with pytest.raises(BadInput, match="between 0 and 3 stages"):
        circuits.Fp32Mul(4)
    with pytest.raises(BadInput, match="between 2 and 16 bits"):
        circuits.fp32_to_int(None, None, 17)
    with pytest.raises(BadInput, match="at most 24 bits"):
        circuits.int_to_fp32(None, Signal(25))
