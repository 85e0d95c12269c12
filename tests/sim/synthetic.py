"""Small made-up units on which fast-forward has every chance to go wrong.

They keep state, hold rows open, refresh, and have results before or after they are free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.block import Calendar, Outcome, Step

NEVER = -1


@dataclass
class Walked:
    """One kernel on one lane, walked here."""

    done: int = 0
    free: int = 0
    boundary: int = NEVER
    refreshes: int = 0
    frozen: int = 0
    counters: dict[str, int] | None = None
    state: tuple[int, ...] = ()


class Lone:
    """What the made-up units share: a kernel is walked one lane at a time; `run` is the walk without refreshes."""

    calendar: Calendar | None = None
    address_args: tuple[str, ...] = ()
    address_slots: tuple[int, ...] = ()
    name = "unit"

    events = 0
    """Closed forms only."""

    def initial(self) -> IntArray:
        return np.zeros(0, dtype=np.int64)

    def walk(self, kernel: str, args: Mapping[str, int], state: tuple[int, ...], idle: int, due: int | None) -> Walked:
        raise NotImplementedError

    def run(self, kernel: str, args: Mapping[str, IntArray], state: IntArray, idle: IntArray) -> Outcome:
        lanes = max((len(a) for a in (*args.values(), state, idle)), default=1)
        walked = []
        for i in range(lanes):
            one = {name: int(value[i % len(value)]) for name, value in args.items()}
            held = tuple(int(x) for x in state[i % len(state)])
            walked.append(self.walk(kernel, one, held, int(idle[i % len(idle)]), None))
        names = sorted({name for w in walked for name in w.counters or {}})
        return Outcome(
            np.array([w.done for w in walked], dtype=np.int64),
            np.array([w.free for w in walked], dtype=np.int64),
            {n: np.array([(w.counters or {}).get(n, 0) for w in walked], dtype=np.int64) for n in names},
            np.array([w.state for w in walked], dtype=np.int64).reshape(lanes, -1),
            np.array([w.boundary for w in walked], dtype=np.int64),
        )

    def step(self, kernel: str, args: Mapping[str, int], state: IntArray, idle: int, until_due: int) -> Step:
        due = until_due if self.calendar else None
        w = self.walk(kernel, args, tuple(int(x) for x in state), idle, due)
        after = np.array(w.state, dtype=np.int64)
        return Step(w.done + w.frozen, w.free + w.frozen, w.counters or {}, after, w.refreshes)

    def refreshed(self, count: int) -> Mapping[str, int]:
        return {"refreshes": count}

    def bound(self, kernel: str, args: Mapping[str, IntArray]) -> IntArray:
        return np.zeros(1, dtype=np.int64)

    def energy(self, counters: Mapping[str, int], elapsed: int) -> Mapping[str, int]:
        return {self.name: 3 * counters.get("work", 0) + elapsed}

    def traffic(self, counters: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        return {self.name: (counters.get("work", 0), 0)}


@dataclass
class Plain(Lone):
    """No memory. Results come `late` after (or, where negative, before) the unit is free."""

    name: str = "plain"
    pace: int = 3
    late: int = 0

    def walk(self, kernel: str, args: Mapping[str, int], state: tuple[int, ...], idle: int, due: int | None) -> Walked:
        free = self.pace * args.get("n", 1)
        done = max(free + self.late, 0)
        return Walked(done, free, counters={"work": args.get("n", 1), "t_work": done})

    def bound(self, kernel: str, args: Mapping[str, IntArray]) -> IntArray:
        return self.pace * args["n"]


@dataclass
class Tired(Lone):
    """Needs `rest` after each task: a task that comes sooner takes the missing rest longer. It never refreshes."""

    name: str = "tired"
    pace: int = 2
    rest: int = 7

    def initial(self) -> IntArray:
        return np.zeros(1, dtype=np.int64)

    def walk(self, kernel: str, args: Mapping[str, int], state: tuple[int, ...], idle: int, due: int | None) -> Walked:
        missing = max(state[0] - idle, 0)
        free = missing + self.pace * args.get("n", 1)
        return Walked(free, free, counters={"work": 1, "t_rest": missing, "t_work": free - missing}, state=(self.rest,))


@dataclass
class Rows(Lone):
    """A memory of rows: opening one takes `miss`, and comes at least `apart` after the opening before.

    A due refresh goes at an opening. Kernel `rows` reads `n` rows from `row` on; kernel `spot` reads one word of the
    open row and opens nothing.
    """

    name: str = "rows"
    hit: int = 2
    miss: int = 3
    apart: int = 9
    late: int = 1
    calendar: Calendar | None = None
    address_args: tuple[str, ...] = ("row",)
    address_slots: tuple[int, ...] = (0,)

    def initial(self) -> IntArray:
        return np.array([NEVER, -self.apart], dtype=np.int64)

    def walk(self, kernel: str, args: Mapping[str, int], state: tuple[int, ...], idle: int, due: int | None) -> Walked:
        opened, last = state[0], max(state[1] - idle, -self.apart)
        w, now, misses = Walked(), 0, 0
        if kernel == "spot":
            now = self.hit
        else:
            for row in range(args["row"], args["row"] + args["n"]):
                if row != opened:
                    now = max(now, last + self.apart)
                    while due is not None and self.calendar and due <= now + w.frozen:
                        w.frozen += self.calendar.duration
                        w.refreshes += 1
                        due += self.calendar.interval
                    opened, last, w.boundary, misses = row, now, now, misses + 1
                    now += self.miss
                now += self.hit
        w.free, w.done = now, max(now + self.late, 0)
        w.counters = {"work": now, "misses": misses, "t_rows": w.done}
        w.state = (opened, max(last - now, -self.apart))
        return w
