"""Are the tables of docs/tiling.md what the code answers today?"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from archsim.core.marked import marked
from archsim.mappers.tiling import EDGE

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "tiling.md"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = spec_from_file_location("make_tiling", DOCS / "make_tiling.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["make_tiling"] = module
    spec.loader.exec_module(module)
    return module


def table(marker: str) -> list[str]:
    return marked(PAGE.read_text(), marker).splitlines()


@pytest.mark.parametrize(("model", "tokens"), [("llama-2-7b", 128), ("gpt2-xl", 1)])
def test_rows_of_products_are_current(maker: ModuleType, model: str, tokens: int) -> None:
    rows = table("edge")
    for name, gemm in maker.gemms(model, tokens):
        assert maker.row(model, name, gemm, EDGE) in rows


def test_the_fusion_table_is_current(maker: ModuleType) -> None:
    assert maker.fusions() == table("fusion")


def test_every_model_and_length_is_there(maker: ModuleType) -> None:
    expected = 2 + sum(1 for model in maker.MODELS for tokens in maker.TOKENS for _ in maker.gemms(model, tokens))
    assert len(table("edge")) == len(table("server")) == expected
