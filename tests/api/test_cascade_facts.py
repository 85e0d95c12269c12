"""What `explain` and the schema say about cascades: is it all there, and are its numbers those of the cascade?"""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.api.cascade_facts import OPERATIONS
from archsim.api.catalog import catalog, explain
from archsim.api.schema import schema
from archsim.core.errors import BadInput
from archsim.ir.capability import OPERATORS
from archsim.ir.cascade.file import load_cascade

SIZES = {"B": 2, "H": 4, "KV": 4, "M": 512, "P": 16, "E": 8, "F": 8, "M0": 64}


@pytest.mark.parametrize("name", list(catalog()["cascades"]()))
def test_every_cascade_is_explained(name: str) -> None:
    facts = {fact.name: fact for fact in explain(name)}
    assert {einsum.name for einsum in load_cascade(name).einsums} <= set(facts)
    assert any(fact.startswith("passes over") for fact in facts) or "passes: none" in facts["cascade"].value
    assert all(fact.value and fact.source and fact.confidence for fact in facts.values())


def test_sizes_make_numbers_of_the_operations() -> None:
    facts = {fact.name: fact.value for fact in explain("attention-1-pass", set=SIZES)}
    assert facts["QK"] == f"{2 * 4 * 512 * 16 * 8:,} mac"
    assert facts["PRM"] == f"{2 * 4 * 8 * 16:,} sub, {2 * 4 * 8 * 16:,} exp"
    as_text = explain("attention-1-pass", set=[f"{name}={size}" for name, size in SIZES.items()])
    assert {fact.name: fact.value for fact in as_text} == facts


@pytest.mark.parametrize(("sizes", "said"), [({"M": "x"}, "whole number"), ({"M": 5}, "unknown sizes")])
def test_wrong_sizes_are_refused(sizes: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        explain("attention-1-pass", set=sizes)


def test_machines_that_lack_an_operation_are_named(tmp_path: Path) -> None:
    """No PE takes logarithms; every machine's PEs do attention."""
    path = tmp_path / "lse.yaml"
    path.write_text("kind: cascade\ninputs: ['X[p]']\noutputs: [Y]\neinsums: ['Y[p] = log(X[p])']\n")
    facts = {fact.name: fact.value for fact in explain(str(path))}
    assert facts["spatial arrays that have its operations"] == "none"
    assert "einsum Y: no array supports log over the ranks p" in facts["spatial arrays that lack some"]
    attention = {fact.name: fact.value for fact in explain("attention-1-pass")}
    assert {"fusemax", "flat"} <= set(attention["spatial arrays that have its operations"].split(", "))
    assert set(OPERATIONS) == set(OPERATORS)


def test_the_schema_has_cascades() -> None:
    found = schema()
    assert {"$ref": "#/$defs/cascade"} in found["anyOf"]
    spec = found["$defs"][found["$defs"]["cascade"]["$ref"].rsplit("/", 1)[-1]]
    assert spec["properties"]["kind"]["const"] == "cascade"
    assert spec["properties"]["einsums"]["description"]
    assert {"enum": ["-inf"], "type": "string"} in spec["properties"]["initial"]["additionalProperties"]["anyOf"]
