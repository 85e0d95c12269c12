"""Units that execute whole ops by a cost function: custom components and simple baselines."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.core.quantities import Time
from archsim.ir.affine import IntArray
from archsim.ir.block import Calendar, Outcome, Step
from archsim.ir.capability import OpUnit
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.footprint import footprint, volume

FJ_PER_NJ = 10**6
NO_STATE: IntArray = np.zeros((1, 0), dtype=np.int64)
ABOUT = ("act_bits", "weight_bits", "kv_bits", "causal", "held_in", "held_stored", "held_out", "room")
"""Arguments of a task that are not dims of its op: widths, the mask, and what stays in the unit's scratchpad."""
_Key = tuple[str, tuple[tuple[str, int], ...]]


class OpBlock:
    """A block around `Component.cost`: one op at a time, no state between ops."""

    calendar: Calendar | None = None
    address_args: tuple[str, ...] = ()
    address_slots: tuple[int, ...] = ()

    def __init__(self, name: str, part: Component) -> None:
        self._name, self._part = name, part
        self._known: dict[_Key, tuple[int, dict[str, int]]] = {}
        self._floors: dict[_Key, int] = {}

    @property
    def events(self) -> int:
        """Shapes that the component was asked about."""
        return len(self._known)

    def initial(self) -> IntArray:
        """Nothing is remembered between ops."""
        return np.zeros(0, dtype=np.int64)

    def run(self, kernel: str, args: Mapping[str, IntArray], state: IntArray, idle: IntArray) -> Outcome:
        """Ask the component once per distinct shape."""
        unique, pick = _distinct(args)
        answers = [self._ask(kernel, one) for one in unique]
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
        """What the component says that nothing could beat: zero where it says nothing."""
        unique, pick = _distinct(args)
        return np.array([self.floor(kernel, one) for one in unique], dtype=np.int64)[pick]

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
            cost = checked(self._part.cost(call), self._name, self._part, kernel)
            if cost is None:
                raise BadInput(
                    f"unit {self._name!r} ({self._part.kind}) cannot execute {kernel!r}",
                    try_="place it on another unit",
                )
            self._known[key] = (self._part.clock.ps(int(cost.cycles)), counts(cost, call))
        return self._known[key]

    def floor(self, kernel: str, args: dict[str, int]) -> int:
        """What the component says that nothing could beat, for one op in ps."""
        key = (kernel, tuple(sorted(args.items())))
        if key not in self._floors:
            cycles, (cost, _) = self._part.floor(op_call(kernel, args)), self._ask(kernel, args)
            if not _whole(cycles) or self._part.clock.ps(int(cycles)) > cost:
                raise BadInput(
                    f"unit {self._name!r}: floor() answered {cycles!r} cycles for {kernel!r}, which cost() does in "
                    f"{cost} ps",
                    right="floor() is an int >= 0 and never more than the cycles of cost()",
                    try_="return 0 where nothing is known",
                )
            self._floors[key] = self._part.clock.ps(int(cycles))
        return self._floors[key]


def _distinct(args: Mapping[str, IntArray]) -> tuple[list[dict[str, int]], IntArray]:
    """The different argument sets among the lanes, and which of them each lane has."""
    lanes = max((len(v) for v in args.values()), default=1)
    names = sorted(args)
    rows = np.stack([np.broadcast_to(args[n], lanes) for n in names]) if names else np.zeros((0, lanes), np.int64)
    unique, inverse = np.unique(rows, axis=1, return_inverse=True)
    return [{n: int(v) for n, v in zip(names, column, strict=True)} for column in unique.T], inverse.reshape(-1)


