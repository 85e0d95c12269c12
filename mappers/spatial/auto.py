"""Which dataflow an attention is given where nobody names one: of the exact ones, that with the least steady state.

Of equals in time, those that move the fewest bytes are left. Programs differ where closed forms are equal, in fill and
drain, in waits for the buffer's ports, and in whether they follow sizes that a loop moves: of equals in both, the one
whose program is done first by events is left. Then the least energy decides, and then what the design was made for.

A program that takes much longer by events than that of another dataflow is no good choice: then the one is taken that
is done first by events. No program is done before its steady state, so that only those are tried that could be first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.affine import affine
from archsim.ir.capability import SpatialArrays
from archsim.ir.component import Design
from archsim.ir.graph import Repeat, occurrences
from archsim.ir.mapping import Choice, Loop, Mapping, Node, Task
from archsim.mappers.spatial.attention import Attention
from archsim.mappers.spatial.emit import Emit
from archsim.mappers.spatial.lower import PS, Lowering
from archsim.mappers.spatial.offers import EXACT, Offer, Sizes, largest, offer, sizes_of
from archsim.units.spatial.trio import Trio

AUTO = "auto"
"""The name that stands for the choice made here."""
SLACK = Fraction(1, 20)
"""Part that a program may take longer by events than its steady state, or else than any other program."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A dataflow and the reason."""

    flow: str
    why: str
    notes: tuple[str, ...]
    """How it compares with what the design was made for."""


@dataclass
class ByCost(Lowering):
    """A graph on a machine, every shape class of attentions by the dataflow that suits it best."""

    design: Design = field(kw_only=True)
    known: dict[Sizes, Chosen] = field(default_factory=dict)

    def mapping(self, design: str) -> Mapping:
        """The whole program; the plans that it carries name the dataflow of each attention."""
        made = super().mapping(design)
        return replace(made, choice=replace(made.choice, options={**made.choice.options, "dataflow": AUTO}))

    def _attention(self, trio: Trio, around: tuple[Repeat, ...]) -> Iterator[Node]:
        sizes = sizes_of(trio, around)
        chosen = self.known.get(sizes) or _Choosing(trio, sizes, self.arrays, self.design, self.depth).chosen()
        self.known[sizes], self.dataflow = chosen, chosen.flow
        self.notes += [f"{trio.scores.name}: {note}" for note in chosen.notes]
        nodes = tuple(super()._attention(trio, around))
        yield from explained(nodes, trio.scores.name, chosen.why)[0]


