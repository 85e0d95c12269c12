"""Physical quantities as exact integers of a small base unit, written and read with their unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from archsim.core.errors import BadInput, did_you_mean, nearest

_NUMBER = r"[+-]?(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TEXT = re.compile(rf"\s*({_NUMBER})\s*(\S.*?)?\s*")
_LARGEST_EXPONENT = 60
"""Powers of ten beyond this are a slip of the keyboard, and would only fill memory."""


class Quantity(int):
    """A count of base units that knows its unit. Arithmetic gives a plain `int`; name the unit again to get a quantity.

    ``Time("12 ns")`` parses text, ``Time(12_000)`` counts base units. Equal to and hashed as the plain integer.

    Raises
    ------
    BadInput
        Text without a number or a known unit, an amount finer than the base unit, less than `least` or above `most`.
    """

    __slots__ = ()

    units: ClassVar[Mapping[str, int]] = {}
    """Canonical unit -> base units in it, the base unit first."""

    aliases: ClassVar[Mapping[str, str]] = {}
    """Other spellings that are read, never written."""

    example: ClassVar[str] = ""
    """A text that is right, shown when one is not."""

    least: ClassVar[int] = 0
    """Smallest amount that makes sense, in base units."""

    most: ClassVar[int] = 10**24
    """Largest amount that any machine could have, in base units; more is a slip of the keyboard."""

    def __new__(cls, value: str | int) -> Self:
        """Parse text, or count base units."""
        count = _parse(cls, value) if isinstance(value, str) else int(value)
        if count < cls.least:
            floor = f"at least {_written(cls, cls.least)}" if cls.least else "not negative"
            given = value if isinstance(value, str) else _written(cls, count)
            raise BadInput(
                f"{given!r} is too small", right=f"{_article(cls.__name__)} is {floor}, e.g. '{cls.example}'"
            )
        if count > cls.most:
            given = value if isinstance(value, str) else _written(cls, count)
            raise BadInput(
                f"{given!r} is beyond any real {_noun(cls)}",
                right=f"{_article(cls.__name__)} is at most {_written(cls, cls.most)}, e.g. '{cls.example}'",
            )
        return super().__new__(cls, count)

    def __str__(self) -> str:
        """The shortest text that reads back as exactly this amount."""
        return _written(type(self), int(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read text or an instance, write text."""
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A string with its pattern, so that editors check and complete it."""
        names = "|".join(re.escape(unit) for unit in (*cls.units, *cls.aliases))
        return {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*({names})\s*$", "examples": [cls.example]}

    @classmethod
    def _validate(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        unit = cls.example.split(" ", 1)[1]
        right = f"{cls.__name__} is text with a unit: {', '.join(cls.units)}"
        if isinstance(value, str):
            try:
                return cls(value)
            except BadInput as error:
                raise PydanticCustomError("quantity", "{what}", {"what": error.what, "right": error.right}) from None
        if isinstance(value, Quantity):
            what = f"{str(value)!r} is {_article(type(value).__name__)}, not {_article(cls.__name__)}"
        elif isinstance(value, int | float) and not isinstance(value, bool):
            what = f"{value} needs a unit, e.g. '{value} {unit}'"
        else:
            what = f"{value!r} is not {_article(cls.__name__)}, e.g. '{cls.example}'"
        raise PydanticCustomError("quantity", "{what}", {"what": what, "right": right})


class Time(Quantity):
    """A duration in whole picoseconds."""

    __slots__ = ()
    units = {"ps": 1, "ns": 10**3, "us": 10**6, "ms": 10**9, "s": 10**12}
    aliases = {"µs": "us", "μs": "us"}
    example = "12 ns"
    most = 10**18  # 1e6 s: twelve days of machine time

    def cycles(self, clock: Frequency) -> int:
        """Whole cycles of `clock` that cover this duration: a part of a cycle counts as one."""
        return -(-self * clock // 10**12)


class Frequency(Quantity):
    """A clock in whole hertz, at least one."""

    __slots__ = ()
    units = {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9}
    aliases = {"KHz": "kHz"}
    example = "1.33 GHz"
    most = 10**12
    least = 1

    @property
    def period(self) -> Time:
        """One cycle, rounded up to a whole picosecond; `ps` does not add that rounding up over many cycles."""
        return Time(self.ps(1))

    def ps(self, cycles: int) -> int:
        """Picoseconds until `cycles` cycles are over, rounded up once."""
        return -(-cycles * 10**12 // self)


class Bytes(Quantity):
    """An amount of data in bytes. kB, MB, GB count in thousands, KiB, MiB, GiB in 1024s."""

    __slots__ = ()
    units = {
        "B": 1,
        **{f"{prefix}B": 10 ** (3 * power) for power, prefix in enumerate(("k", "M", "G", "T", "P"), 1)},
        **{f"{prefix}iB": 1 << (10 * power) for power, prefix in enumerate(("K", "M", "G", "T", "P"), 1)},
    }
    aliases = {"KB": "kB"}
    example = "64 KiB"
    most = 1 << 60


class Bandwidth(Quantity):
    """Bytes per second."""

    __slots__ = ()
    units = {f"{unit}/s": factor for unit, factor in Bytes.units.items()}
    aliases = {"KB/s": "kB/s"}
    example = "819.2 GB/s"
    most = 10**18


class BitRate(Quantity):
    """Bits per second, as data sheets give the rate of a pin."""

    __slots__ = ()
    units = {"b/s": 1, "kb/s": 10**3, "Mb/s": 10**6, "Gb/s": 10**9, "Tb/s": 10**12}
    aliases = {unit.replace("b/s", "bit/s"): unit for unit in units}
    example = "16 Gb/s"
    most = 10**15


class Energy(Quantity):
    """An energy in whole femtojoules."""

    __slots__ = ()
    units = {"fJ": 1, "pJ": 10**3, "nJ": 10**6, "uJ": 10**9, "mJ": 10**12, "J": 10**15}
    aliases = {"µJ": "uJ", "μJ": "uJ"}
    example = "1.1 pJ"
    most = 10**21  # 1 MJ


class Power(Quantity):
    """A power in whole microwatts."""

    __slots__ = ()
    units = {"uW": 1, "mW": 10**3, "W": 10**6, "kW": 10**9}
    aliases = {"µW": "uW", "μW": "uW"}
    example = "350 mW"
    most = 10**12  # 1 MW


class Current(Quantity):
    """A current in whole microamperes."""

    __slots__ = ()
    units = {"uA": 1, "mA": 10**3, "A": 10**6}
    aliases = {"µA": "uA", "μA": "uA"}
    example = "122 mA"
    most = 10**12


class Voltage(Quantity):
    """A voltage in whole microvolts."""

    __slots__ = ()
    units = {"uV": 1, "mV": 10**3, "V": 10**6, "kV": 10**9}
    aliases = {"µV": "uV", "μV": "uV"}
    example = "1.25 V"
    most = 10**12


def _parse(cls: type[Quantity], text: str) -> int:
    right = f"{cls.__name__} is a number and a unit ({', '.join(cls.units)}), e.g. '{cls.example}'"
    if (match := _TEXT.fullmatch(text)) is None:
        raise BadInput(f"{text!r} is not {_article(cls.__name__)}", right=right)
    number, unit = match.groups()
    if unit is None:
        raise BadInput(f"{text!r} needs a unit, e.g. '{number} {cls.example.split(' ', 1)[1]}'", right=right)
    if (factor := cls.units.get(cls.aliases.get(unit, unit))) is None:
        near = nearest(unit, (*cls.units, *cls.aliases))
        raise BadInput(f"{text!r}: unknown unit {unit!r}{did_you_mean(near)}", right=right)
    amount = Decimal(number)
    if amount and abs(amount.adjusted()) > _LARGEST_EXPONENT:
        if amount.adjusted() > 0:
            right = f"{_article(cls.__name__)} is at most {_written(cls, cls.most)}, e.g. '{cls.example}'"
        raise BadInput(f"{text!r} is beyond any real {_noun(cls)}", right=right)
    count = Fraction(amount) * factor
    if count.denominator != 1:
        base = next(iter(cls.units))
        raise BadInput(f"{text!r} is finer than 1 {base}", right=f"{cls.__name__} counts whole {base}")
    return count.numerator


def _written(cls: type[Quantity], count: int) -> str:
    texts = [(f"{_decimal(count, factor)} {unit}", factor) for unit, factor in cls.units.items()]
    # Of equally short texts the largest unit of which there is at least one.
    return min(texts, key=lambda text: (len(text[0]), text[1] > count, -text[1]))[0]


def _decimal(count: int, factor: int) -> str:
    """`count / factor` as a finite decimal; exact, because every factor is a product of twos and fives."""
    whole, rest = divmod(abs(count), factor)
    sign = "-" if count < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    digits = factor.bit_length()  # more than enough: the fraction needs at most log2(factor) digits
    fraction = str(rest * 10**digits // factor).zfill(digits).rstrip("0")
    return f"{sign}{whole}.{fraction}"


def _noun(cls: type[Quantity]) -> str:
    """The quantity in words: `BitRate` is a bit rate."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"
