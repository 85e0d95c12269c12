"""The controller chip in time: vector functions as passes over adders and multipliers, one function at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from archsim.core.errors import UnknownName
from archsim.ir.affine import IntArray
from archsim.ir.block import Calendar, Outcome, Step
from archsim.models.pim_dram.energy import asic_energy
from archsim.models.pim_dram.spec import Asic

NO_STATE: IntArray = np.zeros((1, 0), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Pass:
    """One sweep over `n` elements, each taking `adds` additions and `muls` multiplications.

    A `tree` pass reduces the elements to one per row and so ends with log2(adders) levels; `chain` says how many
    results of the arithmetic units follow one another in a dependence chain (for their pipeline latency); `reads` is
    how many operands an element takes from the scratchpad. Every pass but a tree writes its elements back.
    """

    n: IntArray
    adds: int | IntArray
    muls: int | IntArray
    tree: bool = False
    chain: int | IntArray = 1
    reads: int | IntArray = 1


class AsicBlock:
    """Functions are built from passes, following PIM-GPT.

    Exp and tanh by Taylor series, division by Newton-Raphson reciprocal, 1/sqrt by the bit trick and Newton steps,
    reductions by adder trees.
    """

    calendar: Calendar | None = None
    address_args: tuple[str, ...] = ()
    address_slots: tuple[int, ...] = ()

    def __init__(self, spec: Asic, element_bytes: int) -> None:
        self._spec, self._bytes, self._calls = spec, element_bytes, 0
        self._functions: Mapping[str, Callable[[IntArray, IntArray], list[Pass]]] = {
            "softmax": self._softmax,
            "layernorm": self._layernorm,
            "rmsnorm": self._rmsnorm,
            "gelu": self._gelu,
            "silu": self._silu,
            "relu": lambda m, n: [Pass(m * n, 1, 0)],
            "add": lambda m, n: [Pass(m * n, 1, 0, reads=2)],
            "gate": lambda m, n: [Pass(m * n, 0, 1, reads=2)],
            "scale": lambda m, n: [Pass(m * n, 0, 1)],
            "rope": lambda m, n: [Pass(m * n, 1, 2, chain=2)],
            "copy": lambda m, n: [Pass(m * n, 1, 0)],  # through the adders
            "argmax": lambda m, n: [Pass(m * n, 1, 0, tree=True)],
        }

    @property
    def events(self) -> int:
        """Calls, each a closed form."""
        return self._calls

    def initial(self) -> IntArray:
        """Nothing is remembered between functions."""
        return np.zeros(0, dtype=np.int64)

    def run(self, kernel: str, args: Mapping[str, IntArray], state: IntArray, idle: IntArray) -> Outcome:
        """Cycles of the passes, one after the other."""
        self._calls += 1
        passes = self._passes(kernel, args)
        time = self._ps(sum((self._cycles(p) for p in passes), np.zeros(1, dtype=np.int64)))
        return Outcome(time, time, self._counters(kernel, args, passes, time), NO_STATE, np.full(1, -1, dtype=np.int64))

    def step(self, kernel: str, args: Mapping[str, int], state: IntArray, idle: int, until_due: int) -> Step:
        """The same for one lane."""
        arrays = {k: np.array([v], dtype=np.int64) for k, v in args.items()}
        out = self.run(kernel, arrays, NO_STATE, np.zeros(1, dtype=np.int64))
        return Step(int(out.done[0]), int(out.free[0]), {k: int(v[0]) for k, v in out.counters.items()}, NO_STATE[0], 0)

    def refreshed(self, count: int) -> Mapping[str, int]:
        """The controller's memory is SRAM."""
        return {}

    def bound(self, kernel: str, args: Mapping[str, IntArray]) -> IntArray:
        """All additions and multiplications at peak rate, side by side."""
        passes = self._passes(kernel, args)
        zero = np.zeros(1, dtype=np.int64)
        adds = sum((p.n * p.adds for p in passes), zero)
        muls = sum((p.n * p.muls for p in passes), zero)
        return self._ps(np.maximum(adds // self._spec.adders, muls // self._spec.multipliers))

    def energy(self, counters: Mapping[str, int], elapsed: int) -> Mapping[str, int]:
        """See `energy.asic_energy`."""
        return asic_energy(self._spec.energy, counters, elapsed)

    def traffic(self, counters: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        """Bytes at the scratchpad's ports."""
        return {"asic.sram": (counters.get("sram_read", 0), counters.get("sram_written", 0))}

    def _passes(self, kernel: str, args: Mapping[str, IntArray]) -> list[Pass]:
        if kernel == "finish":
            return [self._owed(args["m"] * args["n"], args["adds"], args["muls"])]
        if kernel == "combine":
            return [
                self._owed(
                    args["m"] * args["n"], -(-args["tokens"] // args["segment"]) - 1, np.zeros(1, dtype=np.int64)
                )
            ]
        if kernel not in self._functions:
            raise UnknownName("controller function", kernel, (*self._functions, "finish", "combine"))
        return self._functions[kernel](args["m"], args["n"])

    def _owed(self, n: IntArray, adds: IntArray, muls: IntArray) -> Pass:
        """What is left of n results of a matrix product: partial sums, bias, scaling."""
        return Pass(n, adds, muls, chain=adds + muls, reads=adds + 1)

    def _softmax(self, m: IntArray, n: IntArray) -> list[Pass]:
        all_, s = m * n, self._spec
        return [
            Pass(all_, 1, 0, tree=True),  # running maximum
            Pass(all_, 1 + s.taylor_terms, 2 * s.taylor_terms, chain=1 + 2 * s.taylor_terms),  # exp(x - max)
            Pass(all_, 1, 0, tree=True),  # sum
            self._reciprocal(m),
            Pass(all_, 0, 1),
        ]

    def _layernorm(self, m: IntArray, n: IntArray) -> list[Pass]:
        all_ = m * n
        return [
            Pass(all_, 1, 0, tree=True),  # mean
            Pass(all_, 1, 1, chain=2),  # centre and square
            Pass(all_, 1, 0, tree=True),  # variance
            self._root(m),
            Pass(all_, 1, 2, chain=3, reads=3),  # scale, gain, offset
        ]

    def _rmsnorm(self, m: IntArray, n: IntArray) -> list[Pass]:
        return [Pass(m * n, 0, 1), Pass(m * n, 1, 0, tree=True), self._root(m), Pass(m * n, 0, 2, chain=2, reads=2)]

    def _gelu(self, m: IntArray, n: IntArray) -> list[Pass]:
        """0.5 x (1 + tanh(x (a + b x^2))), the argument of tanh clamped to where its series holds."""
        terms = self._spec.taylor_terms
        adds, muls = 1 + 2 + terms + 1, 3 + 2 * terms + 2
        return [Pass(m * n, adds, muls, chain=adds + muls)]

    def _silu(self, m: IntArray, n: IntArray) -> list[Pass]:
        """X / (1 + exp(-x))."""
        s = self._spec
        adds, muls = s.taylor_terms + 1 + s.newton_steps, 2 * s.taylor_terms + 2 * s.newton_steps + 1
        return [Pass(m * n, adds, muls, chain=adds + muls)]

    def _reciprocal(self, m: IntArray) -> Pass:
        steps = self._spec.newton_steps
        return Pass(m, steps, 2 * steps, chain=3 * steps)

    def _root(self, m: IntArray) -> Pass:
        steps = self._spec.newton_steps
        return Pass(m, steps, 4 * steps, chain=5 * steps)

    def _cycles(self, p: Pass) -> IntArray:
        """Issue cycles of the scarcer unit, the dependence chain's latency, the levels of a tree."""
        s = self._spec
        issue = np.maximum(-(-p.n * p.adds // s.adders), -(-p.n * p.muls // s.multipliers))
        levels = (s.adders - 1).bit_length() if p.tree else 0
        return np.asarray(issue + (p.chain * s.pipeline + levels) * (p.n > 0), dtype=np.int64)

    def _ps(self, cycles: IntArray) -> IntArray:
        hz = int(self._spec.clock)
        if 10**12 % hz == 0:
            return np.asarray(cycles * (10**12 // hz), dtype=np.int64)
        whole, rest = cycles // hz, cycles % hz  # keeps the product within 64 bits for whole seconds
        if hz <= 9 * 10**6:
            return np.asarray(whole * 10**12 + -(-rest * 10**12 // hz), dtype=np.int64)
        exact = [-(-int(c) * 10**12 // hz) for c in cycles]
        return np.array(exact, dtype=np.int64)

    def _counters(
        self, kernel: str, args: Mapping[str, IntArray], passes: list[Pass], time: IntArray
    ) -> dict[str, IntArray]:
        zero = np.zeros(1, dtype=np.int64)
        written = sum((p.n for p in passes if not p.tree), args["m"] if passes[-1].tree else zero)
        return {
            "adds": sum((p.n * p.adds for p in passes), zero),
            "muls": sum((p.n * p.muls for p in passes), zero),
            "sram_read": sum((p.n * p.reads for p in passes), zero) * self._bytes,
            "sram_written": written * self._bytes,
            f"t_{kernel}": time,
        }
