"""Quantities are exact, read what they write, and say which unit is right."""

import copy
import json
import pickle
from fractions import Fraction
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from archsim.core.errors import BadInput
from archsim.core.quantities import (
    Bandwidth,
    BitRate,
    Bytes,
    Current,
    Energy,
    Frequency,
    Power,
    Quantity,
    Time,
    Voltage,
)

KINDS: list[type[Quantity]] = [Time, Frequency, Bytes, Bandwidth, BitRate, Energy, Power, Current, Voltage]


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    kind = draw(st.sampled_from(KINDS))
    scale = draw(st.sampled_from(sorted(set(kind.units.values()))))
    return kind(min(kind.most, draw(st.integers(1, 10**6)) * scale + draw(st.sampled_from([0, 1, 7, 10**5]))))


@given(quantities())
def test_reads_back_what_it_writes(amount: Quantity) -> None:
    assert type(amount)(str(amount)) == amount
    assert eval(repr(amount), {type(amount).__name__: type(amount)}) == amount


@given(quantities())
def test_writes_the_shortest_exact_text(amount: Quantity) -> None:
    for unit, factor in type(amount).units.items():
        if amount % factor == 0:
            assert len(str(amount)) <= len(f"{int(amount) // factor} {unit}")


@given(quantities())
def test_survives_pickle_copy_and_pydantic(amount: Quantity) -> None:
    for again in (pickle.loads(pickle.dumps(amount)), copy.deepcopy(amount)):
        assert type(again) is type(amount)
        assert again == amount
    adapter: TypeAdapter[Any] = TypeAdapter(type(amount))
    assert adapter.validate_json(adapter.dump_json(amount)) == amount
    assert adapter.validate_python(amount) is amount


@pytest.mark.parametrize(
    ("kind", "text", "base_units"),
    [
        (Time, "12 ns", 12_000),
        (Time, "12ns", 12_000),
        (Time, " 1.5  ns ", 1_500),
        (Time, "3.9 us", 3_900_000),
        (Time, "1e-3 s", 10**9),
        (Time, "2 µs", 2_000_000),
        (Time, "0 ns", 0),
        (Frequency, "1.33 GHz", 1_330_000_000),
        (Bytes, "64 KiB", 65_536),
        (Bytes, "64 kB", 64_000),
        (Bytes, "64 KB", 64_000),
        (Bytes, "80 GB", 80 * 10**9),
        (Bandwidth, "819.2 GB/s", 819_200_000_000),
        (BitRate, "16 Gb/s", 16 * 10**9),
        (BitRate, "16 Gbit/s", 16 * 10**9),
        (Energy, "1.1 pJ", 1_100),
        (Power, "0.35 W", 350_000),
        (Current, "122 mA", 122_000),
        (Voltage, "1.25 V", 1_250_000),
    ],
)
def test_text_means(kind: type[Quantity], text: str, base_units: int) -> None:
    assert kind(text) == base_units


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Time(12_000), "12 ns"),
        (Time(1_500), "1.5 ns"),
        (Time(500), "500 ps"),
        (Time(0), "0 s"),
        (Bytes(1_024), "1 KiB"),
        (Bytes(1_000), "1 kB"),
        (Bytes(8_589_934_592), "8 GiB"),
        (Bytes(12_345), "12345 B"),
        (Frequency(10**9), "1 GHz"),
        (Bandwidth("819.2 GB/s"), "819.2 GB/s"),
    ],
)
def test_text_is_what_people_write(amount: Quantity, text: str) -> None:
    assert str(amount) == text
    assert f"{amount}" == text
    assert repr(amount) == f"{type(amount).__name__}({text!r})"


