"""How PIM-GPT answers to its parameters, beside the trends that the paper reports (recalled, low confidence)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from archsim import Report, run

Generate = Callable[..., Report]

MODELS = ("gpt2-small", "gpt2-xl", "gpt3-xl")
CONTROLLER = {"softmax", "gelu", "layernorm", "finish", "add", "argmax", "combine"}


def controller_ps(report: Report) -> int:
    """Critical time of functions in the controller."""
    return sum(ps for cause, ps in report.time_by_cause.items() if cause in CONTROLLER)


def banks_ps(report: Report) -> int:
    """Critical time of columns and row changes."""
    return report.time_by_cause["mac"] + report.time_by_cause["row"]


@pytest.mark.parametrize("model", MODELS)
def test_a_controller_at_a_fifth_of_the_clock(model: str, generate: Generate) -> None:
    """Reported: at most about 20 % slower. Ours: 26 % on gpt3-xl, 42 % on gpt2-xl.

    The reason is the controller's share, 6 to 15 % here and 1.16 % in the paper: nothing of it overlaps with products
    here. Given the share, the slowdown has to be what it is: four times the share more, and refreshes on top.
    """
    fast, slow = generate("pim-gpt", model), generate("pim-gpt", model, {"asic.clock": "200 MHz"})
    expected = 4 * controller_ps(fast) / fast.total_ps / (1 - 455 / 6825)
    slowdown = slow.seconds / fast.seconds - 1
    assert slowdown == pytest.approx(expected, rel=0.12)
    assert slowdown < 0.7


def test_the_largest_model_hides_the_controller_best(generate: Generate) -> None:
    slowdown = {
        model: generate("pim-gpt", model, {"asic.clock": "200 MHz"}).seconds / generate("pim-gpt", model).seconds
        for model in MODELS
    }
    assert slowdown["gpt3-xl"] == min(slowdown.values())
    assert 1.15 < slowdown["gpt3-xl"] < 1.30


@pytest.mark.parametrize("model", MODELS)
def test_pins_at_an_eighth_of_the_rate(model: str, generate: Generate) -> None:
    """Reported: about 1.5 times slower. Ours: 1.25 to 1.45, the results leave while the next columns are multiplied."""
    base = generate("pim-gpt", model).seconds
    times = [generate("pim-gpt", model, {"pim.pin_rate": f"{rate} Gb/s"}).seconds / base for rate in (8, 4, 2)]
    assert times == sorted(times)
    assert 1.2 < times[-1] < 1.5


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("factor", "bound"), [(2, 88 / 56), (4, 88 / 40)])
def test_more_lanes_are_held_up_by_rows(factor: int, bound: float, model: str, generate: Generate) -> None:
    """Reported: sub-linear. A row costs 24 ns however wide the banks are: (64 / g + 24) of 88 ns remain."""
    base, wide = generate("pim-gpt", model), generate("pim-gpt", model, {"pim.lanes": 16 * factor})
    inside = banks_ps(base) / banks_ps(wide)
    assert inside == pytest.approx(bound, rel=0.05)
    assert inside < bound  # partly filled columns and rows
    assert 1 + 0.35 * (bound - 1) < base.seconds / wide.seconds < inside


@pytest.mark.parametrize(("model", "least"), [("gpt2-small", 0.80), ("gpt2-xl", 0.84), ("gpt3-xl", 0.90)])
def test_channels_scale_the_better_the_larger_the_model(model: str, least: float, generate: Generate) -> None:
    """Reported: near-linear until outputs per bank get few. The controller, which does not scale, is the rest."""
    base, twice = generate("pim-gpt", model), generate("pim-gpt", model, {"pim.channels": 16})
    assert least < base.seconds / twice.seconds / 2 < 1
    assert banks_ps(base) / banks_ps(twice) > 1.75
    eight = generate("pim-gpt", model, {"pim.channels": 64})
    assert base.seconds / eight.seconds / 8 < base.seconds / twice.seconds / 2


def test_key_and_value_rows_grow_linearly_with_the_context() -> None:
    """Reported: up to 8k tokens with rows growing linearly."""
    rows: Mapping[int, float] = {
        context: run("pim-gpt-8k", "gpt2-xl", phase="decode", context=context - 1, generate=1).counters["pim"]["actab"]
        for context in (1024, 2048, 4096, 8192)
    }
    per_token = [(rows[2 * n] - rows[n]) / n for n in (1024, 2048, 4096)]
    assert per_token == [pytest.approx(per_token[-1], rel=0.03)] * 3


def test_softmax_not_memory_limits_long_contexts(generate: Generate) -> None:
    """What the paper does not show: at 8192 tokens the controller's softmax takes a fifth of the time."""
    report = generate("pim-gpt-8k", "gpt2-xl", tokens=8192)
    assert 0.18 < report.time_by_cause["softmax"] / report.total_ps < 0.26
    assert report.time_by_cause["softmax"] > report.time_by_cause["row"]
