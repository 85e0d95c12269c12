from __future__ import annotations

import pytest

from archsim import OpCall, Report, Workload, load_workload, run
from archsim.models.baseline import EagerProcessor
from archsim.models.baseline.spec import kernels

T4 = EagerProcessor()


def call(kind: str, **dims: int) -> OpCall:
    """An op of these sizes; bytes are what a 16-bit workload would say, and are not looked at."""
    return OpCall(kind, dims, 0, 2, 2, 2)


def seconds(op: OpCall, processor: EagerProcessor = T4) -> float:
    return processor.cost(op).cycles / processor.clock


def generate(design: str, tokens: int, **sets: str) -> Report:
    return run(design, "gpt2-small", phase="generate", prompt=1, generate=tokens, set=sets)


def test_small_ops_take_their_launches() -> None:
    assert seconds(call("add", m=1, n=768)) == pytest.approx(41e-6, rel=1e-4)
    assert seconds(call("gelu", m=1, n=3072)) == pytest.approx(8 * 41e-6, rel=1e-4)


def test_large_vectors_take_their_bytes_in_fp32() -> None:
    expected = 50257 * 1600 * 4 / (0.7 * 320e9)
    assert seconds(call("matmul", m=1, n=50257, k=1600)) == pytest.approx(expected, rel=1e-3)
    half = T4.vary(dtype="fp16")
    assert seconds(call("matmul", m=1, n=50257, k=1600), half) == pytest.approx(expected / 2, rel=1e-3)


def test_every_kernel_of_an_op_goes_over_its_activations() -> None:
    size = 1 << 26
    expected = 8 * 2 * size * 4 / (0.7 * 320e9)
    assert seconds(call("gelu", m=1, n=size)) == pytest.approx(expected)
    cost = T4.cost(call("gelu", m=1, n=size))
    assert (cost.bytes_read, cost.bytes_written) == (8 * 4 * size, 8 * 4 * size)


def test_large_products_take_their_multiplications() -> None:
    expected = 4096**3 / (0.5 * 4.05e12)
    assert seconds(call("matmul", m=4096, n=4096, k=4096)) == pytest.approx(expected, rel=1e-6)


def test_a_gpt2_layer_is_27_kernels_and_1_1_ms() -> None:
    workload: Workload = load_workload("gpt2-small", phase="decode", context=100)
    layer = [op for op, around in workload.expand().walk() if any(loop.var == "layer" for loop in around)]
    assert sum(kernels(op.kind) for op in layer) == 27
    assert 27 * T4.launch == pytest.approx(1.1e9, rel=0.01)


def test_energy_is_power_times_time_even_beyond_what_64_bits_hold_in_femtojoules() -> None:
    report = generate("xeon-6154", 1024)
    assert report.energy.total > 2**63 / 1e15
    assert report.energy.total == pytest.approx(200 * report.seconds, rel=1e-9)
    assert report.energy.total == pytest.approx(sum(op.energy_fj for op in report.ops) / 1e15, rel=1e-12)


def test_the_assumption_about_power_changes_energy_and_nothing_else() -> None:
    tdp = generate("t4", 32)
    claimed = generate("t4", 32, **{"processor.power_assumption": "abstract-v2"})
    assert claimed.total_ps == tdp.total_ps
    assert claimed.energy.total / tdp.energy.total == pytest.approx(36 / 70)


def test_fast_forward_is_exact() -> None:
    fast, slow = (run("t4", "gpt2-small", phase="decode", generate=4, fast_forward=f) for f in (True, False))
    assert fast.total_ps == slow.total_ps
    assert fast.counters == slow.counters
