"""RTL of the multiply-accumulate with weights of 2, 4 or 8 bits."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed

from archsim.hdl.body import Body, body
from archsim.hdl.pipe import handshake
from archsim.units.cores.var_mac import ACTIVATION, CHANNELS, DIGITS, PACKED, SPACING, VarMac

PRODUCT = ACTIVATION + 3
"""Bits of a digit times an activation: -2 .. 3 times -128 .. 127."""


def elements(payload: Any, name: str, count: int) -> list[Any]:
    """A field's elements, also where there is only one."""
    return [payload[name][index] for index in range(count)] if count > 1 else [payload[name]]


def total(values: list[Any]) -> Any:
    """A balanced tree of adders."""
    while len(values) > 1:
        pairs = [a + b for a, b in zip(values[::2], values[1::2], strict=False)]
        values = pairs + values[len(pairs) * 2 :]
    return values[0]


def digit_products(m: Any, word: Any, activations: list[Any], mode: Any, name: str) -> list[Any]:
    """Each digit of a word times the activation of the weight it belongs to: at most one addition."""
    products = []
    for place in range(DIGITS):
        top = Const(1) if place == DIGITS - 1 else (mode == 0) | (mode == 1) if place == 1 else mode == 0
        own, low, high = Signal(signed(ACTIVATION), name=f"{name}_a{place}"), word[2 * place], word[2 * place + 1]
        m.d.comb += own.eq(Mux(mode == 0, activations[place], Mux(mode == 1, activations[place // 2], activations[0])))
        product = Signal(signed(PRODUCT), name=f"{name}_p{place}")
        m.d.comb += product.eq(Mux(low, own, 0) + Mux(high, Mux(top, -(own << 1), own << 1), 0))
        products.append(product)
    return products


def placed(products: list[Any], mode: Any) -> Any:
    """The digit products of a word, each shifted to its place in its weight, added up."""
    shifts = [(0, 0, 0), (0, 2, 2), (0, 0, 4), (0, 2, 6)]
    terms = [
        Mux(mode == 0, p << a, Mux(mode == 1, p << b, p << c)) for p, (a, b, c) in zip(products, shifts, strict=True)
    ]
    return total(terms)


def packed_weights(m: Any, word: Any, mode: Any, name: str) -> Any:
    """The weights of all channels in one number, each where its product will lie."""
    by_width = []
    for width, channels, spacing in ((2, 3, SPACING[0]), (4, 2, SPACING[1]), (8, 2, SPACING[2])):
        weights = [word[width * k : width * (k + 1)].as_signed() << (spacing * k) for k in range(channels)]
        by_width.append(total(list(weights)))
    packed = Signal(signed(PACKED), name=f"{name}_packed")
    m.d.comb += packed.eq(Mux(mode == 0, by_width[0], Mux(mode == 1, by_width[1], by_width[2])))
    return packed


def unpacked_products(product: Any, mode: Any) -> list[Any]:
    """The products of the channels; a negative one has borrowed from the one above, which gets it back."""

    def cut(spacing: int, place: int) -> Any:
        low, high = spacing * place, spacing * (place + 1)
        own = product[low:high].as_signed() if high <= len(product) else product[low:].as_signed()
        return own + product[low - 1] if place else own

    wide, narrow = SPACING[2], SPACING[0]
    found = [Mux(mode == 0, cut(narrow, k), cut(wide, k)) for k in range(2)]
    return [*found, Mux(mode == 0, cut(narrow, 2), 0)]


@body("var_mac")
class VarMacRtl(Body):
    """Three stages that move together; only an output that is not taken stops them."""

    def elaborate(self, platform: Any) -> Any:
        """Products, the sum over lanes, the accumulator."""
        m = Module()
        spec: VarMac = self.spec
        moves, given = handshake(m, self), self.i.payload
        flags: Any = Cat(self.i.valid & given.first, self.i.valid & given.last, self.i.valid)
        mode = given.mode
        kept, mode1, flags1 = self._products(m, moves), Signal(2, reset_less=True), Signal(3)
        sums, flags2 = self._sums(m, kept, mode1), Signal(3)
        with m.If(moves):
            m.d.sync += [mode1.eq(mode), flags1.eq(flags), flags2.eq(flags1), self.o.valid.eq(flags2[1])]
            for channel, (before, after) in enumerate(zip(sums, self._accumulators(spec), strict=True)):
                stage = Signal.like(before, name=f"lanes{channel}", reset_less=True)
                m.d.sync += stage.eq(before)
                with m.If(flags2[2]):
                    m.d.sync += after.eq(Mux(flags2[0], 0, after) + stage)
        return m

    def _accumulators(self, spec: VarMac) -> list[Any]:
        count = 1 if spec.packing == "digits" else max(CHANNELS)
        return [value.as_signed() for value in elements(self.o.payload, "sum", count)]

    def _products(self, m: Any, moves: Any) -> list[list[Any]]:
        """Per lane, the registers after the multipliers."""
        spec, given = self.spec, self.i.payload
        per_word = DIGITS if spec.packing == "digits" else 1
        words = elements(given, "w", spec.lanes)
        activations = [a.as_signed() for a in elements(given, "a", spec.lanes * per_word)]
        kept = []
        for lane, word in enumerate(words):
            name, own = f"lane{lane}", activations[lane * per_word : (lane + 1) * per_word]
            if spec.packing == "digits":
                found = digit_products(m, word, own, given.mode, name)
            else:
                wide = packed_weights(m, word, given.mode, name)
                found = [wide * own[0]]
            registers = [Signal.like(p, name=f"{name}_product{k}", reset_less=True) for k, p in enumerate(found)]
            with m.If(moves):
                m.d.sync += [register.eq(p) for register, p in zip(registers, found, strict=True)]
            kept.append(registers)
        return kept

    def _sums(self, m: Any, kept: list[list[Any]], mode: Any) -> list[Any]:
        """Per output channel, the sum over lanes."""
        if self.spec.packing == "digits":
            words = [placed(products, mode) for products in kept]
            by_channel = [words]
        else:
            parts = [unpacked_products(products[0], mode) for products in kept]
            by_channel = [list(channel) for channel in zip(*parts, strict=True)]
        sums = []
        for channel, values in enumerate(by_channel):
            value = total(values)
            summed = Signal(value.shape(), name=f"summed{channel}")
            m.d.comb += summed.eq(value)
            sums.append(summed)
        return sums
