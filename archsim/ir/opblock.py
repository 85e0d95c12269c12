"""Units that execute whole ops by a cost function: custom components and simple baselines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archsim.core.errors import BadInput
from archsim.ir.affine import IntArray
from archsim.ir.block import Calendar, Outcome, Step
from archsim.ir.capability import OpUnit
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.footprint import footprint, volume

FJ_PER_NJ = 10**6
NO_STATE: IntArray = np.zeros((1, 0), dtype=np.int64)


class OpBlock:
    """A block around `Component.cost`: one op at a time, no state between ops."""

    calendar: Calendar | None = None
    address_args: tuple[str, ...] = ()
    address_slots: tuple[int, ...] = ()

    def __init__(self, name: str, part: Component) -> None:
        self._name, self._part = name, part
        self._known: dict[tuple[str, tuple[tuple[str, int], ...]], tuple[int, dict[str, int]]] = {}

    def initial(self) -> IntArray:
        """Nothing is remembered between ops."""
        return np.zeros(0, dtype=np.int64)

    def run(self, kernel: str, args: Mapping[str, IntArray], state: IntArray, idle: IntArray) -> Outcome:
        """Ask the component once per distinct shape."""
        lanes = max((len(v) for v in args.values()), default=1)
        names = sorted(args)
        rows = np.stack([np.broadcast_to(args[n], lanes) for n in names]) if names else np.zeros((0, lanes), np.int64)
        unique, inverse = np.unique(rows, axis=1, return_inverse=True)
        answers = [self._ask(kernel, {n: int(v) for n, v in zip(names, column, strict=True)}) for column in unique.T]
        pick = inverse.reshape(-1)
        time = np.array([ps for ps, _ in answers], dtype=np.int64)[pick]
        keys = answers[0][1].keys()
        counters = {k: np.array([c[k] for _, c in answers], dtype=np.int64)[pick] for k in keys}
        return Outcome(time, time, counters, NO_STATE, np.full(1, -1, dtype=np.int64))

    def step(self, kernel: str, args: Mapping[str, int], state: IntArray, idle: int, until_due: int) -> Step:
        """The same answer for one op."""
        time, counters = self._ask(kernel, dict(args))
        return Step(time, time, counters, NO_STATE[0], 0)

    def refreshed(self, count: int) -> Mapping[str, int]:
        """Custom components do not refresh."""
        return {}

    def bound(self, kernel: str, args: Mapping[str, IntArray]) -> IntArray:
        """The component's own cost: nothing else is known about it."""
        return self.run(kernel, args, NO_STATE, np.zeros(1, dtype=np.int64)).done

    def energy(self, counters: Mapping[str, int], elapsed: int) -> Mapping[str, int]:
        """Energy as counted; custom components have no standby power."""
        return {self._name: counters.get("energy_nj", 0) * FJ_PER_NJ + counters.get("energy_fj", 0)}

    def traffic(self, counters: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        """Bytes as counted, under the unit's own name."""
        return {self._name: (counters.get("bytes_read", 0), counters.get("bytes_written", 0))}

    def _ask(self, kernel: str, args: dict[str, int]) -> tuple[int, dict[str, int]]:
        key = (kernel, tuple(sorted(args.items())))
        if key not in self._known:
            call = op_call(kernel, args)
            cost = self._part.cost(call)
            if cost is None:
                raise BadInput(
                    f"unit {self._name!r} ({self._part.kind}) cannot execute {kernel!r}",
                    try_="place it on another unit",
                )
            self._known[key] = (self._part.clock.ps(checked(cost, self._name, kernel).cycles), counts(cost, call))
        return self._known[key]


def op_call(kind: str, args: Mapping[str, int]) -> OpCall:
    """An op call from task arguments: the op's dims plus `act_bits`, `weight_bits` and `causal`."""
    dims = {k: v for k, v in args.items() if k not in ("act_bits", "weight_bits", "causal")}
    causal = bool(args.get("causal", 0))
    act, weight = args.get("act_bits", 16), args.get("weight_bits", 16)
    size = footprint(kind, dims, causal=causal)
    stored = -(-(size.weights * weight + size.kv * act) // 8)
    return OpCall(
        kind,
        dims,
        volume(kind, dims, causal=causal),
        stored + -(-size.inputs * act // 8),
        -(-size.outputs * act // 8),
        stored,
    )


def counts(cost: Cost, call: OpCall) -> dict[str, int]:
    """Counters of one op: bytes as the cost says, or the op's own."""
    energy_fj = round(cost.energy_pj * 1000)
    return {
        "macs": call.macs,
        # Whole nJ and the rest: a counter in fJ alone would overflow 64 bits at nine kilojoules, a minute of a server.
        "energy_nj": energy_fj // FJ_PER_NJ,
        "energy_fj": energy_fj % FJ_PER_NJ,
        "bytes_read": call.bytes_in if cost.bytes_read is None else cost.bytes_read,
        "bytes_written": call.bytes_out if cost.bytes_written is None else cost.bytes_written,
    }


def checked(cost: Cost, unit: str, kind: str) -> Cost:
    """A cost that time can be made of: whole, non-negative cycles and non-negative energy."""
    if not isinstance(cost.cycles, int | np.integer) or cost.cycles < 0 or not cost.energy_pj >= 0:
        raise BadInput(
            f"unit {unit!r} answered {cost!r} for {kind!r}",
            right="cycles is an int >= 0, energy_pj a number >= 0",
            try_="round up with -(-a // b), not a / b",
        )
    return cost


def op_units(design: Design) -> tuple[OpUnit, ...]:
    """Capabilities of the components of a design that execute ops."""
    return tuple(OpUnit(name, None, PriceOf(part)) for name, part in design.parts.items() if part.executes)


class PriceOf:
    """Time of an op on a component, or -1 where it cannot do it."""

    def __init__(self, part: Component) -> None:
        self._part = part

    def __call__(self, kind: str, args: Mapping[str, int]) -> int:
        """Time in ps, or -1."""
        cost = self._part.cost(op_call(kind, args))
        return -1 if cost is None else self._part.clock.ps(cost.cycles)
