"""The RTL body of a unit: a component with one input and one output stream, made from the unit's specification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from amaranth.hdl import unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from archsim.core.errors import BadInput
from archsim.core.registry import Registry
from archsim.units.cores.core import Core, Port

T = TypeVar("T", bound="type[Body]")

BODIES: Registry[type[Body]] = Registry("RTL body")
"""Kind of unit -> its body; filled when the module of the same name in `archsim.hdl.units` is imported."""


class Body(wiring.Component):
    """RTL of a unit.

    Members
    -------
    i : stream in
        One input beat per transfer: payload fields as in `spec.inputs`.
    o : stream out
        One output beat per transfer. Where the unit is not elastic, `o.ready` is the constant 1.

    Parameters
    ----------
    spec
        The unit's specification; stays available as ``self.spec``.
    """

    kind: ClassVar[str] = ""

    def __init__(self, spec: Core) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(layout(spec.inputs))),
                "o": Out(stream.Signature(layout(spec.outputs), always_ready=not spec.elastic)),
            }
        )
        self.spec: Any = spec


def layout(ports: Sequence[Port]) -> data.StructLayout:
    """Fields as one packed word, the first at bit 0."""
    fields = {p.name: data.ArrayLayout(unsigned(p.bits), p.count) if p.count > 1 else unsigned(p.bits) for p in ports}
    return data.StructLayout(fields)


def body(kind: str) -> Callable[[T], T]:
    """Class decorator: this body is the RTL of the units of a kind."""

    def register(cls: T) -> T:
        cls.kind = kind
        BODIES.add(kind, cls)
        return cls

    return register


def build(spec: Core) -> Body:
    """The RTL of a specification.

    Raises
    ------
    BadInput
        No RTL is written for this kind of unit.
    """
    if spec.kind not in BODIES:
        try:
            import_module(f"archsim.hdl.units.{spec.kind}")
        except ModuleNotFoundError as error:
            if error.name != f"archsim.hdl.units.{spec.kind}":
                raise
            raise BadInput(
                f"unit {spec.kind!r} has no RTL", right="a body registered with @body(kind)", try_="archsim rtl list"
            ) from None
    return BODIES.get(spec.kind)(spec)