@dataclass
class _Choosing:
    """One attention, and what is known about its candidates."""

    trio: Trio
    sizes: Sizes
    arrays: SpatialArrays
    design: Design
    depth: int | None
    said: dict[str, list[str]] = field(default_factory=dict)
    """Dataflow -> what was found out about it, as far as that was needed."""
    refused: list[str] = field(default_factory=list)
    timed: dict[str, Fraction] = field(default_factory=dict)
    """Dataflow -> ps by events, of those that were tried."""

    def chosen(self) -> Chosen:
        """The best of all exact dataflows; `Infeasible`, with all reasons, where there is none."""
        offers = self._offers()
        if not offers:
            raise Infeasible(
                f"no exact dataflow runs {self.trio.scores.name}", right="\n".join(self.refused), where="attention"
            )
        left = self._least(offers, lambda each: each.seconds, shown)
        tests: tuple[tuple[Callable[[Offer], Fraction | int], Callable[[Fraction | int], str]], ...] = (
            (lambda each: each.moved, lambda value: f"{float(value):.4g} B"),
            (self._events, lambda value: f"{shown(Fraction(value, PS))} by events"),
            (lambda each: each.energy(self.arrays, self.design), lambda value: f"{float(value) / 1e9:.4g} uJ"),
        )
        for measure, text in tests:
            left = self._least(left, measure, text) if len(left) > 1 else left
        least = left[0]
        best = self._first(offers, least) if len(offers) > 1 else least
        order = sorted(offers, key=lambda each: (each is not best, each.seconds))
        found = ", ".join(_listed(each.name, *self.said[each.name]) for each in order)
        why = f"{best.name} by cost, steady states: {found}"
        why += f"; refused: {'; '.join(self.refused)}" if self.refused else ""
        own = next((each for each in offers if each.name == self.arrays.dataflow), best)
        return Chosen(best.name, why, tuple(self._compared(best, own, least)))

    def _first(self, offers: list[Offer], least: Offer) -> Offer:
        """The one with the least steady state, unless its program takes much longer: then what is done first."""
        if self._events(least) <= (1 + SLACK) * least.seconds * PS:
            return least
        best = least
        for each in sorted(offers, key=lambda each: each.seconds):
            if each.seconds * PS < self._events(best) and self._events(each) < self._events(best):
                best = each
        for name, time in self.timed.items():
            if (text := f"{shown(time / PS)} by events") not in self.said[name]:
                self.said[name].append(text)
        return best if self._events(least) > (1 + SLACK) * self._events(best) else least

    def _compared(self, best: Offer, own: Offer, least: Offer) -> Iterator[str]:
        """What the choice brings over what the design was made for, and over the least steady state."""
        if own is not best:
            ratio = own.seconds / best.seconds - 1
            times = f"{percent(abs(ratio))} {'longer' if ratio > 0 else 'less'}" if ratio else "as long"
            yield f"{best.name}, chosen by cost; {own.name}, the design's own, takes {times} in its steady state"
        if least is not best:
            same = least.seconds == best.seconds
            state = "the same" if same else f"the least, {shown(least.seconds)} beside {shown(best.seconds)}"
            yield (
                f"the steady state of {least.name} is {state}, but its program takes "
                f"{shown(self._events(least) / PS)} by events, that of {best.name} {shown(self._events(best) / PS)}"
            )

    def _offers(self) -> list[Offer]:
        """What every exact dataflow makes of it; the design's own comes first."""
        offers = list[Offer]()
        for flow in sorted(EXACT, key=lambda flow: flow.name != self.arrays.dataflow):
            try:
                offers.append(offer(flow, self.sizes, self.arrays))
            except (BadInput, Infeasible) as error:
                self.refused.append(f"{flow.name} ({error.what})")
        return offers

    def _least(
        self,
        offers: list[Offer],
        measure: Callable[[Offer], Fraction | int],
        text: Callable[[Fraction | int], str],
    ) -> list[Offer]:
        """Those with the least of a measure."""
        values = [measure(each) for each in offers]
        for each, value in zip(offers, values, strict=True):
            self.said.setdefault(each.name, []).append(text(value))
        return [each for each, value in zip(offers, values, strict=True) if value == min(values)]

    def _events(self, each: Offer) -> Fraction:
        """Ps that the program takes on an idle machine: the largest sizes by events, as often as there are any.

        Smaller ones are taken to be in proportion to their steady states where the program follows them.
        """
        from archsim.sim.machine import elaborate

        if each.name not in self.timed:
            one = self._alone(each)
            program = Mapping("", "", one.body(), (), {}, Choice("spatial", "", 0.0, 0.0))
            form = each.flow.steady(one.problem, self.arrays, each.plan)
            follows = one.grows or len(self.sizes) == 1
            times = each.seconds / form.seconds if follows else Fraction(sum(times for _, times in self.sizes))
            self.timed[each.name] = times * elaborate(self.design).run(program).total_ps
        return self.timed[each.name]

    def _alone(self, each: Offer) -> Attention:
        """The attention with its largest sizes and nothing around it."""
        trio, most = self.trio, largest(self.sizes)
        found = occurrences(trio.scores.dims.values(), trio.around)
        env = next(env for env, _ in found if trio.problem(env) == most)
        scores, softmax, values = (
            replace(op, dims={name: affine(size) for name, size in op.extents(env).items()})
            for op in (trio.scores, trio.softmax, trio.values)
        )
        fixed = Trio(scores, softmax, values, ())
        return Attention(fixed, most, most.keys, each.flow, each.plan, Emit(self.arrays), self.depth, ())


def explained(nodes: tuple[Node, ...], op: str, why: str) -> tuple[tuple[Node, ...], bool]:
    """A program whose first task of an op says more of why it is there; and whether there was one."""
    for index, node in enumerate(nodes):
        if isinstance(node, Loop):
            body, found = explained(node.body, op, why)
            said: Node = replace(node, body=body)
        else:
            found, said = node.op == op, node
            if isinstance(node, Task) and found:
                said = replace(node, why=f"{node.why}; {why}" if node.why else why)
        if found:
            return (*nodes[:index], said, *nodes[index + 1 :]), True
    return nodes, False


def _listed(name: str, time: str, *more: str) -> str:
    return f"{name} {time}" + (f" ({', '.join(more)})" if more else "")


def shown(seconds: Fraction | int) -> str:
    """A time in words."""
    return f"{float(seconds) * 1e6:.4g} us"


def percent(part: Fraction) -> str:
    """A part of one in words."""
    return f"{100 * float(part):.3g} %"
