"""Every wrong document is answered with its line, its key, its value, and what would be right."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, ModelWrapValidatorHandler, PositiveInt, model_validator

from archsim.core.describe import describe_field, describe_type
from archsim.core.errors import BadInput, UnknownName
from archsim.core.merge import apply_sets
from archsim.core.quantities import Frequency, Time
from archsim.core.spec import Spec
from archsim.core.validate import build
from archsim.core.yamlfile import Document, KeyPath, Marks, load_document


class Part(Spec):
    """A part that dispatches on its kind, as components do."""

    kind: ClassVar[str] = ""

    @model_validator(mode="wrap")
    @classmethod
    def _dispatch(cls, data: Any, handler: ModelWrapValidatorHandler["Part"]) -> "Part":
        if not isinstance(data, dict) or "kind" not in data:
            return handler(data)
        kinds: dict[str, type[Part]] = {"bank_mac": BankMac, "systolic": Systolic}
        if data["kind"] not in kinds:
            raise UnknownName("component kind", data["kind"], kinds)
        rest = {key: value for key, value in data.items() if key != "kind"}
        target = kinds[data["kind"]]
        return handler(rest) if target is cls else target.model_validate(rest)


class BankMac(Part):
    kind = "bank_mac"

    banks: PositiveInt = 16
    """banks per channel, each with one MAC lane"""
    t_rcd: Time = Time("14 ns")
    """row open to
    column command"""
    policy: Literal["open", "closed"] = "open"

    @model_validator(mode="after")
    def _no_more_than_a_channel_holds(self) -> "BankMac":
        if self.banks > 1024:
            raise ValueError("more banks than a channel has rows for")
        return self


class Systolic(Part):
    kind = "systolic"

    rows: PositiveInt
    """reduction dimension held in place"""
    clock: Annotated[Frequency, Field(le=Frequency("2 GHz"))] = Frequency("1 GHz")
    ratio: float = Field(default=0.5, gt=0, lt=1)


class Machine(Spec):
    pim: Part = BankMac()
    """the memory that computes"""
    npu: Systolic | None = None
    many: tuple[BankMac, ...] = ()
    width: int | Literal["auto"] = "auto"
    """lanes"""
    table: dict[str, Time] = {}
    either: BankMac | str = "none"
    on: bool = True


def problems(text: str, sets: tuple[str, ...] = ()) -> list[str]:
    path = Path("edge.yaml")
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        build(Machine, apply_sets(load_document(path), sets), label="design")
    return [str(problem) for problem in caught.value.problems or (caught.value,)]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


BANKS = "\n   banks (int >= 1, default 16): banks per channel, each with one MAC lane"

CASES = {
    # what was written -> the whole answer
    "pim: {kind: bank_mac, bank: 3}": "edge.yaml:1  design.pim.bank: unknown key, did you mean 'banks'?" + BANKS,
    "pim:\n  kind: bank_mac\n  bank: 3": "edge.yaml:3  design.pim.bank: unknown key, did you mean 'banks'?" + BANKS,
    "banks: 3": "edge.yaml:1  design.banks: unknown key, did you mean 'pim.banks'?" + BANKS,
    "zzz: 3": "edge.yaml:1  design.zzz: unknown key\n   known keys: pim, npu, many, width, table, either, on",
    "pim:\n  kind: bank_mc": (
        "edge.yaml:2  design.pim.kind: unknown component kind 'bank_mc', did you mean 'bank_mac'?"
        "\n   known component kinds: bank_mac, systolic"
    ),
    "pim:\n  kind: bank_mac\n  banks: 0": "edge.yaml:3  design.pim.banks: 0 is too small, must be >= 1" + BANKS,
    "pim: {kind: bank_mac, banks: many}": "edge.yaml:1  design.pim.banks: 'many' is not a whole number" + BANKS,
    "pim: {kind: bank_mac, banks: 1.5}": "edge.yaml:1  design.pim.banks: 1.5 is not a whole number" + BANKS,
    "pim: {kind: bank_mac, banks: true}": "edge.yaml:1  design.pim.banks: true is not a whole number" + BANKS,
    "pim: {kind: bank_mac, t_rcd: 14}": (
        "edge.yaml:1  design.pim.t_rcd: 14 needs a unit, e.g. '14 ns'"
        "\n   Time is text with a unit: ps, ns, us, ms, s"
        "\n   t_rcd (Time such as '12 ns', default '14 ns'): row open to column command"
    ),
    "pim: {kind: bank_mac, policy: openn}": (
        "edge.yaml:1  design.pim.policy: 'openn' is not one of open, closed, did you mean 'open'?"
        "\n   policy ('open' or 'closed', default 'open')"
    ),
    "pim: {kind: bank_mac, banks: 4096}": (
        "edge.yaml:1  design.pim: more banks than a channel has rows for"
        "\n   pim (keys of Part, default kind 'bank_mac'): the memory that computes"
    ),
    "npu: {}": (
        "edge.yaml:1  design.npu.rows: missing\n   rows (int >= 1, required): reduction dimension held in place"
    ),
    "npu: {rows: 1, clock: 3 GHz}": (
        "edge.yaml:1  design.npu.clock: '3 GHz' is too large, must be <= 2 GHz"
        "\n   clock (Frequency such as '1.33 GHz' <= 2 GHz, default '1 GHz')"
    ),
    "npu: {rows: 1, ratio: 1}": (
        "edge.yaml:1  design.npu.ratio: 1 is too large, must be < 1\n   ratio (number > 0 and < 1, default 0.5)"
    ),
    "npu: {rows: 1, ratio: .nan}": (
        "edge.yaml:1  design.npu.ratio: nan is not a finite number\n   ratio (number > 0 and < 1, default 0.5)"
    ),
    "npu: 3": ("edge.yaml:1  design.npu: 3 is not a mapping of keys\n   npu (keys of Systolic or null, default null)"),
    "many:\n- {banks: 1}\n- {banks: x}": "edge.yaml:3  design.many[1].banks: 'x' is not a whole number" + BANKS,
    "many: 3": "edge.yaml:1  design.many: 3 is not a list\n   many (list of keys of BankMac, default [])",
    "width: autoo": (
        "edge.yaml:1  design.width: 'autoo' is none of the things it may be, did you mean 'auto'?"
        "\n   width (int or 'auto', default 'auto'): lanes"
    ),
    "table:\n  a: 1 ns\n  b: 3 GHz": (
        "edge.yaml:3  design.table.b: '3 GHz': unknown unit 'GHz'"
        "\n   Time is a number and a unit (ps, ns, us, ms, s), e.g. '12 ns'"
    ),
    "either: {banks: 0}": "edge.yaml:1  design.either.banks: 0 is too small, must be >= 1" + BANKS,
    "either: [1]": (
        "edge.yaml:1  design.either: [1] is none of the things it may be"
        "\n   either (keys of BankMac or text, default 'none')"
    ),
    "on: 7": "edge.yaml:1  design.on: 7 is not true or false\n   on (true or false, default true)",
}


@pytest.mark.parametrize(("text", "answer"), CASES.items(), ids=list(CASES))
def test_wrong_documents(text: str, answer: str) -> None:
    assert problems(text) == [answer]


def test_every_problem_is_told_at_once() -> None:
    told = problems("pim: {kind: bank_mac, banks: 0}\nnpu: {rows: 0}\nzzz: 1\n")
    assert [line.split(":")[1][0] for line in told] == ["1", "2", "3"]


def test_settings_are_blamed_for_what_they_set() -> None:
    told = problems("pim: {kind: bank_mac, banks: 4}\n", ("pim.banks=0", "npu.rows=2.5"))
    assert [line.splitlines()[0] for line in told] == [
        "--set pim.banks=0  design.pim.banks: 0 is too small, must be >= 1",
        "--set npu.rows=2.5  design.npu.rows: 2.5 is not a whole number",
    ]


class Pair(Spec):
    low: int = 1
    high: int = 9
    other: int = 0

    @model_validator(mode="after")
    def _in_order(self) -> "Pair":
        if self.low > self.high:
            raise BadInput(f"low: {self.low} is above high = {self.high}")
        return self


@pytest.mark.parametrize(
    ("sets", "where"),
    {
        ("other=3", "high=0"): "--set high=0",
        ("other=3", "low=20"): "--set low=20",
        ("high=0", "low=20"): "--set low=20",
        (): "pair.yaml:2",
    }.items(),
)
def test_a_rule_of_several_fields_blames_the_setting_that_breaks_it(sets: tuple[str, ...], where: str) -> None:
    lines: dict[KeyPath, str] = {("low",): "pair.yaml:2", ("high",): "pair.yaml:3"}
    document = Document({"low": 1, "high": 9} if sets else {"low": 10, "high": 9}, Marks("pair.yaml", lines))
    with pytest.raises(BadInput) as caught:
        build(Pair, apply_sets(document, sets))
    assert caught.value.where == where


def test_a_mapping_without_a_kind_changes_the_default() -> None:
    class Closed(Spec):
        pim: Part = BankMac(banks=4, policy="closed")

    def built(pim: dict[str, object]) -> Part:
        return build(Closed, Document({"pim": pim})).pim

    assert built({"banks": 8}) == BankMac(banks=8, policy="closed")
    assert built({"kind": "bank_mac", "banks": 8}) == BankMac(banks=8)
    assert built({"kind": "systolic", "rows": 2}) == Systolic(rows=2)
    assert Closed().vary(pim={"banks": 2}).pim == BankMac(banks=2, policy="closed")
    assert Closed().vary(pim={"kind": "systolic", "rows": 2}).pim == Systolic(rows=2)
    with pytest.raises(BadInput) as caught:
        built({"bank": 8})
    assert str(caught.value) == "Closed.pim.bank: unknown key, did you mean 'banks'?" + BANKS
    with pytest.raises(BadInput) as caught:
        built({"banks": 0})
    assert str(caught.value) == "Closed.pim.banks: 0 is too small, must be >= 1" + BANKS


def test_without_a_label_the_class_is_named() -> None:
    with pytest.raises(BadInput, match=r"Machine\.on: 7 is not"):
        build(Machine, Document({"on": 7}))


def test_right_documents_build_what_python_builds() -> None:
    document = Document({"pim": {"kind": "bank_mac", "banks": 64}, "npu": {"rows": 8}, "width": "auto"})
    assert build(Machine, document) == Machine(pim=BankMac(banks=64), npu=Systolic(rows=8))


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "int"),
        (list[PositiveInt], "list of int >= 1"),
        (dict[str, Time], "mapping of text to Time such as '12 ns'"),
        (tuple[int, float], "list of 2 (int, number)"),
        (str | None, "text or null"),
        (Annotated[str, Field(min_length=1, pattern="[a-z]+")], "text at least 1 long and matching '[a-z]+'"),
        (Annotated[int, Field(multiple_of=8)], "int a multiple of 8"),
        (Any, "anything"),
    ],
)
def test_types_in_words(hint: object, words: str) -> None:
    class Holder(Spec):
        field: hint  # type: ignore[valid-type]

    field = Holder.model_fields["field"]
    assert describe_type(field.annotation, field.metadata) == words
    assert describe_field("field", field) == f"field ({words}, required)"
