"""Numbers for people: exact, never misleading."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.report import units as u

POWERS = {
    "a": -18,
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 s"),
        (999.96e-12, "1.00 ns"),
        (184.32e-6, "184 us"),
        (1.5, "1.50 s"),
        (1, "1.00 s"),
        (-2.5e-3, "-2.50 ms"),
        (1e21, "1,000 Es"),
        (1e-20, "0.0100 as"),
        (float("nan"), "-"),
        (float("inf"), "-"),
    ],
)
def test_engineering(value: float, shown: str) -> None:
    assert u.engineering(value, "s") == shown


@given(st.floats(1e-17, 1e20))
def test_engineering_is_right_to_half_a_digit(value: float) -> None:
    match = re.fullmatch(r"([\d.,]+) ([a-zA-Z]?)B", u.engineering(value, "B"))
    assert match is not None
    digits = match[1].replace(",", "")
    back = float(digits) * 10.0 ** POWERS[match[2]]
    assert back == pytest.approx(value, rel=5.001e-3)
    assert len(digits.replace(".", "")) >= 3
    if value < 999:
        assert float(digits) < 1000


@given(st.floats(1, 1e15))
def test_seconds_never_have_a_large_prefix(value: float) -> None:
    assert re.fullmatch(r"[\d.,]+ s", u.seconds(value))


@pytest.mark.parametrize(
    ("nbytes", "shown"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1,023 B"),
        (1024, "1.000 KiB"),
        (1536, "1.500 KiB"),
        (1024**2 - 1, "1.000 MiB"),
        (250_609_664, "239.0 MiB"),
        (2**70, "1,024 EiB"),
    ],
)
def test_size(nbytes: int, shown: str) -> None:
    assert u.size(nbytes) == shown


@given(st.integers(1, 2**62))
def test_size_is_right_to_half_a_digit(nbytes: int) -> None:
    number, unit = u.size(nbytes).split(" ")
    back = float(number.replace(",", "")) * 1024 ** u.BINARY.index(unit)
    assert back == pytest.approx(nbytes, rel=5.001e-4)


def test_a_small_share_is_not_zero() -> None:
    assert u.percent(1e-9) == "<0.1 %"
    assert u.percent(-1e-9) == ">-0.1 %"
    assert u.percent(0) == "0 %"
    assert u.percent(1) == "100.0 %"
    assert u.percent(0.0004, digits=2) == "0.04 %"


def test_integers_keep_every_digit() -> None:
    assert u.plain(12_345_678_901) == "12,345,678,901"
    assert u.frequency(1_512_500_000) == "1.5125 GHz"
    assert u.frequency(0) == "0 Hz"


def test_ratios() -> None:
    assert u.factor(1) == "1.00x"
    assert u.factor(0.5) == "0.500x"
    assert u.factor(1234.5) == "1,234x"
    assert u.factor(float("inf")) == "-"


@pytest.mark.parametrize("value", [0.001, 0.25, 3.5, 40.0, 500.0, 2500.0])
def test_a_tick_is_exact(value: float) -> None:
    number, _, prefix = u.tick(value).partition(" ")
    assert float(number) * 10.0 ** POWERS[prefix] == pytest.approx(value, rel=1e-12)
    assert float(u.trimmed(value).replace(",", "")) == value


def test_print_has_real_signs() -> None:
    thin = "\N{NARROW NO-BREAK SPACE}"
    assert u.typeset("3 uJ") == f"3{thin}\N{MICRO SIGN}J"
    assert u.typeset("1.52x").endswith("\N{MULTIPLICATION SIGN}")
    assert u.typeset("a unit of use") == "a unit of use"
