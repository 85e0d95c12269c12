"""YAML keeps its lines, refuses what would silently mean something else, and merges over its base."""

from pathlib import Path

import pytest

from archsim.core.errors import BadInput
from archsim.core.yamlfile import load_document, parse_scalar

EDGE = """\
# a comment
kind: npu_pim
pim:
  banks: 64
  timing: {t_rcd: 12 ns,
           t_rp: 11 ns}
layers:
  - rows: 1
  - rows: 2
    cols: 3
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("kind",), 2),
        (("pim",), 3),
        (("pim", "banks"), 4),
        (("pim", "timing"), 5),
        (("pim", "timing", "t_rp"), 6),
        (("layers",), 7),
        (("layers", 0), 8),
        (("layers", 1, "cols"), 10),
        (("pim", "missing"), 3),
        (("layers", 1, "missing", "deeper"), 9),
    ],
)
def test_every_value_knows_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert load_document(write("edge.yaml", EDGE)).marks.where(path) == f"edge.yaml:{line}"


def test_a_place_nobody_wrote_is_the_file() -> None:
    marks = load_document(write("edge.yaml", EDGE)).marks
    assert marks.where(()) == marks.where(("absent",)) == "edge.yaml"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("-1.5", -1.5),
        ("64", 64),
        ("1_000", 1000),
        ("0x10", 16),
        ("true", True),
        ("null", None),
        ("~", None),
        ("off", "off"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("010", "010"),
        ("2026-11-22", "2026-11-22"),
        ("12 ns", "12 ns"),
        ("1e", "1e"),
        ("'64'", "64"),
    ],
)
def test_scalars_mean_what_they_look_like(text: str, value: object) -> None:
    read = parse_scalar(text)
    assert read == value
    assert type(read) is type(value)
    assert load_document(write("one.yaml", f"key: {text}\n")).data == {"key": value}


def test_a_key_given_twice_names_both_lines() -> None:
    with pytest.raises(BadInput) as caught:
        load_document(write("edge.yaml", "pim:\n  banks: 1\n  rows: 2\n  banks: 3\n"))
    assert str(caught.value) == (
        "edge.yaml:4  key 'banks' is given twice\n   it is first given on line 2; keep one of the two"
    )


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("a: [1\nb: 2\n", "edge.yaml:2", "while parsing a flow sequence"),
        ("a:\n\tb: 1\n", "edge.yaml:2", "indent with spaces"),
        ("a: b: c\n", "edge.yaml:1", "in quotes"),
        ("a: !!python/object:os.system {}\n", "edge.yaml:1", "only plain values"),
        ("a: *nobody\n", "edge.yaml:1", "undefined alias"),
        ("a: 1\n---\nb: 2\n", "edge.yaml:2", "single document"),
        ("&a a: &b [1, *b]\n", "edge.yaml:1", "an anchor that holds itself"),
        ("- 1\n", "edge.yaml", "holds a list"),
        ("just words\n", "edge.yaml", "holds the text 'just words'"),
        ("", "edge.yaml", "empty"),
    ],
)
def test_broken_files_say_where_and_why(text: str, where: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_document(write("edge.yaml", text))
    assert caught.value.where == where
    assert words in str(caught.value)


def test_unreadable_files_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"absent\.yaml  cannot read: no such file"):
        load_document("absent.yaml")
    with pytest.raises(BadInput, match="cannot read: is a directory"):
        load_document(tmp_path)
    Path("latin.yaml").write_bytes(b"name: na\xefve\n")
    with pytest.raises(BadInput, match="not UTF-8"):
        load_document("latin.yaml")


def test_anchors_are_plain_copies() -> None:
    document = load_document(write("edge.yaml", "a: &x {rows: 1}\nb: *x\n"))
    assert document.data == {"a": {"rows": 1}, "b": {"rows": 1}}


def test_base_is_merged_under_and_keeps_its_own_lines() -> None:
    write("lib/server.yaml", "kind: npu_pim\npim:\n  banks: 16\n  rows: 8\n")
    edge = write("edge.yaml", "base: lib/server.yaml\npim:\n  banks: 4\n")
    document = load_document(edge)
    assert document.data == {"kind": "npu_pim", "pim": {"banks": 4, "rows": 8}}
    assert document.marks.where(("pim", "banks")) == "edge.yaml:3"
    assert document.marks.where(("pim", "rows")) == "lib/server.yaml:4"
    assert document.marks.where(()) == "edge.yaml"


def test_base_goes_through_the_resolver() -> None:
    server = write("lib/server.yaml", "links: 8\n")
    asked: list[tuple[str, Path]] = []

    def resolve(name: str, file: Path) -> Path:
        asked.append((name, file))
        return server

    edge = write("edge.yaml", "base: server\n")
    assert load_document(edge, resolve_base=resolve).data == {"links": 8}
    assert asked == [("server", edge)]


def test_bases_that_lead_back_are_an_error() -> None:
    a = write("a.yaml", "base: b.yaml\n")
    write("b.yaml", "# b\nbase: a.yaml\n")
    with pytest.raises(BadInput) as caught:
        load_document(a)
    assert str(caught.value) == "b.yaml:2  base leads back to itself\n   a.yaml -> b.yaml -> a.yaml"


def test_a_missing_base_is_an_error_of_the_line_that_names_it() -> None:
    edge = write("edge.yaml", "links: 1\nbase: absent.yaml\n")
    with pytest.raises(BadInput) as caught:
        load_document(edge)
    assert caught.value.where == "edge.yaml:2"
    assert "looked for absent.yaml" in caught.value.right
    with pytest.raises(BadInput, match=r"base: 3 is not a name"):
        load_document(write("edge.yaml", "base: 3\n"))


def test_an_error_inside_a_base_names_the_base() -> None:
    write("server.yaml", "a: 1\na: 2\n")
    with pytest.raises(BadInput) as caught:
        load_document(write("edge.yaml", "base: server.yaml\n"))
    assert caught.value.where == "server.yaml:2"
