"""RTL of the dot product: see `archsim.units.cores.dot_tree` for what it computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed

from archsim.hdl.body import Body, body
from archsim.hdl.float import Fp32Add
from archsim.hdl.pipe import Signals, Step, handshake, pipe
from archsim.units.cores.dot_tree import DotTree
from archsim.units.cores.softfloat import INF, NAN


@body("dot_tree")
class DotTreeRtl(Body):
    """Steps with registers between them; the last register is the accumulator and the output."""

    spec: DotTree

    def elaborate(self, platform: object) -> Any:
        """Chain the steps of the specification."""
        m = Module()
        enable = handshake(m, self)
        beat = self.i.payload
        given = {"valid": self.i.valid, "first": beat.first, "last": beat.last}
        lanes = range(self.spec.lanes)
        given |= {f"{name}{lane}": _element(beat[name], self.spec.lanes, lane) for name in "ab" for lane in lanes}
        steps, registers = self._steps(), self.spec.registers
        out = pipe(m, enable, given, steps, registers[:-1])
        self._accumulate(m, enable, out)
        return m

    def _steps(self) -> list[Step]:
        """All but the accumulation."""
        spec = self.spec
        tree: list[Step] = [_adder(spec.lanes >> (level + 1)) for level in range(spec.levels)]
        if not spec.floating:
            return [self._integer_product, *tree]
        return [self._product, self._largest, self._align, *tree, self._normalise, self._round]

    def _integer_product(self, m: Any, x: Signals) -> Signals:
        out = {name: x[name] for name in ("valid", "first", "last")}
        for lane in range(self.spec.lanes):
            product = Signal(signed(16), name=f"product{lane}")
            m.d.comb += product.eq(x[f"a{lane}"].as_signed() * x[f"b{lane}"].as_signed())
            out[f"t{lane}"] = product
        return out

    def _product(self, m: Any, x: Signals) -> Signals:
        """Exact products of significands, sums of exponents; what is infinite or no number is known from here on."""
        out = {name: x[name] for name in ("valid", "first", "last")}
        nan, up, down = [], [], []
        fmt = self.spec.fmt
        for lane in range(self.spec.lanes):
            a, b = _fields(x[f"a{lane}"], fmt), _fields(x[f"b{lane}"], fmt)
            zero = a["zero"] | b["zero"]
            sign = a["sign"] ^ b["sign"]
            infinite = a["infinite"] | b["infinite"]
            nan.append(a["nan"] | b["nan"] | (infinite & zero))
            up.append(infinite & ~sign)
            down.append(infinite & sign)
            product = Signal(fmt.product_bits, name=f"product{lane}")
            exponent = Signal(fmt.exponent + 1, name=f"exponent{lane}")
            m.d.comb += [
                product.eq(a["significand"] * b["significand"]),
                exponent.eq(Mux(zero, 0, a["exponent"] + b["exponent"])),
            ]
            out |= {f"p{lane}": product, f"e{lane}": exponent, f"n{lane}": sign}
        flags = Signal(3, name="flags")
        any_nan, any_up, any_down = Cat(*nan).any(), Cat(*up).any(), Cat(*down).any()
        m.d.comb += flags.eq(Cat(any_nan | (any_up & any_down), any_up, any_down))
        return out | {"flags": flags}

    def _largest(self, m: Any, x: Signals) -> Signals:
        """The largest exponent of the beat, by a tree of comparisons."""
        found = [x[f"e{lane}"] for lane in range(self.spec.lanes)]
        while len(found) > 1:
            level = len(found) // 2
            larger = [Signal(len(found[0]), name=f"larger{level}_{k}") for k in range(level)]
            pairs = zip(found[::2], found[1::2], strict=True)
            m.d.comb += [out.eq(Mux(p > q, p, q)) for out, (p, q) in zip(larger, pairs, strict=True)]
            found = larger
        return {**x, "exponent": found[0]}

    def _align(self, m: Any, x: Signals) -> Signals:
        """Shift every product to the largest exponent, cut off what falls below the guard bits, apply the sign."""
        spec = self.spec
        width = spec.fmt.product_bits + spec.guard
        bits = width.bit_length()
        out = {name: x[name] for name in ("valid", "first", "last", "flags", "exponent")}
        for lane in range(spec.lanes):
            places = Signal(len(x["exponent"]), name=f"places{lane}")
            shifted = Signal(width, name=f"shifted{lane}")
            term = Signal(signed(width + 1), name=f"term{lane}")
            m.d.comb += [
                places.eq(x["exponent"] - x[f"e{lane}"]),
                shifted.eq(Cat(Const(0, spec.guard), x[f"p{lane}"]) >> places[:bits]),
                term.eq(Mux(x[f"n{lane}"], -shifted, shifted)),
            ]
            if bits < len(places):
                with m.If(places[bits:].any()):
                    m.d.comb += term.eq(0)
            out[f"t{lane}"] = term
        return out

    def _normalise(self, m: Any, x: Signals) -> Signals:
        """Sign and magnitude, the leading one at the top, and the exponent that goes with it."""
        spec = self.spec
        total = x["t0"]
        width = max(spec.sum_bits, 27)
        magnitude = Signal(width, name="magnitude")
        m.d.comb += magnitude.eq(Mux(total < 0, -total, total))
        value: Any = magnitude
        places: list[Any] = []
        step = 1 << ((width - 1).bit_length() - 1)
        while step:
            moved = Signal(width, name=f"moved{step}")
            empty = Signal(name=f"empty{step}")
            m.d.comb += [empty.eq(~value[-step:].any()), moved.eq(Mux(empty, value << step, value))]
            places.insert(0, empty)
            value, step = moved, step // 2
        # Of a leading one at the top: the exponent of the value, in the terms of fp32.
        offset = width - 1 - 2 * spec.fmt.bias - 2 * spec.fmt.fraction - spec.guard + 127
        exponent = Signal(signed(12), name="normal_exponent")
        m.d.comb += exponent.eq(x["exponent"] + offset - Cat(*places))
        keep = {name: x[name] for name in ("valid", "first", "last", "flags")}
        rest = value[: width - 25].any()
        return {
            **keep,
            "exponent": exponent,
            "man": value[width - 24 :],
            "low": Cat(rest, value[width - 25]),
            "sign": total < 0,
        }

    def _round(self, m: Any, x: Signals) -> Signals:
        """To the nearest fp32, ties to even; infinities and NaN of the beat take precedence."""
        man, exponent, flags = x["man"], x["exponent"], x["flags"]
        # Just below the smallest normal number the last place is worth twice as much: all ones round up to it.
        edge = (exponent == 0) & man.all()
        up = (x["low"][1] & (x["low"][0] | man[0])) | edge
        rounded = Signal(signed(36), name="rounded")
        m.d.comb += rounded.eq(Cat(man[:23], exponent).as_signed() + up)
        word = Signal(32, name="root")
        m.d.comb += word.eq(Cat(rounded[:31], x["sign"]))
        with m.If(~man[23]):
            m.d.comb += word.eq(0)
        with m.Elif(rounded < (1 << 23)):
            m.d.comb += word[:31].eq(0)
        with m.Elif(rounded >= INF):
            m.d.comb += word[:31].eq(INF)
        with m.If(flags[0]):
            m.d.comb += word.eq(NAN)
        with m.Elif(flags[1]):
            m.d.comb += word.eq(INF)
        with m.Elif(flags[2]):
            m.d.comb += word.eq(INF | 1 << 31)
        return {**{name: x[name] for name in ("valid", "first", "last")}, "t0": word}

    def _accumulate(self, m: Any, enable: Any, x: Signals) -> None:
        """The sum so far and what the beat adds to it; the sum leaves with the last beat."""
        total, after = Signal(32, name="total"), Signal(32, name="after")
        if self.spec.floating:
            m.submodules.adder = adder = Fp32Add(stages=0)
            m.d.comb += [adder.a.eq(total), adder.b.eq(x["t0"]), after.eq(Mux(x["first"], x["t0"], adder.o))]
        else:
            m.d.comb += after.eq(Mux(x["first"], 0, total) + x["t0"])
        with m.If(enable):
            m.d.sync += self.o.valid.eq(x["valid"] & x["last"])
            with m.If(x["valid"]):
                m.d.sync += total.eq(after)
        m.d.comb += self.o.payload.sum.eq(total)


def _element(operand: Any, lanes: int, lane: int) -> Any:
    return operand[lane] if lanes > 1 else operand


def _adder(outputs: int) -> Callable[[Any, Signals], Signals]:
    """One level of the tree: half as many sums, a bit wider."""

    def step(m: Any, x: Signals) -> Signals:
        out = {name: value for name, value in x.items() if not name[1:].isdigit()}
        for k in range(outputs):
            left, right = x[f"t{2 * k}"], x[f"t{2 * k + 1}"]
            total = Signal(signed(len(left) + 1), name=f"sum{outputs}_{k}")
            m.d.comb += total.eq(left + right)
            out[f"t{k}"] = total
        return out

    return step


def _fields(word: Any, fmt: Any) -> dict[str, Any]:
    """The parts of an element, and what it is."""
    fraction, exponent = word[: fmt.fraction], word[fmt.fraction : fmt.fraction + fmt.exponent]
    zero, top = exponent == 0, exponent == fmt.top
    return {
        "sign": word[-1],
        "exponent": exponent,
        "significand": Mux(zero, Const(0, fmt.fraction + 1), Cat(fraction, Const(1, 1))),
        "zero": zero,
        "infinite": top & (fraction == 0),
        "nan": top & (fraction != 0),
    }
