"""What is placed, as YAML: keys and values on channels, experts on devices, tensors in bins, ops on units."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from archsim.core.errors import BadInput, UnknownName
from archsim.core.quantities import Bytes
from archsim.core.registry import Registry
from archsim.core.spec import Spec
from archsim.core.validate import build
from archsim.core.yamlfile import load_document
from archsim.ir.kinded import Kinded
from archsim.mappers.placement.cases import balance_kv, place_experts
from archsim.mappers.placement.problem import Item, Link, Unit
from archsim.mappers.placement.schedule import Method as Scheduling
from archsim.mappers.placement.schedule import Schedule, schedule
from archsim.mappers.placement.solve import SECONDS, Method, Placement, place
from archsim.mappers.placement.steps import Result, Step

LIKE: Mapping[Method, Scheduling] = {"auto": "auto", "lpt": "list", "program": "program"}
"""Method of `place` -> of `schedule`."""


class PlacementFile(Kinded):
    """Something to place, of one of the kinds below."""

    registry: ClassVar[Registry[type[PlacementFile]]] = Registry("placement kind")

    unit: ClassVar[str] = ""
    """What the objective counts, where the kind says it."""

    def solve(self, *, method: Method = "auto", seconds: float = SECONDS) -> Placement | Schedule:
        """The placement; errors as those of `place`."""
        raise TypeError(f"{type(self).__name__} must define solve()")


class KvPlacement(PlacementFile, kind="kv"):
    """Keys and values of sequences on channels that are alike: the slowest has least to read in a decode step."""

    unit: ClassVar[str] = "B"

    contexts: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    """Tokens in the cache of each sequence."""
    kv_heads: PositiveInt
    """KV heads, each placed by itself."""
    token_bytes: PositiveInt
    """Bytes of one token's key and value of one head."""
    channels: PositiveInt
    """Channels."""
    capacity: Bytes | None = None
    """Bytes of one channel; left out where they do not matter."""
    pieces: PositiveInt = 1
    """Parts into which a head's tokens are cut."""

    def solve(self, *, method: Method = "auto", seconds: float = SECONDS) -> Placement:
        """The balanced cache."""
        return balance_kv(
            self.contexts, self.kv_heads, self.token_bytes, self.channels,
            capacity=_whole(self.capacity), pieces=self.pieces, method=method, seconds=seconds,
        )  # fmt: skip


class ExpertPlacement(PlacementFile, kind="experts"):
    """Experts on devices that are alike: the busiest has fewest tokens."""

    unit: ClassVar[str] = "tokens"

    loads: dict[str, NonNegativeInt] | tuple[NonNegativeInt, ...]
    """Tokens of each expert, by name or as a list."""
    bytes: Bytes = Bytes(0)
    """Bytes of one expert's weights."""
    devices: PositiveInt
    """Devices."""
    capacity: Bytes | None = None
    """Bytes of one device; left out where they do not matter."""
    spare: NonNegativeInt = 0
    """Copies beside the first of each, given to the experts with most tokens."""

    def solve(self, *, method: Method = "auto", seconds: float = SECONDS) -> Placement:
        """The balanced experts."""
        return place_experts(
            self.loads, int(self.bytes), self.devices,
            capacity=_whole(self.capacity), spare=self.spare, method=method, seconds=seconds,
        )  # fmt: skip


class Bin(Spec):
    """A bank, an SLR, a channel, a device."""

    name: str = Field(min_length=1)
    """Unique among the bins."""
    capacity: Bytes | None = None
    """Bytes it holds; left out where they do not matter."""
    speed: PositiveFloat = 1.0
    """How much load it does in one unit of time."""
    load: NonNegativeInt = 0
    """Time for which it is busy already."""


class Thing(Spec):
    """A tensor, or anything else that goes to one bin."""

    name: str = Field(min_length=1)
    """Unique among the items."""
    load: NonNegativeInt = 0
    """Work or traffic it brings."""
    size: Bytes = Bytes(0)
    """Bytes."""
    only: tuple[str, ...] = ()
    """Bins that may take it; all where none is named."""


class Together(Spec):
    """Two items that cost something in different bins."""

    items: tuple[str, str]
    """Their names."""
    cost: NonNegativeInt
    """Added to the objective unless they share a bin."""


class TensorPlacement(PlacementFile, kind="tensors"):
    """Items with sizes and loads in bins with room and speed: the slowest bin is done first."""

    items: Annotated[tuple[Thing, ...], Field(min_length=1)]
    """What is placed."""
    bins: Annotated[tuple[Bin, ...], Field(min_length=1)]
    """Where."""
    together: tuple[Together, ...] = ()
    """Pairs that had better share a bin."""
    apart: tuple[tuple[str, ...], ...] = ()
    """Sets of items no two of which may share a bin."""

    def solve(self, *, method: Method = "auto", seconds: float = SECONDS) -> Placement:
        """The placed items."""
        known = [one.name for one in self.bins]
        items = []
        for item in self.items:
            for name in item.only:
                if name not in known:
                    raise UnknownName("bin", name, known, where=f"item {item.name!r}")
            takers = [one for one in self.bins if not item.only or one.name in item.only]
            work = {one.name: ceil(item.load / one.speed) for one in takers}
            items.append(Item(item.name, work, int(item.size)))
        bins = [Unit(one.name, _whole(one.capacity), one.load) for one in self.bins]
        links = [Link(*pair.items, pair.cost) for pair in self.together]
        return place(items, bins, links=links, apart=self.apart, method=method, seconds=seconds)


class Timed(Spec):
    """An op."""

    name: str = Field(min_length=1)
    """Unique among the ops."""
    times: Annotated[dict[str, NonNegativeInt], Field(min_length=1)]
    """Unit -> time there; a unit that is not named cannot take it."""
    after: tuple[str, ...] = ()
    """Ops that must be done before, beside those whose results it takes."""


class Crossing(Spec):
    """What one op leaves for others."""

    maker: str
    """The op that makes it."""
    users: Annotated[tuple[str, ...], Field(min_length=1)]
    """Ops that take it; on another unit than the maker they wait for a copy."""
    cost: NonNegativeInt = 0
    """Time of a copy over the one link."""


class OpPlacement(PlacementFile, kind="ops"):
    """Ops that wait for each other on units that differ: the last one ends soonest."""

    ops: Annotated[tuple[Timed, ...], Field(min_length=1)]
    """What is done."""
    results: tuple[Crossing, ...] = ()
    """What goes from op to op."""

    def solve(self, *, method: Method = "auto", seconds: float = SECONDS) -> Schedule:
        """The schedule."""
        steps = [Step(one.name, one.times, one.after) for one in self.ops]
        results = [
            Result(f"{one.maker}, {number}", one.maker, one.users, one.cost) for number, one in enumerate(self.results)
        ]
        return schedule(steps, results, method=LIKE[method], seconds=seconds)


def read_placement(path: str | Path) -> PlacementFile:
    """What a YAML file asks to place.

    Raises
    ------
    BadInput
        Not such a file; names the lines.
    """
    document = load_document(Path(path).expanduser())
    kinds = ", ".join(kind for kind, _ in PlacementFile.registry.items())
    if "kind" not in document.data:
        raise BadInput("kind is missing", where=str(path), right=f"kind: one of {kinds}")
    return build(PlacementFile, document, label="placement")


def _whole(capacity: Bytes | None) -> int | None:
    return None if capacity is None else int(capacity)