def op_call(kind: str, args: Mapping[str, int]) -> OpCall:
    """An op call from task arguments: the op's dims, and beside them what `ABOUT` names."""
    dims = {k: v for k, v in args.items() if k not in ABOUT}
    causal = bool(args.get("causal", 0))
    act, weight = args.get("act_bits", 16), args.get("weight_bits", 16)
    kv = args.get("kv_bits", act)
    size = footprint(kind, dims, causal=causal)
    stored = -(-(size.weights * weight + size.kv * kv) // 8)
    inputs, outputs = -(-size.inputs * act // 8), -(-size.outputs * (kv if kind == "kv_append" else act) // 8)
    return OpCall(
        kind,
        dims,
        volume(kind, dims, causal=causal),
        stored + inputs,
        outputs,
        stored,
        held_in=min(inputs, args.get("held_in", 0)),
        held_stored=min(stored, args.get("held_stored", 0)),
        held_out=min(outputs, args.get("held_out", 0)),
        causal=causal,
        room=args.get("room"),
    )


def counts(cost: Cost, call: OpCall) -> dict[str, int]:
    """Counters of one op: bytes as the cost says, or the op's own."""
    energy_fj = round(cost.energy_pj * 1000)
    return {
        "macs": call.macs,
        # Whole nJ and the rest: a counter in fJ alone would overflow 64 bits at nine kilojoules, a minute of a server.
        "energy_nj": energy_fj // FJ_PER_NJ,
        "energy_fj": energy_fj % FJ_PER_NJ,
        "bytes_read": call.bytes_in - call.held_in - call.held_stored if cost.bytes_read is None else cost.bytes_read,
        "bytes_written": call.bytes_out - call.held_out if cost.bytes_written is None else cost.bytes_written,
    }


def checked(answer: object, unit: str, part: Component, kind: str) -> Cost | None:
    """What a component's `cost` answered, if time and energy can be made of it.

    Raises
    ------
    BadInput
        Not a `Cost`, or one whose numbers cannot be.
    """
    if answer is None:
        return None
    if not isinstance(answer, Cost):
        raise BadInput(
            f"unit {unit!r}: cost() answered {answer!r} for {kind!r}",
            right="cost() returns archsim.Cost(cycles=...), or None where the unit cannot do the op",
            try_=f"archsim.Cost(cycles={answer!r})" if _whole(answer) else (),
        )
    if (wrong := _wrong(answer)) is not None:
        what, right, hint = wrong
        raise BadInput(f"unit {unit!r}: cost() answered {what} for {kind!r}", right=right, try_=hint)
    if part.clock.ps(int(answer.cycles)) > Time.most:
        raise BadInput(
            f"unit {unit!r}: cost() answered {answer.cycles!r} cycles at {part.clock} for {kind!r}",
            right=f"one op takes at most {Time(Time.most)}",
        )
    return answer


def _wrong(cost: Cost) -> tuple[str, str, str | tuple[str, ...]] | None:
    """What cannot be in a cost, what would be right, and how to get there."""
    # What users return is what their code made, whatever the annotations of Cost say.
    cycles: Any = cost.cycles
    energy: Any = cost.energy_pj
    if not _whole(cycles):
        fraction = isinstance(cycles, float | np.floating)
        hint = "round up with -(-a // b), not a / b" if fraction else ()
        return f"{cycles!r} cycles", "cycles is an int, and cycles >= 0", hint
    if not isinstance(energy, int | float | np.number) or not isfinite(energy) or energy < 0:
        return f"{energy!r} pJ", "energy_pj is a number, and energy_pj >= 0", ()
    for name in ("bytes_read", "bytes_written"):
        if (amount := getattr(cost, name)) is not None and not _whole(amount):
            return f"{name} {amount!r}", f"{name} is an int >= 0, or None for the op's own bytes", ()
    return None


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 0)


def op_units(design: Design) -> tuple[OpUnit, ...]:
    """Capabilities of the components of a design that execute ops."""
    return tuple(
        OpUnit(
            name,
            frozenset(("copy",)) if part.carries else None,
            PriceOf(name, part),
            memory=f"{name}.buffer" if part.holds else "",
            memory_bytes=part.holds,
            moved=MovedBy(name, part),
            least=LeastOf(name, part) if part.holds else None,
            carries=part.carries,
        )
        for name, part in design.parts.items()
        if part.executes
    )


class PriceOf:
    """Time of an op on a component, or None where it cannot do it."""

    def __init__(self, unit: str, part: Component) -> None:
        self._unit, self._part = unit, part

    def __call__(self, kind: str, args: Mapping[str, int]) -> int | None:
        """Time in ps, or None."""
        cost = checked(self._part.cost(op_call(kind, args)), self._unit, self._part, kind)
        return None if cost is None else self._part.clock.ps(int(cost.cycles))


class LeastOf:
    """Time that no way of doing an op on a component beats, or None where it cannot do it."""

    def __init__(self, unit: str, part: Component) -> None:
        self._block = OpBlock(unit, part)
        self._price = PriceOf(unit, part)

    def __call__(self, kind: str, args: Mapping[str, int]) -> int | None:
        """Time in ps, or None."""
        return None if self._price(kind, args) is None else self._block.floor(kind, dict(args))


class MovedBy:
    """Bytes that an op moves between a component and memory, or None where it cannot do it."""

    def __init__(self, unit: str, part: Component) -> None:
        self._unit, self._part = unit, part

    def __call__(self, kind: str, args: Mapping[str, int]) -> int | None:
        """Bytes read and written, or None."""
        call = op_call(kind, args)
        cost = checked(self._part.cost(call), self._unit, self._part, kind)
        if cost is None:
            return None
        counted = counts(cost, call)
        return counted["bytes_read"] + counted["bytes_written"]
