"""Data flows of `archsim.units.cores` as pipelines: the third reading, and the body of units that are nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, EnableInserter, Module, Mux, Signal, Value

from archsim.hdl import float as circuits
from archsim.hdl.body import Body
from archsim.units.cores import softfloat as sf
from archsim.units.cores._flow import Flow


@dataclass(frozen=True, eq=False)
class Timed:
    """A value and the cycles that it is behind the input; constants are of any age."""

    value: Any
    age: int = 0
    fixed: bool = False
    token: bool = False
    """Says whether there is anything, so that reset must clear it on its whole way."""


class Circuits(Flow[Timed]):
    """The reading as RTL, in a module of its own whose registers move with every clock."""

    def __init__(self, mul_stages: int, add_stages: int) -> None:
        self.module = Module()
        self._mul_stages, self._add_stages = mul_stages, add_stages
        self._count = 0
        self._delayed: dict[tuple[Timed, int], Any] = {}

    def at(self, value: Timed, age: int) -> Any:
        """The value delayed to an age; those who ask for the same delay share its registers."""
        if value.fixed or value.age == age:
            return value.value
        key = (value, age)
        if key not in self._delayed:
            before = self.at(value, age - 1)
            after = Signal(before.shape(), name=self._name("delay"), reset_less=not value.token)
            self.module.d.sync += after.eq(before)
            self._delayed[key] = after
        return self._delayed[key]

    def constant(self, value: float) -> Timed:
        """A constant."""
        return Timed(Const(int(sf.to_bits(value)), 32), fixed=True)

    def mul(self, a: Timed, b: Timed) -> Timed:
        """A multiplier."""
        return self._part("mul", circuits.Fp32Mul(self._mul_stages), a, b)

    def add(self, a: Timed, b: Timed) -> Timed:
        """An adder."""
        return self._part("add", circuits.Fp32Add(self._add_stages), a, b)

    def to_int(self, a: Timed, width: int) -> Timed:
        """Shift and round."""
        return Timed(circuits.fp32_to_int(self.module, a.value, width, self._name("whole")), a.age)

    def from_int(self, a: Timed) -> Timed:
        """Normalise."""
        return Timed(circuits.int_to_fp32(self.module, a.value, self._name("floated")), a.age)

    def scale(self, a: Timed, power: Timed) -> Timed:
        """Add to the exponent."""
        (word, places), age = self._aligned(a, power)
        return Timed(circuits.fp32_scale(self.module, word, places, self._name("scaled")), age)

    def narrow(self, a: Timed) -> Timed:
        """Round to bfloat16."""
        return Timed(circuits.fp32_to_bf16(self.module, a.value, self._name("narrowed")), a.age)

    def rom(self, entries: Sequence[int], width: int, index: Timed) -> Timed:
        """A table of constants, which becomes logic."""
        out = Signal(width, name=self._name("table"))
        with self.module.Switch(index.value):
            for number, entry in enumerate(entries):
                with self.module.Case(number):
                    self.module.d.comb += out.eq(entry)
            with self.module.Default():
                self.module.d.comb += out.eq(0)
        return Timed(out, index.age)

    def logic(self, width: int, function: Callable[..., Any], *args: Timed, signed: bool = False) -> Timed:
        """The operators on Amaranth's values."""
        values, age = self._aligned(*args)
        out = Signal(width, name=self._name("logic"))
        self.module.d.comb += out.eq(function(*values))
        return Timed(out.as_signed() if signed else out, age)

    def mux(self, condition: Any, one: Any, other: Any) -> Any:
        """A multiplexer."""
        return Mux(condition, one, other)

    def cut(self, a: Timed) -> Timed:
        """A register."""
        return Timed(self.at(a, a.age + 1), a.age + 1)

    def _aligned(self, *values: Timed) -> tuple[list[Any], int]:
        age = max((value.age for value in values if not value.fixed), default=0)
        return [self.at(value, age) for value in values], age

    def _part(self, name: str, part: Any, a: Timed, b: Timed) -> Timed:
        (one, other), age = self._aligned(a, b)
        self.module.submodules[self._name(name)] = part
        self.module.d.comb += [part.a.eq(one), part.b.eq(other)]
        return Timed(part.o, age + part.stages)

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{what}_{self._count}"


class FlowBody(Body):
    """A pipeline of `spec.flow` between two streams; it moves while its output is not held up."""

    def elaborate(self, platform: object) -> Any:
        """The flow, and beside it the bits that say which stages hold a beat."""
        m = Module()
        ops = Circuits(self.spec.mul_stages, self.spec.add_stages)
        result = self.spec.flow(ops, Timed(Value.cast(self.i.p.x)))
        moves = Signal()
        valid = Signal(result.age)
        ops.module.d.sync += valid.eq(Cat(self.i.valid, valid[:-1]))
        m.submodules.pipe = EnableInserter(moves)(ops.module)
        m.d.comb += [
            moves.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(moves),
            self.o.valid.eq(valid[-1]),
            self.o.p.y.eq(result.value),
        ]
        return m