def test_arithmetic_gives_plain_integers() -> None:
    total = Time("12 ns") + Time("3 ns")
    assert type(total) is int
    assert total == 15_000
    assert json.dumps(total) == "15000"
    assert f"{Time('12 ns'):,d}" == "12,000"


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        (Time, "12", "'12' needs a unit, e.g. '12 ns'"),
        (Time, "12 nss", "'12 nss': unknown unit 'nss', did you mean 'ns'?"),
        (Time, "12 Ns", "'12 Ns': unknown unit 'Ns', did you mean 'ns'?"),
        (Time, "1.5 ps", "'1.5 ps' is finer than 1 ps"),
        (Time, "fast", "'fast' is not a Time"),
        (Time, "", "'' is not a Time"),
        (Time, "-1 ns", "'-1 ns' is too small"),
        (Time, "1e999999999 s", "'1e999999999 s' is beyond any real time"),
        (Time, "1e-999999999 s", "'1e-999999999 s' is beyond any real time"),
        (Frequency, "0 Hz", "'0 Hz' is too small"),
        (Frequency, "1e30 GHz", "'1e30 GHz' is beyond any real frequency"),
        (Frequency, "1000.000000001 GHz", "'1000.000000001 GHz' is beyond any real frequency"),
        (BitRate, "2000 Tb/s", "'2000 Tb/s' is beyond any real bit rate"),
        (Energy, "nan pJ", "'nan pJ' is not an Energy"),
        (BitRate, "16 GB/s", "'16 GB/s': unknown unit 'GB/s', did you mean 'Gb/s'?"),
    ],
)
def test_wrong_text_is_explained(kind: type[Quantity], text: str, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        kind(text)
    assert caught.value.what == what
    assert caught.value.right


@pytest.mark.parametrize("kind", KINDS)
def test_every_quantity_has_a_largest_amount_that_is_named(kind: type[Quantity]) -> None:
    assert kind(kind.most) == kind.most < 2**80
    with pytest.raises(BadInput, match="beyond any real") as caught:
        kind(kind.most + 1)
    assert f"at most {kind(kind.most)}, e.g. '{kind.example}'" in caught.value.right


def test_no_quantity_is_negative() -> None:
    with pytest.raises(BadInput, match="too small"):
        Time(-1)


class Timing(BaseModel):
    t_rcd: Time = Time("14 ns")
    clock: Annotated[Frequency, Field(gt=10**6)] = Frequency("1 GHz")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (14, "14 needs a unit, e.g. '14 ns'"),
        (0, "0 needs a unit, e.g. '0 ns'"),
        (1.5, "1.5 needs a unit, e.g. '1.5 ns'"),
        (True, "True is not a Time, e.g. '12 ns'"),
        (None, "None is not a Time, e.g. '12 ns'"),
        ("14", "'14' needs a unit, e.g. '14 ns'"),
        (Bytes("1 B"), "'1 B' is a Bytes, not a Time"),
    ],
)
def test_fields_want_a_unit(value: object, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Timing.model_validate({"t_rcd": value})
    (error,) = caught.value.errors()
    assert error["msg"] == message
    assert error["ctx"]["right"].startswith("Time is")


def test_fields_take_bounds() -> None:
    with pytest.raises(ValidationError, match="greater than 1000000"):
        Timing.model_validate({"clock": "1 MHz"})
    assert Timing.model_validate({"clock": "2 MHz"}).clock == 2_000_000


def test_models_write_text_and_publish_a_pattern() -> None:
    assert Timing().model_dump() == {"t_rcd": "14 ns", "clock": "1 GHz"}
    schema = Timing.model_json_schema()["properties"]["t_rcd"]
    assert schema["type"] == "string"
    assert schema["examples"] == ["12 ns"]
    assert schema["default"] == "14 ns"


@given(st.integers(0, 10**15), st.integers(1, 10**10))
def test_cycles_cover_the_time_and_no_more(ps: int, hz: int) -> None:
    cycles = Time(ps).cycles(Frequency(hz))
    assert Fraction(cycles, hz) >= Fraction(ps, 10**12)
    assert cycles == 0 or Fraction(cycles - 1, hz) < Fraction(ps, 10**12)


@given(st.integers(0, 10**12), st.integers(1, 10**10))
def test_ps_rounds_up_once(cycles: int, hz: int) -> None:
    exact = Fraction(cycles * 10**12, hz)
    assert 0 <= Frequency(hz).ps(cycles) - exact < 1


def test_period_is_one_cycle() -> None:
    assert Frequency("1 GHz").period == Time("1 ns")
    assert Frequency("3 GHz").period == Time("334 ps")
    assert Frequency("3 GHz").ps(3) == 1_000
