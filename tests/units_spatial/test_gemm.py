"""Matrix products: are published linear layers met, and does every order move and compute what it says?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.gemm import Gemm, plan, steady, tile_extents
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan
from tests.units_spatial.onepass_cases import CI, LAYERS, MODELS, PJ, energy, machine, machines, reference

ROWS = [
    (name, *point, values) for name in ("flat", "fusemax") for point, values in reference("linear_layers", name).items()
]
GEMMS = st.builds(Gemm, st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(1, 3), st.booleans())


def layers(model: str, length: int) -> list[Gemm]:
    """Q, K, V, output projection and the two of the feed-forward network."""
    heads, head = MODELS[model]
    width, hidden = LAYERS[model]
    shapes = [(heads * head, width)] * 3 + [(width, heads * head), (hidden, width), (width, hidden)]
    return [Gemm(64 * length, n, k) for n, k in shapes]


@pytest.mark.parametrize(("name", "model", "length", "values"), ROWS, ids=lambda part: str(part)[:20])
def test_published_linear_layers(name: str, model: str, length: int, values: dict[str, float]) -> None:
    arrays = machine(name)
    runs = [steady(gemm, arrays, plan(gemm, arrays)) for gemm in layers(model, length)]
    assert float(sum(run.seconds for run in runs)) == pytest.approx(values["latency"], rel=1e-12)
    moved = float(sum(run.read + run.written for run in runs))
    if model == "XLM":  # the artifact's mapper moves more than is needed
        assert 0.7 < moved / values["dram_traffic"] < 0.85
    else:
        assert moved == pytest.approx(values["dram_traffic"], rel=1e-12)
    ours = sum(energy(run, 32 if name == "flat" else 16, 6 * PJ["mac"]) for run in runs)
    assert ours == pytest.approx(values["energy"], rel=3e-3 if model == "XLM" else 2e-5)


def loads(gemm: Gemm, arrays: SpatialArrays, order: Plan) -> tuple[Counter[str], int]:
    """Words from DRAM by operand and the most words in the buffer, by walking through one instance loop by loop."""
    m, n = tile_extents(gemm, arrays)
    rows = [range(at, min(at + m, gemm.m)) for at in range(0, gemm.m, m)]
    cols = [range(at, min(at + n, gemm.n)) for at in range(0, gemm.n, n)]
    chunks = [range(at, min(at + order.number("chunk"), gemm.k)) for at in range(0, gemm.k, order.number("chunk"))]
    high, wide = order.number("m_tiles"), order.number("n_tiles")
    heights = [rows[at : at + high] for at in range(0, len(rows), high)]
    widths = [cols[at : at + wide] for at in range(0, len(cols), wide)]
    moved: Counter[str] = Counter()
    done: Counter[tuple[int, int]] = Counter()
    most = 0
    for outer in widths if order.choices["kept"] == "b" else heights:
        for index, inner in enumerate(heights if order.choices["kept"] == "b" else widths):
            tall, broad = (inner, outer) if order.choices["kept"] == "b" else (outer, inner)
            sums = sum(len(r) * len(c) for r in tall for c in broad) if len(chunks) > 1 and high * wide > 1 else 0
            for chunk in chunks:
                a, b = (sum(map(len, part)) * len(chunk) for part in (tall, broad))
                moved["a"] += 0 if order.choices["kept"] == "a" and index else a
                moved["b"] += 0 if order.choices["kept"] == "b" and index else b
                most = max(most, a + b + sums)
                for r in tall:
                    for c in broad:
                        done.update({(i, j): len(chunk) for i in r for j in c})
    assert set(done.values()) == {gemm.k}
    assert len(done) == gemm.m * gemm.n
    return moved, most


@CI
@given(GEMMS, st.data())
def test_the_order_moves_what_it_says_and_fits(gemm: Gemm, data: st.DataObject) -> None:
    arrays = replace(data.draw(machines()), copies=1, buffer_bytes=2 * data.draw(st.integers(24, 3000)))
    order = plan(gemm, arrays)
    moved, most = loads(gemm, arrays, order)
    assert most <= arrays.buffer_bytes // arrays.word_bytes
    bias = gemm.n if gemm.bias else 0
    run = steady(gemm, arrays, order)
    assert run.read == gemm.instances * (moved.total() + bias) * arrays.word_bytes
    assert run.written == gemm.instances * gemm.m * gemm.n * arrays.word_bytes
    assert run.read + run.written >= gemm.compulsory_words * arrays.word_bytes


@CI
@given(GEMMS, st.data(), st.integers(0, 3000))
def test_a_larger_buffer_is_never_slower(gemm: Gemm, data: st.DataObject, more: int) -> None:
    small = replace(data.draw(machines()), buffer_bytes=2 * data.draw(st.integers(24, 3000)))
    large = replace(small, buffer_bytes=small.buffer_bytes + 2 * more)
    assert steady(gemm, large, plan(gemm, large)).seconds <= steady(gemm, small, plan(gemm, small)).seconds


@CI
@given(GEMMS, st.data())
def test_peak_is_not_beaten_and_sides_are_alike(gemm: Gemm, data: st.DataObject) -> None:
    arrays = data.draw(machines())
    run = steady(gemm, arrays, plan(gemm, arrays))
    assert run.busy[ARRAY] * arrays.rows * arrays.cols * arrays.copies >= gemm.macs
    assert run.counts[ARRAY]["mac"] == gemm.macs
    assert run.busy[VECTOR] * arrays.lanes * arrays.copies >= run.counts[VECTOR].get("add", 0)
    assert run.cycles == max(run.busy.values())
    turned = replace(gemm, m=gemm.n, n=gemm.m, bias=False)
    straight = replace(gemm, bias=False)
    one, other = (steady(g, arrays, plan(g, arrays)) for g in (straight, turned))
    assert (one.seconds, one.read) == (other.seconds, other.read)


def test_sums_wait_in_the_buffer_only_where_that_is_faster() -> None:
    """A product that the arrays bound keeps whole reductions; over a slow DRAM, blocks of sums move less."""
    gemm, slow = Gemm(2048, 2048, 8192), machine(buffer=4 << 20)
    fast = replace(slow, bandwidth=slow.bandwidth * 4)
    whole, blocks = plan(gemm, fast), plan(gemm, slow)
    assert (whole.number("m_tiles"), whole.number("n_tiles")) == (1, 1)
    assert blocks.number("m_tiles") * blocks.number("n_tiles") > 1
    assert steady(gemm, slow, blocks).seconds < steady(gemm, slow, whole).seconds
    assert steady(gemm, fast, blocks).seconds == steady(gemm, fast, whole).seconds
    assert (
        steady(gemm, fast, blocks).counts[ARRAY]["buffer_read"] > steady(gemm, fast, whole).counts[ARRAY]["buffer_read"]
    )


@CI
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 300))
def test_cycles_of_full_tiles(m: int, n: int, k: int) -> None:
    arrays = machine(side=16)
    run = steady(Gemm(16 * m, 16 * n, k), arrays, plan(Gemm(16 * m, 16 * n, k), arrays))
    assert run.cycles == m * n * k
    assert run.seconds == max(Fraction(m * n * k, arrays.clock), (run.read + run.written) / arrays.bandwidth)


def test_copies_split_the_tiles_and_read_their_own_panels() -> None:
    gemm = Gemm(4096, 512, 512)
    one, four = (machine(copies=copies) for copies in (1, 4))
    alone, shared = (steady(gemm, arrays, plan(gemm, arrays)) for arrays in (one, four))
    assert shared.cycles * 4 == alone.cycles
    weights, inputs = 2 * 512 * 512, 2 * 4096 * 512
    assert alone.read == weights + inputs
    assert shared.read == min(4 * weights + inputs, weights + 2 * inputs)


def test_what_cannot_run() -> None:
    gemm = Gemm(64, 64, 64, name="ffn")
    with pytest.raises(BadInput, match="einsum ffn needs mac"):
        plan(gemm, replace(machine(), array_cycles={"add": 1}))
    with pytest.raises(BadInput, match=r"ffn\.bias needs add"):
        plan(replace(gemm, bias=True), replace(machine(), vector_cycles={}))
    assert plan(gemm, machine(buffer=2 * 128)).choices["kept"] == "c"
    with pytest.raises(Infeasible, match="needs 64 words for A and 64 words for B; has 127"):
        plan(gemm, machine(buffer=2 * 127))
    with pytest.raises(BadInput, match="all >= 1"):
        Gemm(0, 1, 1)
