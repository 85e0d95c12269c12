"""A mapping survives JSON, and a document that is not one is refused with the place of what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.ir.mapping import After, Choice, Loop, Mapping, Node, Placement, Range, Task

names = st.text(min_size=1, max_size=4)
sizes = st.builds(
    lambda base, terms: Affine(base, tuple(sorted((n, c) for n, c in terms.items() if c))),
    st.integers(-9, 99),
    st.dictionaries(st.sampled_from(["token", "layer", "b"]), st.integers(-3, 3), max_size=2),
)
tasks = st.builds(
    Task,
    names,
    names,
    names,
    names,
    st.dictionaries(names, sizes, max_size=3),
    st.dictionaries(names, st.builds(Range, sizes, sizes), max_size=2),
    st.lists(names, max_size=2).map(tuple),
    st.lists(names, max_size=2).map(tuple),
    st.lists(st.builds(After, names, st.integers(0, 4)), max_size=2).map(tuple),
    st.text(max_size=5),
)


def bodies(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[tuple[Node, ...]]:
    return st.lists(nodes, min_size=1, max_size=2).map(tuple)


nodes: st.SearchStrategy[Node] = st.recursive(
    tasks, lambda inner: st.builds(Loop, names, st.integers(0, 9), bodies(inner)), max_leaves=4
)
places = st.builds(
    Placement,
    names,
    names,
    st.integers(0, 1 << 50),
    st.integers(0, 1 << 40),
    st.dictionaries(names, st.integers(0, 99), max_size=2),
    st.one_of(st.just(()), st.tuples(names, names)),
)
number = st.floats(0, 1e15)
options = st.dictionaries(names, st.one_of(st.booleans(), st.integers(), st.text(max_size=3)), max_size=2)
mappings = st.builds(
    Mapping,
    names,
    names,
    bodies(nodes),
    st.lists(places, max_size=2).map(tuple),
    st.dictionaries(names, st.integers(0, 1 << 50), max_size=2),
    st.builds(Choice, names, names, number, number, options),
    st.lists(st.text(max_size=4), max_size=2).map(tuple),
)


@given(mappings)
def test_every_mapping_reads_back_equal(mapping: Mapping) -> None:
    text = json.dumps(mapping.to_json())
    again = Mapping.from_json(json.loads(text))
    assert again == mapping
    assert json.dumps(again.to_json()) == text


def paths(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*at, index))


@settings(max_examples=300)
@given(mappings, st.data())
def test_a_damaged_document_is_refused_or_read_but_never_crashes(mapping: Mapping, data: st.DataObject) -> None:
    """A value dropped, or replaced by one of another type, anywhere."""
    document = copy.deepcopy(mapping.to_json())
    *way, last = data.draw(st.sampled_from(list(paths(document))))
    holder: Any = document
    for step in way:
        holder = holder[step]
    damage: Any = data.draw(st.sampled_from([None, True, -1, 1.5, "x", [], {}, [1], {"x": []}]))
    if data.draw(st.booleans()):
        del holder[last]
    else:
        holder[last] = damage
    try:
        read = Mapping.from_json(document)
    except BadInput as error:
        assert error.where.startswith("mapping")  # noqa: PT017 (not every damage is refused)
    else:
        assert isinstance(read, Mapping)
        assert Mapping.from_json(json.loads(json.dumps(read.to_json()))) == read


@pytest.mark.parametrize("document", [None, [], "mapping", {}, {"schema": "archsim.mapping/0"}, {"schema": 1}])
def test_what_is_no_mapping_at_all_is_refused(document: Any) -> None:
    with pytest.raises(BadInput, match="mapping"):
        Mapping.from_json(document)
