from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

import archsim
from archsim import Report

Generate = Callable[..., Report]


@cache
def _generate(design: str, model: str, sets: tuple[tuple[str, object], ...], tokens: int) -> Report:
    return archsim.run(design, model, phase="generate", prompt=1, generate=tokens, set=dict(sets))


@pytest.fixture(scope="session")
def generate() -> Generate:
    """Report of generating tokens one by one; the same question is simulated once."""

    def run(design: str, model: str, sets: dict[str, object] | None = None, tokens: int = 1024) -> Report:
        return _generate(design, model, tuple(sorted((sets or {}).items())), tokens)

    return run
