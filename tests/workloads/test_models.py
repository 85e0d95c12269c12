"""Every bundled model is what its source says."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.core.errors import BadInput, UnknownName
from archsim.core.validate import build
from archsim.core.yamlfile import Document
from archsim.workloads import ModelShape, Transformer, load_shape, models
from archsim.workloads.catalog import ALIASES, shape_path

SMALL = {"name": "tiny", "layers": 2, "d_model": 64, "heads": 4, "max_positions": 32, "vocab": 100}

EXACT = {
    "bert-base": 109_482_240,
    "bert-large": 335_141_888,
    "bloom-176b": 176_247_271_424,
    "codellama-34b": 33_743_970_304,
    "gpt2-small": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "mistral-7b": 7_241_732_096,
    "opt-125m": 125_239_296,
    "opt-1.3b": 1_315_758_080,
    "opt-2.7b": 2_651_596_800,
    "opt-6.7b": 6_658_473_984,
    "opt-13b": 12_853_473_280,
    "opt-30b": 29_974_540_288,
    "qwen2-7b": 7_615_616_512,
    "qwen2-72b": 72_706_203_648,
}
"""Tensor elements of the public checkpoints, stated here a second time so that a slip in a YAML file is seen."""


@pytest.mark.parametrize("name", models())
def test_parameters_are_as_published(name: str) -> None:
    shape = load_shape(name)
    published = shape.published_parameters
    assert published is not None
    assert abs(shape.parameters() - published) <= shape.published_tolerance * published
    assert shape.published_tolerance <= 0.02
    assert shape.source


@pytest.mark.parametrize("name", EXACT)
def test_parameters_of_public_checkpoints_are_exact(name: str) -> None:
    assert load_shape(name).parameters() == EXACT[name]


@pytest.mark.parametrize("name", models())
def test_a_file_is_named_after_its_model(name: str) -> None:
    assert load_shape(name).name == name


@pytest.mark.parametrize("name", models())
def test_every_model_expands_to_all_its_parameters(name: str) -> None:
    shape = load_shape(name)
    for phase in ("prefill",) if shape.family == "encoder" else ("prefill", "decode", "generate"):
        graph = build(Transformer, Document({"model": name, "phase": phase})).expand()
        assert graph.parameters == shape.parameters()
        assert graph.macs > 0
        named = {tensor for op, _ in graph.walk() for tensor in (*op.inputs, *op.outputs, op.bias) if tensor}
        assert named == graph.tensors.keys()


def test_gpt3_xl_has_the_layers_that_pim_gpt_counts() -> None:
    """2.1 operations for each of 1.15 B parameters (PIM-GPT, npj Unconventional Computing 2024)."""
    shape = load_shape("gpt3-xl")
    operations = 2 * 12 * shape.layers * shape.d_model**2
    assert operations / 1.15e9 == pytest.approx(2.1, abs=0.05)


def test_names_and_aliases() -> None:
    assert load_shape("gpt2") == load_shape("gpt2-small")
    assert ALIASES.keys().isdisjoint(models())
    assert set(ALIASES.values()) <= set(models())
    assert shape_path("gpt2").name == "gpt2-small.yaml"
    with pytest.raises(UnknownName, match="did you mean 'gpt2-xl'"):
        load_shape("gpt2-xxl")


def test_sizes_left_out_follow_from_the_width() -> None:
    shape = build(ModelShape, Document(dict(SMALL)))
    assert (shape.kv_heads, shape.head_dim, shape.d_ff) == (4, 16, 256)
    wider = shape.vary(d_model=128, heads=2, kv_heads=0, head_dim=0, d_ff=0)
    assert (wider.kv_heads, wider.head_dim, wider.d_ff) == (2, 64, 512)
    assert shape.vary(kv_heads=1, head_dim=8).qkv_columns == (4 + 2) * 8


@pytest.mark.parametrize(
    ("change", "key", "says"),
    [
        ({"kv_heads": 3}, "kv_heads", "4 heads cannot share 3 KV heads evenly\n   kv_heads divides heads: 1, 2, 4"),
        ({"heads": 5}, "head_dim", "d_model 64 does not split into 5 heads"),
        ({"d_model": 60}, "position", "rope rotates pairs of elements, head_dim 15 is odd"),
        ({"spare_positions": 2}, "spare_positions", "position 'rope' has no table"),
        ({"pooler": True}, "pooler", "a decoder ends in its vocabulary head"),
        ({"family": "encoder", "tied": True}, "tied", "an encoder has no vocabulary head to tie"),
        ({"heads": 0}, "heads", "0 is too small"),
        ({"experts": 8}, "experts", "unknown key"),
        ({"activation": "gelo"}, "activation", "did you mean 'gelu'"),
    ],
)
def test_a_wrong_shape_teaches(change: dict[str, object], key: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        build(ModelShape, Document({**SMALL, **change}), label="model")
    text = str(caught.value)
    assert f"model.{key}: " in text
    assert says in text
    assert not caught.value.problems  # the one problem, and nothing that merely follows from it


def test_a_shape_file_may_vary_a_bundled_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("base: gpt2-xl\nname: mine\nlayers: 2\n")
    shape = load_shape(str(file))
    assert (shape.name, shape.layers, shape.d_model) == ("mine", 2, 1600)
