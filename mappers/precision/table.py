"""What may be chosen: for every layer the widths that were tried and the error that each of them makes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from archsim.core.errors import BadInput
from archsim.core.spec import Spec
from archsim.core.validate import build
from archsim.core.yamlfile import load_document

Metric = Literal["bytes", "energy", "time", "traffic"]
COSTS: dict[Metric, str] = {"energy": "energy_pj", "time": "time_ps", "traffic": "moved_bytes"}
"""Metric -> field of an option that has it; bytes follow from the elements."""


class Option(Spec):
    """A width that a layer may have."""

    bits: PositiveInt
    """Bits per element."""
    error: NonNegativeFloat
    """What this width of this layer adds to the error of the model, in the unit of the budget: added perplexity, lost
    accuracy, squared error. Errors of layers are taken to add up."""
    energy_pj: NonNegativeFloat | None = None
    """Energy of the layer with this width, pJ; needed where energy is made small."""
    time_ps: NonNegativeInt | None = None
    """Time of the layer with this width, ps; needed where time is made small."""
    moved_bytes: NonNegativeInt | None = None
    """Bytes that the layer moves with this width, each time it runs; needed where traffic is made small."""


class Layer(Spec):
    """A layer, or anything else whose elements share one width."""

    name: str = Field(min_length=1)
    """Name in results."""
    elements: PositiveInt
    """Elements that take the width."""
    options: Annotated[tuple[Option, ...], Field(min_length=1)]
    """Widths to choose from."""
    same_as: str = ""
    """Layers that give the same name here get the same width."""

    @model_validator(mode="after")
    def _each_width_once(self) -> Self:
        widths = [option.bits for option in self.options]
        if len(set(widths)) < len(widths):
            raise BadInput(f"layer {self.name!r} has two options of one width", right="one option per width")
        return self

    def nbytes(self, bits: int) -> int:
        """Bytes of all elements, rounded up to whole bytes."""
        return -(-self.elements * bits // 8)


class PrecisionTable(Spec):
    """Layers, and how much error there may be."""

    budget: NonNegativeFloat
    """The most that the errors of all layers may add up to."""
    metric: Metric = "bytes"
    """What is made small."""
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)]
    """What is to be chosen."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        names = [layer.name for layer in self.layers]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise BadInput(f"layer {twice!r} is given twice", right="a name for each layer")
        if (cost := COSTS.get(self.metric)) is not None:
            for layer in self.layers:
                if any(getattr(option, cost) is None for option in layer.options):
                    raise BadInput(f"layer {layer.name!r} has an option without {cost}", right=f"{cost} of each option")
        return self


def read_table(path: str | Path) -> PrecisionTable:
    """The table of a YAML file.

    Raises
    ------
    BadInput
        Not such a file; names the lines.
    """
    return build(PrecisionTable, load_document(Path(path).expanduser()), label="table")
