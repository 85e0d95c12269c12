"""A loop met again in the same relative state does the same again: it is looked up.

So does another loop of the same form: the same kernels, sizes and waits, whatever its tasks are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from archsim.ir.affine import IntArray
from archsim.ir.mapping import Loop, Node, Task, walk
from archsim.sim.front import Front, Moment
from archsim.sim.ledger import Key, Ledger
from archsim.sim.relative import view

if TYPE_CHECKING:
    from archsim.sim.fastforward import Walker


@dataclass(frozen=True, slots=True)
class Form:
    """A loop without names."""

    number: int
    """Equal for loops of the same form."""
    names: tuple[str, ...]
    """Its tasks in program order, then those outside that they wait for: the same place means the same part."""
    keys: tuple[tuple[str, ...], ...]
    """Of its view, in an order that depends on the form alone."""
    kept: tuple[int, ...]
    """How many instances of each of its tasks are asked for, of those that it runs."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a loop did, relative to the frontier at its beginning."""

    free: Mapping[str, Moment]
    state: Mapping[str, IntArray]
    done: tuple[tuple[Moment, ...], ...]
    """Instances of each of its tasks, newest first, as many as are asked for."""
    frontier: Moment
    accounts: Mapping[Key, IntArray]


Stamp = tuple[int, tuple[bytes, ...]]
"""The form of a loop and the state in which it begins."""


class Recall:
    """Effects of loops by the state in which they began.

    Only for loops that nothing around them changes, on machines that never refresh: there, what happens follows from
    the view alone.
    """

    def __init__(self) -> None:
        self._effects: dict[Stamp, Effect] = {}
        self._forms: dict[int, Form | None] = {}
        self._numbers: dict[object, int] = {}

    def stamp(self, walker: Walker, front: Front, loop: Loop) -> Stamp | None:
        """The state before a loop; None where it cannot be looked up."""
        if id(loop) not in self._forms:
            self._forms[id(loop)] = self._form(walker, loop) if _closed(walker, loop) else None
        form = self._forms[id(loop)]
        if form is None:
            return None
        seen = view(front, walker.plan.of(loop), walker.blocks, walker.plan.depth, 0)
        return form.number, tuple(seen[key].tobytes() for key in form.keys)

    def replay(self, walker: Walker, front: Front, ledger: Ledger, loop: Loop, stamp: Stamp) -> bool:
        """Do what such a loop did the last time it began like this; False where none did."""
        effect, form = self._effects.get(stamp), self._forms[id(loop)]
        if effect is None or form is None:
            return False
        base = front.frontier.at
        front.free |= {unit: _moved(moment, base) for unit, moment in effect.free.items()}
        front.state |= effect.state
        for task, moments in zip(form.names, effect.done, strict=False):
            if moments:
                new = [_moved(moment, base) for moment in moments]
                front.done[task] = [*new, *front.done.get(task, ())][: walker.plan.depth[task]]
        front.frontier = _moved(effect.frontier, base)
        for key, value in effect.accounts.items():
            ledger.add(key, value)
        return True

    def learn(
        self, walker: Walker, front: Front, ledger: Ledger, loop: Loop, stamp: Stamp, base: IntArray,
        before: Mapping[Key, IntArray],
    ) -> None:  # fmt: skip
        """Keep what a loop did since the frontier was at `base` and the accounts were `before`."""
        plan, form = walker.plan.of(loop), self._forms[id(loop)]
        assert form is not None, "only loops with a stamp are learnt"
        self._effects[stamp] = Effect(
            {unit: _moved(front.free[unit], -base) for unit in plan.units},
            {unit: front.state[unit] for unit in plan.units},
            tuple(
                tuple(_moved(moment, -base) for moment in front.done[task][:kept]) if kept else ()
                for task, kept in zip(form.names, form.kept, strict=False)
            ),
            _moved(front.frontier, -base),
            {
                key: value - before[key] if key in before else value
                for key, value in ledger.accounts.items()
                if key not in before or value is not before[key]
            },
        )

    def _form(self, walker: Walker, loop: Loop) -> Form:
        plan, depth = walker.plan.of(loop), walker.plan.depth
        inside = {task.name: prod(inner.count for inner in loops) for task, loops in walk((loop,), ())}
        waits = (after.task for task, _ in walk((loop,), ()) for after in task.after)
        names = tuple(dict.fromkeys((*inside, *waits)))
        place = {name: index for index, name in enumerate(names)}
        asked = tuple((depth.get(name, 0), name in plan.kept) for name in names)
        number = self._numbers.setdefault((_shape(loop, place, ()), asked), len(self._numbers))
        units = [(what, unit) for unit in plan.units for what in ("free", "full", "state")]
        done = [
            (what, name, str(distance))
            for name in names
            if name in plan.needs
            for distance in range(depth.get(name, 1))
            for what in ("done", "done full")
        ]
        kept = tuple(min(times, depth.get(name, 0)) for name, times in inside.items())
        return Form(number, names, (*units, *done), kept)


def _closed(walker: Walker, loop: Loop) -> bool:
    """Whether nothing outside changes what the loop does, and nothing in it has an address or refreshes."""
    return not walker.refreshes and all(
        not walker.blocks[task.unit].address_args
        and all(value.names() <= {inner.var for inner in loops} for value in task.args.values())
        for task, loops in walk((loop,), ())
    )


def _shape(node: Node, place: Mapping[str, int], around: tuple[str, ...]) -> object:
    """Everything about a node that its time and its accounts depend on."""
    if isinstance(node, Task):
        args = tuple(
            (name, value.base, tuple((around.index(var), step) for var, step in value.terms))
            for name, value in sorted(node.args.items())
        )
        after = tuple((place[after.task], after.distance) for after in node.after)
        return node.op, node.kernel, node.unit, args, after
    inner = (*around, node.var)
    return node.count, tuple(_shape(part, place, inner) for part in node.body)


def _moved(moment: Moment, by: IntArray) -> Moment:
    return Moment(moment.at + by, moment.full)
