"""Units and turns for every run of ops, and a time that no mapping of whole ops is below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from archsim.ir.mapping import Loop, Node, Task
from archsim.mappers.placed.emit import Plan, Turn, emit
from archsim.mappers.placed.timing import makespan
from archsim.mappers.placed.work import Run, Work
from archsim.mappers.placement.schedule import Schedule, schedule
from archsim.mappers.placement.steps import Problem, Result, Step, least_load, longest_path

SPLIT = "\n"
"""Between the parts of a result's name, which nobody sees."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A run and its schedule, over all its iterations at once: times are sums over them."""

    run: Run
    steps: tuple[Step, ...]
    results: tuple[Result, ...]
    found: Schedule
    data: tuple[Step, ...]
    """The steps as data alone make them wait, for the bound: without waits of what overwrites a tensor."""


def plan_of(work: Work) -> tuple[Plan, tuple[Scheduled, ...]]:
    """Every run scheduled by itself."""
    scheduled = tuple(_scheduled(work, number) for number in range(len(work.runs)))
    units: dict[str, str] = {}
    turns: dict[str, tuple[Turn, ...]] = {}
    for each in scheduled:
        units |= each.found.places
        turns[each.run.ops[0].name] = tuple(one if isinstance(one, str) else _copy(*one) for one in each.found.order)
    return Plan(units, turns), scheduled


def _copy(result: str, unit: str) -> Turn:
    tensor, maker = result.split(SPLIT)
    return tensor, maker, unit


def _scheduled(work: Work, number: int) -> Scheduled:
    run = work.runs[number]
    here = {op.name: at for at, op in enumerate(run.ops)}
    waits: dict[str, dict[str, None]] = {name: {} for name in here}
    users: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for flow in work.flows:
        if flow.maker not in here or flow.user not in here:
            continue
        back = here[flow.user] < here[flow.maker]
        if not back:
            waits[flow.user][flow.maker] = None
        users.setdefault((flow.tensor, flow.maker), ([], []))[back].append(flow.user)
    data = tuple(Step(op.name, work.prices[op.name], tuple(waits[op.name])) for op in run.ops)
    steps = tuple(Step(one.name, one.work, (*one.after, *work.hazards.get(one.name, ()))) for one in data)
    results: tuple[Result, ...] = ()
    if work.link is not None:
        results = tuple(
            Result(SPLIT.join(key), key[1], tuple(now), work.copy_price(*key), tuple(back))
            for key, (now, back) in users.items()
        )
    return Scheduled(run, steps, results, schedule(steps, results), data)


def duration(work: Work, body: tuple[Node, ...]) -> int:
    """How long a program takes on the units of the design, ps."""
    units = dict(work.units) | ({work.link.unit: work.link} if work.link is not None else {})

    def price(task: Task, args: Mapping[str, int]) -> int:
        found = units[task.unit].price(task.kernel, args)
        assert found is not None, "the unit was asked for its price before"
        return found

    return makespan(body, price)


def bound(work: Work, scheduled: tuple[Scheduled, ...] = ()) -> int:
    """Time that no mapping of whole ops takes less than, each on one unit in all iterations: the largest of three.

    * The longest chain of ops, each on its fastest unit, through all iterations.
    * The work of the busiest unit, however ops are spread.
    * Run by run, where each waits for all of the one before: the sums of what their schedules are proved to take.
    """
    least = max(_chain(work), least_load(list(work.prices.values())))
    return max(least, _serial(work, scheduled)) if scheduled else least


def _chain(work: Work) -> int:
    body = emit(work, Plan(dict.fromkeys(work.prices, "")))

    def price(task: Task, args: Mapping[str, int]) -> int:
        prices = (unit.price(task.kernel, args) for name, unit in work.units.items() if name in work.prices[task.op])
        return min(one for one in prices if one is not None)

    return makespan(tuple(map(_each_alone, body)), price)


def _each_alone(node: Node) -> Node:
    """Every op on a unit of its own; its own instances still follow each other."""
    if isinstance(node, Loop):
        return replace(node, body=tuple(map(_each_alone, node.body)))
    return replace(node, unit=node.name)


def _serial(work: Work, scheduled: tuple[Scheduled, ...]) -> int:
    kept = _in_series(work)
    total = 0
    for each in scheduled:
        names = {op.name for op in each.run.ops} & kept
        problem = Problem(each.data, each.results)
        order = [each.steps[at].name for at in problem.order]
        above = {name: problem.ancestors[problem.index[name]] for name in names}
        steps = tuple(
            Step(name, work.prices[name], tuple(o for o in order if o in names and above[name] >> problem.index[o] & 1))
            for name in order
            if name in names
        )
        least = max(longest_path(Problem(steps)), least_load([step.work for step in steps])) if steps else 0
        if len(names) == len(each.steps) and each.data == each.steps:
            # What the last iteration of a loop leaves need not come to where the next would start.
            last = max((problem.results[at].cost for at in problem.returns), default=0)
            count = each.run.around[-1].count if each.run.around else 1
            moves = any(
                each.run.around[-1].var in size.names()
                for at in problem.returns
                for size in work.copied(*problem.results[at].name.split(SPLIT)).values()
            )
            least = max(least, each.found.bound - (last if moves else -(-last // count)))
        total += least
    return total


def _in_series(work: Work) -> set[str]:
    """Ops that wait for all such ops of the run before theirs: the largest ones, found by leaving out small ones."""
    kept = set(work.prices)
    above: dict[int, int] = {}
    latest: dict[str, int] = {}
    runs: list[dict[str, int]] = []
    for number in work.walked:
        instances: dict[str, int] = {}
        for op in work.runs[number].ops:
            at = instances[op.name] = len(above)
            above[at] = 0
            for tensor in op.inputs:
                if tensor in latest:
                    above[at] |= above[latest[tensor]] | 1 << latest[tensor]
            latest |= dict.fromkeys(op.outputs, at)
        runs.append(instances)
    weight = {name: min(prices.values()) for name, prices in work.prices.items()}
    for before, after in pairwise(runs):
        loose = {(a, b) for a, one in before.items() for b, other in after.items() if not above[other] >> one & 1}
        while open_ := [pair for pair in sorted(loose) if kept.issuperset(pair)]:
            kept.discard(min((name for pair in open_ for name in pair), key=lambda name: (weight[name], name)))
    return kept
