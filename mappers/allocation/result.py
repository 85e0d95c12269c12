"""An allocation: where every buffer lies, how good that is, and whether it is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from archsim.core.errors import BadInput
from archsim.core.gap import gap
from archsim.mappers.allocation.buffer import Buffer, Gap
from archsim.mappers.answer import common

SCHEMA = "archsim.allocation/2"
"""What the JSON form is, and its version."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Offsets of buffers in one memory.

    Parameters
    ----------
    buffers
        What was placed.
    places
        Offset of each buffer in bytes, in the same order.
    load
        The most bytes alive at one time, which no allocation can be below.
    lower_bound
        Bytes that no allocation can be below: the load, or more where a search or a fixed offset proves more.
    capacity
        Bytes that there are; None where only the height was asked for.
    infeasible
        Whether it is proved that nothing fits the capacity.
    method
        What found the offsets.
    nodes
        Placements that were tried in searches.
    stopped
        What ended the search before it was through: ``nodes``, ``seconds``, ``interrupt``; or nothing.
    why
        What makes it as high as it is; where it does not fit, what is known about why.
    seconds
        How long it took. Not part of the value: equal allocations may have taken different times.
    """

    buffers: tuple[Buffer, ...]
    places: tuple[int, ...]
    load: int
    lower_bound: int
    capacity: int | None = None
    infeasible: bool = False
    method: str = ""
    nodes: int = 0
    stopped: str = ""
    why: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def height(self) -> int:
        """Bytes from 0 to the end of the highest buffer."""
        return max((at + b.size for b, at in zip(self.buffers, self.places, strict=True) if b.size), default=0)

    @property
    def fits(self) -> bool:
        """Whether the height is at most the capacity; always so where there is none."""
        return self.capacity is None or self.height <= self.capacity

    @property
    def objective(self) -> int:
        """The height."""
        return self.height

    @property
    def bound(self) -> int:
        """The lower bound."""
        return self.lower_bound

    @property
    def gap(self) -> float:
        """Height above the lower bound, as a part of that bound."""
        return gap(self.height, self.lower_bound)

    @property
    def proved(self) -> bool:
        """Whether no allocation is lower."""
        return self.height == self.lower_bound

    @property
    def proof(self) -> Literal["optimal", "infeasible"] | None:
        """What is certain: that none fits the capacity, which comes first, or that none is lower."""
        if self.infeasible:
            return "infeasible"
        return "optimal" if self.proved else None

    @property
    def offsets(self) -> dict[str, int]:
        """Offset of each buffer in bytes, by its id."""
        return {buffer.id: at for buffer, at in zip(self.buffers, self.places, strict=True)}

    @property
    def valid(self) -> bool:
        """Whether `check` finds nothing."""
        try:
            self.check()
        except BadInput:
            return False
        return True

    def check(self) -> None:
        """Look at every two buffers that are alive together.

        Raises
        ------
        BadInput
            Two of them share bytes: names both, the bytes and the time. Or an offset is negative, not aligned, or not
            the one that its buffer must have.
        """
        for buffer, at in zip(self.buffers, self.places, strict=True):
            if at < 0 or at % buffer.alignment:
                right = f"a multiple of {buffer.alignment:,}, 0 or more"
                raise BadInput(f"buffer {buffer.id!r} lies at {at:,}", right=right)
            if buffer.offset is not None and at != buffer.offset:
                raise BadInput(f"buffer {buffer.id!r} lies at {at:,}", right=f"its fixed offset is {buffer.offset:,}")
        events: list[tuple[int, bool, int, int, int]] = []
        for index, (buffer, at) in enumerate(zip(self.buffers, self.places, strict=True)):
            for lower, upper, low, high in buffer.pieces() if buffer.size else ():
                events += [(lower, True, index, at + low, at + high), (upper, False, index, at + low, at + high)]
        live: dict[tuple[int, int, int], None] = {}
        for time, begins, index, low, high in sorted(events):  # what ends at a time comes before what begins
            if not begins:
                del live[index, low, high]
                continue
            for other, other_low, other_high in live:
                if low < other_high and other_low < high:
                    first, last = max(low, other_low), min(high, other_high) - 1
                    names = f"buffers {self.buffers[other].id!r} and {self.buffers[index].id!r}"
                    raise BadInput(f"{names} share bytes {first:,} to {last:,} at time {time:,}")
            live[index, low, high] = None

    def record(self) -> dict[str, Any]:
        """What the command line prints as JSON: the headline and the offsets by id."""
        return {
            "schema": SCHEMA,
            **common(self),
            "capacity": self.capacity,
            "height": self.height,
            "load": self.load,
            "lower_bound": self.lower_bound,
            "valid": self.valid,
            "fits": self.fits,
            "proof": self.proof,
            "why": list(self.why),
            "nodes": self.nodes,
            "stopped": self.stopped,
            "offsets": self.offsets,
        }

    def to_json(self) -> dict[str, Any]:
        """The record and the buffers: all that `from_json` needs."""
        return {**self.record(), "buffers": [_written(buffer) for buffer in self.buffers]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The allocation that `to_json` wrote.

        Raises
        ------
        BadInput
            Not such a document, or a buffer without an offset.
        """
        if data.get("schema") != SCHEMA:
            raise BadInput(f"schema is {data.get('schema')!r}", right=SCHEMA)
        try:
            buffers = tuple(_read(entry) for entry in data["buffers"])
            return cls(
                buffers,
                tuple(int(data["offsets"][buffer.id]) for buffer in buffers),
                load=data["load"],
                lower_bound=data["lower_bound"],
                capacity=data["capacity"],
                infeasible=data["proof"] == "infeasible",
                why=tuple(data["why"]),
                **{name: data[name] for name in ("method", "nodes", "stopped", "seconds")},
            )
        except KeyError as error:
            raise BadInput(f"{error} is missing", right="what Allocation.to_json writes") from None


def _written(buffer: Buffer) -> dict[str, Any]:
    gaps = [{"lower": gap.lower, "upper": gap.upper, "window": gap.window} for gap in buffer.gaps]
    return {
        "id": buffer.id,
        "lower": buffer.lower,
        "upper": buffer.upper,
        "size": buffer.size,
        "alignment": buffer.alignment,
        "gaps": gaps,
        "offset": buffer.offset,
    }


def _read(entry: Mapping[str, Any]) -> Buffer:
    gaps = [Gap(g["lower"], g["upper"], tuple(g["window"]) if g["window"] else None) for g in entry["gaps"]]
    return Buffer(**{**entry, "gaps": tuple(gaps)})
