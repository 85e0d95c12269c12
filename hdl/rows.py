"""What units that hold a row have in common as RTL: phases, the row's memory, and the program on multiplier and adder.

::

              ┌ row ┐
    x ─┬──────┘     └─ a ─┐
       └─ running state b ┴ front ─┬ * ── + ─┬─ sums, registers
                                   └─ scale ─┴─ round ─ y
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, EnableInserter, Module, Mux, Signal, unsigned
from amaranth.lib.memory import Memory

from archsim.hdl import float as circuits
from archsim.hdl.body import Body
from archsim.hdl.flow import Circuits, Timed
from archsim.units.cores import softfloat as sf
from archsim.units.cores._rowcore import Operand

FILL, SOLVE, EMIT, DRAIN = range(4)


class RowBody(Body):
    """The frame of a unit that holds rows; see `archsim.units.cores._rowcore` for what happens when.

    All registers are in one module, `self.m`, which moves while no output is held up. Signals of the frame: `phase`,
    `clock` (moves since the row's last element), `count` (the element that is taken or read), `lane`, `taken` (an
    element arrives), `begins` (filling is about to begin). A subclass says what is different: the methods without an
    underscore.
    """

    def elaborate(self, platform: object) -> Any:
        """The phases, then what follows an element from the operand registers to the output."""
        top = Module()
        self.ops = Circuits(self.spec.mul_stages, self.spec.add_stages)
        self.m = self.ops.module
        self._signals()
        self.setup()
        self._phases()
        self.derived = self._derived()
        self._program()
        out, token = self._datapath()
        moves = Signal()
        top.submodules.core = EnableInserter(moves)(self.m)
        top.d.comb += [
            moves.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(moves & (self.phase == FILL)),
            self.o.valid.eq(token),
            self.o.payload.eq(out),
        ]
        return top

    def setup(self) -> None:
        """Make the registers of the unit: those of the program in `self.registers`, by name."""
        raise self._missing("setup")

    def ends(self) -> Any:
        """Whether the element that arrives is the row's last."""
        raise self._missing("ends")

    def issue(self) -> tuple[Any, Any, dict[str, Any]]:
        """What goes into the operand registers: two words, and fields that travel beside them."""
        raise self._missing("issue")

    def front(self, a: Timed, b: Timed) -> Timed:
        """What is between operand registers and multiplier."""
        raise self._missing("front")

    def operands(self, value: Any, beside: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """Factors and addend for an element that has come through the front."""
        raise self._missing("operands")

    def keep(self, value: Timed, result: Timed, beside: Mapping[str, Timed]) -> None:
        """Write sums: `value` comes out of the front, `result` out of the adder."""
        raise self._missing("keep")

    def result(self, word: Any, beside: Mapping[str, Any]) -> Any:
        """The output word behind the multiplier."""
        return word

    def _missing(self, name: str) -> TypeError:
        return TypeError(f"{type(self).__name__} must define {name}()")

    def read(self, bits: Any, name: str) -> Any:
        """An element as a word of binary32, flushed."""
        if self.spec.fmt == "fp32":
            return circuits.flushed(self.m, bits, name)
        return circuits.bf16_to_fp32(self.m, bits, name)

    def _signals(self) -> None:
        spec = self.spec
        self.phase = Signal(2)
        self.clock = Signal(range(spec.start + spec.stride * len(spec.program) + 1))
        self.count = Signal(range(spec.length))
        self.size = Signal(range(spec.length))
        self.lane = Signal(range(spec.lanes))
        self.taken = Signal()
        self.begins = Signal()
        self.registers: dict[str, Any] = {}
        self.m.d.comb += self.taken.eq(self.i.valid & (self.phase == FILL))

    def _phases(self) -> None:
        m, spec = self.m, self.spec
        m.submodules.row = row = Memory(shape=unsigned(spec.bits), depth=spec.length, init=[])
        write, read = row.write_port(), row.read_port()
        last = Signal()
        m.d.comb += [
            write.addr.eq(self.count),
            write.data.eq(self.i.p.x),
            write.en.eq(self.taken),
            read.addr.eq(Mux(self.phase == EMIT, self.count + 1, 0)),
            last.eq(self.count == self.size),
        ]
        self.held, self.last = read.data, last
        end = spec.emit + spec.front  # the program's last cycle; the clock may stand still from there
        done = self.clock >= end
        with m.If((self.phase != FILL) & (self.clock <= end)):
            m.d.sync += self.clock.eq(self.clock + 1)
        with m.If(self.phase == FILL), m.If(self.taken):
            m.d.sync += [self.count.eq(self.count + 1), self.lane.eq(self.lane + 1)]
            with m.If(self.lane == spec.lanes - 1):
                m.d.sync += self.lane.eq(0)
            with m.If(self.ends()):
                m.d.sync += [self.phase.eq(SOLVE), self.size.eq(self.count), self.count.eq(0), self.clock.eq(1)]
        with m.Elif(self.phase == SOLVE), m.If(self.clock == spec.emit - 1):
            m.d.sync += self.phase.eq(EMIT)
        with m.Elif(self.phase == EMIT):
            m.d.sync += self.count.eq(self.count + 1)
            with m.If(last):
                m.d.sync += self.phase.eq(DRAIN)
                m.d.comb += self.begins.eq(done)
        with m.Else():
            m.d.comb += self.begins.eq(done)
        with m.If(self.begins):
            m.d.sync += [self.phase.eq(FILL), self.count.eq(0), self.lane.eq(0)]

    def _derived(self) -> dict[str, Any]:
        """A register behind each word that is a function of registers."""
        state = {name: Timed(register) for name, register in self.registers.items()}
        held = {}
        for name, word in self.spec.derive(self.ops, state).items():
            held[name] = Signal(32, name=name, reset_less=True)
            self.m.d.sync += held[name].eq(word.value)
        return held

    def _program(self) -> None:
        """Which step runs, and its operands; `writes` is high when its result is there."""
        m, spec, steps = self.m, self.spec, self.spec.program
        self.running, self.writes = Signal(), Signal()
        self.step = Signal(range(len(steps) + 1))
        beat = Signal(range(spec.stride))
        with m.If(self.running):
            m.d.sync += beat.eq(beat + 1)
            with m.If(beat == spec.stride - 1):
                m.d.sync += [beat.eq(0), self.step.eq(self.step + 1), self.running.eq(self.step != len(steps) - 1)]
        with m.Elif((self.clock == spec.start - 1) & (self.phase != FILL)):
            m.d.sync += [self.running.eq(1), beat.eq(0), self.step.eq(0)]
        m.d.comb += self.writes.eq(self.running & (beat == spec.lanes - 1))
        rows = ((self._word(s.a), self._word(s.b), self._word(s.c), Const(int(s.minus), 1)) for s in steps)
        choices = zip(*rows, strict=True)
        chosen = []
        for name, words in zip(("step_a", "step_b", "step_c", "step_minus"), choices, strict=True):
            chosen.append(selected(m, name, words, self.step))
        self._step = tuple(chosen)

    def _word(self, operand: Operand) -> Any:
        if isinstance(operand, float):
            return Const(int(sf.to_bits(operand)), 32)
        return self.derived[operand] if operand in self.derived else self.registers[operand]

    def _datapath(self) -> tuple[Any, Any]:
        """From the operand registers to the output beat and whether there is one."""
        ops, spec = self.ops, self.spec
        a, b, fields = self.issue()
        fields = {"emit": self.phase == EMIT} | fields
        value = self.front(self._operand("a", a), self._operand("b", b))
        beside = {name: self._operand(name, field, token=True) for name, field in fields.items()}
        ages = value.age, value.age + spec.mul_stages
        at = [{name: ops.at(field, age) for name, field in beside.items()} for age in ages]
        one, two, three = self.operands(value.value, at[0])
        step_a, step_b, step_c, minus = self._step
        product = ops.mul(
            Timed(Mux(self.running, step_a, one), ages[0]), Timed(Mux(self.running, step_b, two), ages[0])
        )
        turned = product.value ^ Cat(Const(0, 31), self.running & minus)
        addend = Mux(self.running, step_c, ops.at(Timed(three, ages[0]), ages[1]))
        total = ops.add(Timed(turned, ages[1]), Timed(addend, ages[1]))
        self._write(total.value)
        self.keep(value, total, beside)
        word = ops.cut(ops.write(Timed(self.result(product.value, at[1]), ages[1]), spec.fmt))
        out = Signal(self.o.payload.shape())
        self.m.d.comb += out.y.eq(word.value)
        if "last" in fields:
            self.m.d.comb += out.last.eq(ops.at(beside["last"], word.age))
        return out, ops.at(beside["emit"], word.age)

    def _write(self, total: Any) -> None:
        names = dict.fromkeys(step.dst for step in self.spec.program)
        for name in names:
            steps = [index for index, step in enumerate(self.spec.program) if step.dst == name]
            with self.m.If(self.writes & Cat(self.step == index for index in steps).any()):
                self.m.d.sync += self.registers[name].eq(total)

    def _operand(self, name: str, value: Any, *, token: bool = False) -> Timed:
        register = Signal(Signal.like(value).shape() if hasattr(value, "shape") else 1, name=f"issue_{name}")
        self.m.d.sync += register.eq(value)
        return Timed(register, token=token)


def selected(m: Any, name: str, words: Sequence[Any], index: Any) -> Any:
    """The word at an index, 0 beyond the last: every case is there, so that tools see no latch."""
    out = Signal(len(words[0]), name=name)
    with m.Switch(index):
        for number, word in enumerate(words):
            with m.Case(number):
                m.d.comb += out.eq(word)
        with m.Default():
            m.d.comb += out.eq(0)
    return out


def store(m: Any, words: Sequence[Any], index: Any, value: Any) -> None:
    """Write the register at an index."""
    for number, word in enumerate(words):
        with m.If(index == number):
            m.d.sync += word.eq(value)
