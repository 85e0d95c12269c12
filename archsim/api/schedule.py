"""When a mapping's tasks run and what limits them: the mapping simulated, for pictures and explanations."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from pathlib import Path

from archsim.core.files import write_atomic
from archsim.ir.capability import SpatialArrays
from archsim.ir.check_capacity import BUFFER, capacities
from archsim.ir.component import Design
from archsim.ir.mapping import Mapping, Placement, instances
from archsim.ir.unrolled import Instance, unrolled
from archsim.report.schedule import Bar, Held, Schedule
from archsim.sim.roofline import bounds
from archsim.sim.stepper import Stepper

MOST_TASKS = 1500
"""Task instances of a picture, from the beginning of the program: more could not be told apart."""


@dataclass(frozen=True)
class Limits:
    """What a mapping comes up against."""

    units: ReadOnly[str, int]
    """ps that each unit needs at its peak rate."""
    memories: ReadOnly[str, tuple[int, int]]
    """Memory -> highest byte placed, bytes there are."""

    @property
    def binding(self) -> str:
        """In words: the unit that sets the lower bound, or the memory that leaves no choice."""
        full = {name: used / of for name, (used, of) in self.memories.items() if of}
        tight = [name for name, share in full.items() if share >= 0.95]
        busiest = max(self.units, key=lambda unit: self.units[unit], default="")
        parts = []
        if busiest and self.units[busiest]:
            parts.append(f"{busiest}, the busiest unit at peak rates")
        if tight:
            parts.append(f"{' and '.join(tight)}, full")
        return "; ".join(parts) or "none known: no unit says what nothing could beat"

    def lines(self) -> list[str]:
        """Each unit and each memory."""
        most = max(self.units.values(), default=0)
        out = [f"binding constraint: {self.binding}"]
        for unit, ps in sorted(self.units.items(), key=lambda item: (-item[1], item[0])):
            share = f", {100 * ps / most:.3g} % of the busiest" if most else ""
            out.append(f"  {unit} needs at least {ps / 1e6:,.6g} us at its peak rate{share}")
        for memory, (used, of) in sorted(self.memories.items()):
            out.append(f"  {memory} is {100 * used / of:.3g} % full: {used:,} of {of:,} B")
        return out


def limits(mapping: Mapping, design: Design) -> Limits:
    """Units by their time at peak rates, memories by how far up tensors are placed."""
    counts: dict[str, int] = {}
    for _, loops in mapping.walk():
        for loop in loops:
            counts[loop.var] = max(counts.get(loop.var, 1), loop.count)
    real = {**mapping.capacities, **capacities(design)}
    ends: dict[str, int] = {}
    for place in mapping.placements:
        ends[place.memory] = max(ends.get(place.memory, 0), _end(place, counts))
    memories = {memory: (end, real[memory]) for memory, end in ends.items()}
    return Limits(bounds(mapping.body, design.blocks()).by_unit, memories)


def _end(place: Placement, counts: ReadOnly[str, int]) -> int:
    return place.start + place.size + sum(step * (counts.get(var, 1) - 1) for var, step in place.strides.items())


@dataclass
class _Watch:
    """Notes when each unit is busy."""

    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def span(self, unit: str, what: str, start: int, end: int, args: ReadOnly[str, int | str]) -> None:
        """A unit was busy."""
        del what, args
        self.spans.setdefault(unit, []).append((start, end))

    def count(self, unit: str, counter: str, at: int, value: int) -> None:
        """Counters are not drawn."""


def schedule(mapping: Mapping, design: Design, *, most: int = MOST_TASKS) -> Schedule:
    """The first `most` task instances simulated, with what lies in the memories meanwhile.

    A tensor with a place and a lifetime takes its bytes from the start of the task that writes it to the end of the
    last one that reads it. Operands of spatial arrays, which have no addresses, take theirs from their load to the end
    of the last task that waits for it, or of the passes that follow upon it in place; their results until stored.
    """
    watch = _Watch()
    Stepper(mapping.body, design.blocks(), (watch,), limit=most).run()
    found = []
    for instance in unrolled(mapping.body, most=most):
        own = watch.spans.get(instance.task.unit, [])
        if instance.turn < len(own):
            found.append((instance, *own[instance.turn]))
    bars = [Bar(i.task.unit, i.task.kernel, i.task.op, start, end) for i, start, end in found if end > start]
    real = {**mapping.capacities, **capacities(design)}
    always: dict[str, int] = {}
    for place in mapping.placements:
        if not place.live:
            always[place.memory] = always.get(place.memory, 0) + place.size
    held = [*_placed(mapping, found), *_unnamed(mapping, found)]
    if any(isinstance(unit, SpatialArrays) for unit in design.capabilities()):
        held += _operands(found)
    moving = {one.memory for one in held}
    return Schedule(bars, held, real, {memory: size for memory, size in always.items() if memory in moving})


Found = list[tuple[Instance, int, int]]


def _placed(mapping: Mapping, found: Found) -> list[Held]:
    places = {place.tensor: place for place in mapping.placements if place.live}
    lives: dict[str, tuple[int, int, bool]] = {}  # since when, until when, whether it has been read
    out: list[Held] = []

    def close(tensor: str) -> None:
        start, end, _ = lives.pop(tensor)
        place = places[tensor]
        out.append(Held(place.memory, tensor, start, end, place.size, place.start))

    for instance, start, end in sorted(found, key=lambda one: one[1]):
        task = instance.task
        for tensor in task.writes:
            if tensor in lives and lives[tensor][2] and tensor not in task.reads:
                close(tensor)
            if tensor in places:
                known = lives.get(tensor, (start, end, False))
                lives[tensor] = (known[0], max(known[1], end), known[2])
        for tensor in task.reads:
            if tensor in lives:
                lives[tensor] = (lives[tensor][0], max(lives[tensor][1], end), tensor not in task.writes)
    for tensor in [*lives]:
        close(tensor)
    return out


def _unnamed(mapping: Mapping, found: Found) -> list[Held]:
    """What no task writes by its name, such as gains that are fetched together: from its first op to its last."""
    written = {tensor for task, _ in mapping.walk() for tensor in task.writes}
    out = []
    for place in mapping.placements:
        if not place.live or place.tensor in written:
            continue
        first, last = place.live
        since: int | None = None
        until = 0
        for instance, start, end in found:
            if instance.task.op == first and (since is None or until):
                if since is not None and until:
                    out.append(Held(place.memory, place.tensor, since, until, place.size, place.start))
                since, until = start, 0
            if instance.task.op == last and since is not None:
                until = max(until, end)
        if since is not None and until:
            out.append(Held(place.memory, place.tensor, since, until, place.size, place.start))
    return out


def _operands(found: Found) -> list[Held]:
    """What lies in the buffer of spatial arrays: operands from their load on, results until they are stored."""
    until: dict[int, int] = {}
    for at, (instance, _, end) in enumerate(found):
        for before in instance.waits:
            until[before] = max(until.get(before, 0), end, found[_last_pass(found, at)][2])
    out = []
    for at, (instance, start, end) in enumerate(found):
        size = int(instance.task.args["bytes"].at(instance.env)) if instance.task.kernel in ("load", "store") else 0
        if size and instance.task.kernel == "load":
            out.append(Held(BUFFER, instance.task.writes[0], start, max(until.get(at, end), end), size))
        elif size and instance.waits:
            maker, _, done = found[max(instance.waits)]
            if not _multiplies(maker):  # products leave past the buffer
                out.append(Held(BUFFER, instance.task.reads[0], done, end, size))
    return out


def _last_pass(found: Found, at: int) -> int:
    """The last of the passes over vectors that follow a task one upon another, each in place of the one before."""
    instance = found[at][0]
    if _multiplies(instance):
        return at
    for later in range(at + 1, min(at + 8, len(found))):
        other = found[later][0]
        follows = set(instance.task.writes) & set(other.task.reads) and other.env == instance.env
        if follows and other.task.unit == instance.task.unit and not _multiplies(other):
            return _last_pass(found, later)
    return at


def _multiplies(instance: Instance) -> bool:
    """Whether results take room of their own beside the operands."""
    return instance.task.kernel == "mac"


def draw_schedule(mapping: Mapping, design: Design, path: Path) -> None:
    """Write the picture of a mapping's schedule; `BadInput` where the file name asks for none that can be drawn."""
    from archsim.api.allocation import picture_form
    from archsim.report.schedule import schedule_plot

    form = picture_form(path)
    drawn = schedule(mapping, design)
    note = f"the first {MOST_TASKS:,} task instances" if instances(mapping.body) > MOST_TASKS else ""
    write_atomic(path, schedule_plot(drawn, title=f"{mapping.graph} on {mapping.design}", note=note, form=form))
