"""What README.md prints and shows is so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from archsim.api.cascades import cascade_line, cascade_text, is_cascade
from archsim.core.errors import BadInput
from archsim.ir.cascade.file import load_cascade, names
from archsim.ir.cascade.text import rank_lines

README = (Path(__file__).parents[2] / "archsim" / "ir" / "cascade" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["attention-3-pass", "attention-2-pass", "attention-1-pass"])
def test_the_printed_analysis_is_up_to_date(name: str) -> None:
    cascade = load_cascade(name)
    printed = [*map(str, cascade.einsums), "", *rank_lines(cascade, "m")]
    assert f"`{name}`\n\n```\n{chr(10).join(printed)}\n```\n" in README


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    scores = np.random.default_rng(0).normal(size=(3, 300))
    *before, last = example.strip().splitlines()
    scope: dict[str, object] = {"scores": scores}
    exec("\n".join([*before, f"found = {last}"]), scope)
    found = scope["found"]
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[0, 298:] == 0).all()
    assert (found[0, :298] > 0).all()


@pytest.mark.parametrize("name", names())
def test_what_show_prints_is_the_cascade(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    path.write_text(cascade_text(name))
    assert is_cascade(str(path))
    assert load_cascade(path) == load_cascade(name)
    assert cascade_text(str(path)).startswith(path.read_text().rstrip())
    assert cascade_line(path) == cascade_line(name)


def test_show_takes_no_settings_for_a_cascade() -> None:
    with pytest.raises(BadInput, match="has no settings"):
        cascade_text("softmax", ["sizes.M=3"])
