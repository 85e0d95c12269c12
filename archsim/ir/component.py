"""Components and designs: what a machine is made of, as frozen data that can build its own runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from archsim.core.errors import BadInput
from archsim.core.quantities import Frequency
from archsim.core.registry import Registry
from archsim.ir.kinded import Kinded
from archsim.ir.report import Fact

if TYPE_CHECKING:
    from archsim.ir.block import Block
    from archsim.ir.capability import Capability
    from archsim.ir.closedform import ClosedForm
    from archsim.ir.graph import Graph
    from archsim.ir.mapping import Mapping as Program


@dataclass(frozen=True, slots=True)
class OpCall:
    """One op as a custom component sees it: plain integers."""

    kind: str
    dims: Mapping[str, int]
    macs: int
    bytes_in: int
    """Bytes of all operands, weights and KV included."""
    bytes_out: int
    bytes_stored: int
    """The part of `bytes_in` that comes from memory however clever the machine is: weights and KV."""
    held_in: int = 0
    """The part of `bytes_in` that an earlier op left in the scratchpad: it need not be fetched."""
    held_stored: int = 0
    """The part of `bytes_stored` that an earlier block of rows left in the scratchpad: it need not be fetched again."""
    held_out: int = 0
    """The part of `bytes_out` that stays in the scratchpad: it need not be written to memory."""
    causal: bool = False
    """Whether a mask hides the keys behind each query's own position: what it hides need not be computed."""
    room: int | None = None
    """Bytes of the scratchpad that tiles may use beside what is held; None for all of it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one op costs on a component: cycles of its clock and energy in pJ; bytes moved default to the op's own."""

    cycles: int
    energy_pj: float = 0.0
    bytes_read: int | None = None
    bytes_written: int | None = None


@dataclass(frozen=True, slots=True)
class MainMemory:
    """The memory in which weights and cache live while a unit works."""

    field: str
    """The setting that gives its size; `Design.main_memories` puts the component's name before it."""
    nbytes: int
    bits: int | None = None
    """Width in which every element is stored, whatever the workload says; None for the workload's own."""
    width: str = ""
    """The setting that decides on that width, where there is one."""


class Component(Kinded):
    """A part of a machine: parameters with defaults and docs. Give it `cost` and it can execute ops by itself."""

    registry: ClassVar[Registry[type[Component]]] = Registry("component kind")

    clock: Frequency = Frequency("1 GHz")
    """Clock that the component's cycles count."""

    def cost(self, op: OpCall) -> Cost | None:
        """Time and energy of one op here, or None where the component cannot do it.

        Override to make a unit of your own.
        """
        return None

    def floor(self, op: OpCall) -> int:
        """Cycles that nothing could beat at this component's peak rates, for the lower bound; 0 where unknown.

        Override where peak rates are known: never more than the cycles of `cost`.
        """
        return 0

    @property
    def holds(self) -> int:
        """Bytes of a scratchpad in which results can stay from op to op; 0 where everything goes through memory.

        Override where `cost` charges no memory traffic for `OpCall.held_in`, `held_stored` and `held_out`, and never
        more for less that moves: a mapper keeps there what saves time or bytes.
        """
        return 0

    @property
    def stores(self) -> MainMemory | None:
        """The memory in which weights and cache live while it works; None where nothing is said about its size.

        Override to have workloads refused that are larger.
        """
        return None

    @property
    def carries(self) -> bool:
        """Whether results that another unit needs go over this component, each as an op of kind ``copy``.

        Override with True for a bus or a host interface. Without one, every unit finds all results at no cost.
        """
        return False

    @property
    def executes(self) -> bool:
        """Whether the component says what ops cost, and so is a unit of its own."""
        return type(self).cost is not Component.cost


def _memory(name: str, part: Component) -> MainMemory | None:
    """What a component stores, whatever its author made of it."""
    found: object = part.stores
    if found is None or isinstance(found, MainMemory):
        return found
    raise BadInput(
        f"stores is {found!r:.60}, not a MainMemory",
        where=f"component {name!r}",
        right="None, or archsim.MainMemory(field, nbytes)",
        try_='MainMemory("memory_size", int(self.memory_size))',
    )


class Design(Kinded):
    """A whole machine as frozen data. YAML and Python build the same object, and the type is the design space."""

    registry: ClassVar[Registry[type[Design]]] = Registry("design kind")

    @property
    def clock(self) -> Frequency:
        """The clock that the report's cycle count names: that of the first component."""
        for part in self.parts.values():
            return part.clock
        return Frequency("1 GHz")

    @cached_property
    def parts(self) -> Mapping[str, Component]:
        """Field name -> component."""
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in values if isinstance(value, Component)}

    def place(self, kind: str, options: Mapping[str, int]) -> str:
        """Choose the unit for an op of this kind from unit -> time in ps.

        Override for a policy; the default takes the fastest.
        """
        return min(options, key=lambda unit: (options[unit], unit))

    def capabilities(self) -> tuple[Capability, ...]:
        """What the machine's units can do, for mappers. By default every component with a `cost` is a unit."""
        from archsim.ir.opblock import op_units

        units = op_units(self)
        if not units:
            raise BadInput(
                f"design kind {self.kind or type(self).__name__!r} has no unit that executes anything",
                right="a component that executes ops overrides cost(self, op) -> Cost",
                try_="archsim new design NAME writes a working example",
            )
        return units

    @property
    def main_memories(self) -> tuple[MainMemory, ...]:
        """Where weights and cache live, together; empty where a unit does not say how much of it there is."""
        units = {name: part for name, part in self.parts.items() if part.executes and not part.carries}
        memories = [
            replace(each, field=f"{name}.{each.field}", width=each.width and f"{name}.{each.width}")
            for name, part in units.items()
            if (each := _memory(name, part)) is not None
        ]
        return tuple(memories) if len(memories) == len(units) else ()

    def blocks(self) -> Mapping[str, Block]:
        """Unit name -> its behaviour in time. By default every component with a `cost` becomes a block."""
        from archsim.ir.opblock import OpBlock

        return {name: OpBlock(name, part) for name, part in self.parts.items() if part.executes}

    def closed_form(self, mapping: Program, graph: Graph) -> ClosedForm | None:
        """The mapping in steady state without simulating it, or None where the machine has no formula.

        Override to make it the roofline fidelity, in place of bare peak rates.
        """
        return None

    def ratios(self, counters: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
        """Ratios of interest from the counters of each unit, such as the row hit rate."""
        return {}

    def facts(self) -> tuple[Fact, ...]:
        """Constants with their sources, assumptions, and what is not modelled."""
        return (Fact("source", self.kind, "user design: its numbers are the user's own", "assumed"),)
