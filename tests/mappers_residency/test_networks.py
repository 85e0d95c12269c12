"""Networks: are their shapes the published ones, and is the committed table what the code gives?"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from archsim.core.errors import BadInput
from archsim.core.marked import marked
from archsim.workloads.networks import HUMAN, NETWORKS, network, parameters

DOCS = Path(__file__).parents[2] / "docs"

PUBLISHED = {
    # Parameters in torchvision's weights metadata, in millions; they include biases and norms, which we leave out.
    "resnet50": 25.557,
    "densenet121": 7.979,
    "resnext50": 25.029,
    "r2plus1d18": 31.505,
    "s3d": 8.320,
    "lraspp-mobilenetv3": 3.222,
    "vit-b16": 86.568,
    # Without the auxiliary heads: metadata says 35.322 and 42.004 with theirs of 2.364 (1024 x 256 x 9 + 256 x 21 ...).
    "fcn-resnet50": 35.322 - 2.365,
    "deeplabv3-resnet50": 42.004 - 2.365,
    # Base model of 65 M less 37,000 x 512 of the shared vocabulary (Vaswani et al., table 3 and section 5.1) is 46 M.
    "transformer": 44.1,
    # Large variant, without the auxiliary head: Liu et al., 2018, table 5, say 86.1; timm's results-imagenet.csv 86.06.
    "pnasnet-5": 86.06,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_are_as_many_as_published(name: str) -> None:
    assert parameters(name) / 1e6 == pytest.approx(PUBLISHED[name], rel=0.02)
    assert parameters(name) / 1e6 <= PUBLISHED[name]


def test_every_network_of_the_papers_table_has_published_weights() -> None:
    assert HUMAN.keys() <= PUBLISHED.keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_map_is_read_and_weights_are_counted_once(name: str) -> None:
    graph = network(name)
    assert len(graph.stored) == 1  # one output, and nothing is made for nobody
    with_weights = network(name, weights=True)
    assert sum(with_weights.sizes[w] for w in with_weights.weights) == parameters(name)
    assert with_weights.without(with_weights.weights) == graph


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(BadInput, match="did you mean 'resnet50'"):
        network("resnet-50")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_residency", DOCS / "make_residency.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", HUMAN)
def test_the_committed_table_is_current(script: ModuleType, name: str) -> None:
    """All columns but the last, which is a time."""
    human = marked((DOCS / "residency.md").read_text(), "human")
    row = script.row(name)
    committed = next(line for line in human.splitlines() if line.startswith(f"| {name} |"))
    assert tuple(cell.strip() for cell in committed.strip("|").split("|"))[:-1] == row.cells
    assert row.bound == row.ours  # all of these are proved


def test_nothing_moves_at_the_peak_where_arenas_do(script: ModuleType) -> None:
    ours, arenas = script.at_peak("resnet50")
    assert ours == 0
    assert min(arenas) > 0
