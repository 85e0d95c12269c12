"""Specs are frozen values that vary, write all they hold, and publish their docs."""

import json
from typing import ClassVar

import pytest
from pydantic import PositiveInt, ValidationError

from archsim.core.errors import BadInput
from archsim.core.hashing import digest
from archsim.core.quantities import Time
from archsim.core.spec import Spec


class Part(Spec):
    kind: ClassVar[str] = ""


class Bank(Part):
    kind = "bank"
    banks: PositiveInt = 16
    """Banks per channel."""
    t_rcd: Time = Time("14 ns")


class Machine(Spec):
    bank: Bank = Bank()
    part: Part = Bank(banks=2)
    costs: dict[str, int] = {}
    links: int = 8


def test_vary_changes_what_is_named_and_nothing_else() -> None:
    server = Machine(costs={"act": 1, "rd": 2})
    edge = server.vary(links=4, bank={"banks": 8}, part=Bank(banks=3), costs={"rd": 5})
    assert edge == Machine(bank=Bank(banks=8), part=Bank(banks=3), costs={"act": 1, "rd": 5}, links=4)
    assert server == Machine(costs={"act": 1, "rd": 2})
    assert server.vary() == server
    assert server.vary(bank=Bank(banks=1)).bank.banks == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"link": 4}, "Machine.vary  Machine.link: unknown key, did you mean 'links'?"),
        ({"links": "many"}, "Machine.vary  Machine.links: 'many' is not a whole number"),
        ({"bank": {"banks": 0}}, "Machine.vary  Machine.bank.banks: 0 is too small, must be >= 1"),
    ],
)
def test_vary_checks(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        Machine().vary(**changes)
    assert str(caught.value).splitlines()[0] == message


def test_specs_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        Machine().links = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Machine.model_validate({"extra": 1})


def test_a_part_writes_all_it_holds_whatever_its_field_is_typed() -> None:
    assert json.loads(Machine().model_dump_json())["part"] == {"banks": 2, "t_rcd": "14 ns"}


def test_docs_reach_the_schema() -> None:
    schema = Bank.model_json_schema()["properties"]
    assert schema["banks"]["description"] == "Banks per channel."


def test_equal_specs_have_equal_digests() -> None:
    assert digest(Machine()) == digest(Machine(links=8, part=Bank(banks=2)))
    assert digest(Machine()) != digest(Machine(links=9))
