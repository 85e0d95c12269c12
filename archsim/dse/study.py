"""A study: the question, the space of designs that answers it, and what counts as better."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import isfinite
from typing import Annotated, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from archsim.core.errors import BadInput
from archsim.core.spec import Spec
from archsim.dse.metrics import known_metric

Scalar = bool | int | float | str
"""One setting of one field, as YAML writes it; quantities are text with their unit."""
Settings = Mapping[str, Scalar]
"""Dotted field -> value: one point of a space."""

MOST_STEPS = 100_000
"""An axis longer than this is a slip of the keyboard."""


class Goal(StrEnum):
    """Which direction is better."""

    MIN = "min"
    MAX = "max"


class Objective(Spec):
    """A number of the report, or a field of the space, and its better direction."""

    metric: str
    """A column of the table: seconds, energy_joules, tokens_per_second, energy.COMPONENT, or a field of the space."""
    goal: Goal = Goal.MIN
    """Better is smaller (min) or larger (max)."""


class Range(Spec):
    """Whole or decimal numbers at equal steps, or doubling."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    from_: int | float = Field(alias="from")
    """First value."""
    to: int | float
    """Last value; included where a step meets it."""
    step: int | float | None = None
    """Distance between values."""
    log2: bool = False
    """Double from value to value instead."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if (self.step is None) == (not self.log2):
            raise BadInput(
                "needs either step or log2", right="{from: 16, to: 64, step: 16} or {from: 1, to: 64, log2: true}"
            )
        if self.log2 and self.from_ <= 0:
            raise BadInput(f"from: {self.from_} cannot be doubled", right="log2 ranges start above zero")
        if self.step is not None and self.step <= 0:
            raise BadInput(f"step: {self.step} leads nowhere", right="step is more than zero")
        if self.to < self.from_:
            raise BadInput(f"the range from {self.from_} to {self.to} is empty", right="to is at least from")
        return self

    def values(self) -> tuple[int | float, ...]:
        """Every value, in order.

        >>> Range(from_=2, to=16, log2=True).values(), Range(from_=0.5, to=1, step=0.25).values()
        ((2, 4, 8, 16), (0.5, 0.75, 1.0))
        """
        found: list[int | float] = []
        value = self.from_
        while value <= self.to and isfinite(value):
            found.append(value)
            if len(found) > MOST_STEPS:
                raise BadInput(f"the range from {self.from_} to {self.to} has more than {MOST_STEPS:,} values")
            # from + n * step, so that decimal steps do not add up their rounding
            value = value * 2 if self.step is None else self.from_ + len(found) * self.step
        return tuple(found)


def _form(value: object) -> str:
    return "range" if isinstance(value, Mapping | Range) else "list"


Axis = Annotated[
    Annotated[tuple[Scalar, ...], Field(min_length=1), Tag("list")] | Annotated[Range, Tag("range")],
    Discriminator(_form),  # so that an error is about the form that was meant, and not about both
]
"""Values in order: a list, or a range of numbers."""


class Study(Spec):
    """What to vary, what to run at each point, and what counts as better."""

    question: str
    """What the study is meant to answer, in one sentence."""
    caveat: str = ""
    """What the objectives leave out, and so what the answer must not be taken for; stands beside it."""
    design: str
    """A bundled design, a YAML file, or file.py:Class."""
    workload: str
    """A model, a YAML file, file.py:Class, or one operator such as gemm:128,768,768."""
    space: dict[str, Axis]
    """Field -> values. A field is a dotted path into the design, or workload.FIELD, or mapper.FIELD."""
    phase: str | None = None
    """prefill, decode or generate."""
    batch: int | None = Field(default=None, ge=1)
    """Sequences side by side."""
    prompt: int | None = Field(default=None, ge=1)
    """Prompt length in tokens."""
    context: int | None = Field(default=None, ge=0)
    """Tokens already in the KV cache (decode)."""
    generate: int | None = Field(default=None, ge=1)
    """Tokens to generate."""
    fidelity: str = "cycle"
    """cycle (exact) or roofline (closed form, for screening)."""
    mapper: str | None = None
    """Name of a mapper; without it, the one that `archsim run` would take."""
    set: dict[str, Scalar] = {}
    """Field -> value for every point, under the values of the space."""
    objectives: tuple[Objective, ...] = Field(
        default=(Objective(metric="seconds"), Objective(metric="energy_joules")), min_length=1
    )
    """What counts as better; several make a Pareto front."""

    @field_validator("space")
    @classmethod
    def _not_empty(cls, space: dict[str, Axis]) -> dict[str, Axis]:
        if not space:
            raise BadInput("nothing to vary", right="FIELD: [values] or FIELD: {from: 1, to: 64, log2: true}")
        return space

    @model_validator(mode="after")
    def _checked(self) -> Self:
        for field, values in self.axes.items():
            repeated = [value for index, value in enumerate(values) if _same(value, values[:index])]
            if repeated:
                raise BadInput(f"space: {field} has {repeated[0]!r} twice", right="every value of an axis once")
            if field in self.set:
                raise BadInput(f"{field} is in set and in space", right="a field is either fixed or varied")
        for objective in self.objectives:
            if objective.metric not in self.space and not known_metric(objective.metric):
                raise unknown_metric(objective.metric, self.space)
        return self

    @property
    def axes(self) -> dict[str, tuple[Scalar, ...]]:
        """Field -> its values, in the order of the file."""
        return {name: axis.values() if isinstance(axis, Range) else axis for name, axis in self.space.items()}

    @property
    def size(self) -> int:
        """Number of points of the full grid."""
        count = 1
        for values in self.axes.values():
            count *= len(values)
        return count


def unknown_metric(name: str, space: Mapping[str, object]) -> BadInput:
    """The error for an objective that no report has."""
    from archsim.core.errors import UnknownName
    from archsim.dse.metrics import HEADLINE, PREFIXES

    return UnknownName("metric", name, (*HEADLINE, *(f"{prefix}NAME" for prefix in PREFIXES), *space))


def _same(value: Scalar, others: tuple[Scalar, ...]) -> bool:
    return any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in others)
