"""Merging is pure, and `--set` is the same merge with its own place in errors."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.core.merge import apply_sets, deep_merge, dotted, parse_set
from archsim.core.yamlfile import Document, Marks

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
keys = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
documents = st.dictionaries(keys, values, max_size=3)


@given(documents)
def test_empty_changes_nothing(document: dict[str, object]) -> None:
    assert deep_merge(document, {}) == document
    assert deep_merge({}, document) == document
    assert deep_merge(document, document) == document


@given(documents, documents)
def test_the_top_document_is_always_visible(base: dict[str, object], over: dict[str, object]) -> None:
    merged = deep_merge(base, over)
    assert deep_merge(merged, over) == merged
    assert merged.keys() == base.keys() | over.keys()
    for key, value in over.items():
        if not isinstance(value, dict):
            assert merged[key] == value


@given(documents, documents)
def test_inputs_stay_as_they_are(base: dict[str, object], over: dict[str, object]) -> None:
    before = copy.deepcopy((base, over))
    merged = deep_merge(base, over)
    for value in merged.values():  # spoil what was made: nothing of it may be shared
        if isinstance(value, list):
            value.append("spoiled")
        elif isinstance(value, dict):
            value.clear()
    assert (base, over) == before


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("pim.banks=64", ("pim", "banks"), 64),
        ("layers.0.rows=3", ("layers", 0, "rows"), 3),
        ("t_rcd=12 ns", ("t_rcd",), "12 ns"),
        ("ratio=1e-3", ("ratio",), 1e-3),
        ("on=true", ("on",), True),
        ("refresh=off", ("refresh",), "off"),
        ("sizes=[1, 2]", ("sizes",), [1, 2]),
        ("pim={kind: bank_mac, banks: 4}", ("pim",), {"kind": "bank_mac", "banks": 4}),
        ("mapper=null", ("mapper",), None),
        ("name=a=b", ("name",), "a=b"),
        ("workload=gemm:1,2,3", ("workload",), "gemm:1,2,3"),
    ],
)
def test_set_reads_values_as_yaml(text: str, path: tuple[str | int, ...], value: object) -> None:
    assert parse_set(text) == (path, value)


@pytest.mark.parametrize(
    ("text", "what", "right"),
    [
        ("pim.banks", "needs KEY=VALUE", "for example --set pim.banks=64"),
        ("=64", "'' has an empty part", "keys are joined by single dots: pim.banks"),
        ("pim..banks=64", "'pim..banks' has an empty part", "keys are joined by single dots: pim.banks"),
        ("pim.banks=", "no value for 'pim.banks'", "write null for no value, '' for empty text"),
        ("pim.banks=[1", "'[1' is not a YAML value", "put text with special characters in quotes"),
    ],
)
def test_wrong_sets_name_themselves(text: str, what: str, right: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_set(text)
    assert caught.value.where == f"--set {text}"
    assert caught.value.what.startswith(what)
    assert caught.value.right == right


@pytest.fixture
def document() -> Document:
    return Document(
        {"pim": {"banks": 16, "rows": 8}, "layers": [{"rows": 1}, {"rows": 2}], "name": "edge"},
        Marks("edge.yaml", {("pim",): "edge.yaml:1", ("pim", "banks"): "edge.yaml:2", ("layers",): "edge.yaml:4"}),
    )


def test_sets_change_values_and_places(document: Document) -> None:
    changed = apply_sets(document, ["pim.banks=64", "layers.1.rows=5", "new.deep=1", "pim.banks=32"])
    assert changed.data == {
        "pim": {"banks": 32, "rows": 8},
        "layers": [{"rows": 1}, {"rows": 5}],
        "name": "edge",
        "new": {"deep": 1},
    }
    assert changed.marks.where(("pim", "banks")) == "--set pim.banks=32"
    assert changed.marks.where(("pim", "rows")) == "edge.yaml:1"
    assert changed.marks.where(("layers", 1, "rows")) == "--set layers.1.rows=5"
    assert changed.marks.where(("new", "deep")) == "--set new.deep=1"
    assert document.data["pim"] == {"banks": 16, "rows": 8}


def test_a_mapping_merges_and_marks_its_leaves(document: Document) -> None:
    changed = apply_sets(document, ["pim={banks: 4}"])
    assert changed.data["pim"] == {"banks": 4, "rows": 8}
    assert changed.marks.where(("pim", "banks")) == "--set pim={banks: 4}"
    assert changed.marks.where(("pim", "rows")) == "edge.yaml:1"


def test_python_settings_are_the_same_merge(document: Document) -> None:
    changed = apply_sets(document, {"pim.banks": 64, "layers.0.rows": 3})
    assert changed.data["pim"] == {"banks": 64, "rows": 8}
    assert changed.data["layers"] == [{"rows": 3}, {"rows": 2}]
    assert changed.marks.where(("pim", "banks")) == "set={'pim.banks': 64}"


def test_a_single_text_is_one_setting(document: Document) -> None:
    assert apply_sets(document, "pim.banks=64") == apply_sets(document, ["pim.banks=64"])


def test_replacing_a_group_forgets_the_lines_inside(document: Document) -> None:
    changed = apply_sets(document, ["pim=5"])
    assert changed.marks.where(("pim", "banks")) == "--set pim=5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name.banks=3", "--set name.banks=3  name is 'edge', which has no 'banks' inside"),
        ("layers.7.rows=3", "--set layers.7.rows=3  layers has no entry 7"),
        ("layers.first=3", "--set layers.first=3  layers is a list, 'first' is not a position in it"),
        ("pim.banks.deep=1", "--set pim.banks.deep=1  pim.banks is 16, which has no 'deep' inside"),
    ],
)
def test_sets_that_lead_nowhere(document: Document, text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        apply_sets(document, [text])
    assert str(caught.value).startswith(message)


def test_null_is_an_empty_place_to_build_in() -> None:
    assert apply_sets(Document({"pim": None}), ["pim.banks=2"]).data == {"pim": {"banks": 2}}


def test_dotted() -> None:
    assert dotted(("layers", 0, "rows")) == "layers[0].rows"
    assert dotted(()) == ""
