from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

import archsim
from archsim import Report
from archsim.api.papers.pim_gpt import TOKENS, generated

Generate = Callable[..., Report]


@cache
def _generate(design: str, model: str, sets: tuple[tuple[str, object], ...], tokens: int) -> Report:
    if tokens == TOKENS:
        return generated(design, model, **{key.replace(".", "__"): value for key, value in sets})
    return archsim.run(design, model, phase="generate", prompt=1, generate=tokens, set=dict(sets))


@pytest.fixture(scope="session")
def generate() -> Generate:
    """Report of generating tokens one by one; the same question is simulated once."""

    def run(design: str, model: str, sets: dict[str, object] | None = None, tokens: int = 1024) -> Report:
        return _generate(design, model, tuple(sorted((sets or {}).items())), tokens)

    return run
