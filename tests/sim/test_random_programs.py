"""Fast-forward equals stepping, and stepping equals the definition, on programs nobody would write."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.ir.affine import Affine
from archsim.ir.block import Calendar
from archsim.ir.mapping import After, Loop, Task, instances
from archsim.sim import fastforward, lanes, recurrence
from archsim.sim import trace as tracing
from archsim.sim.front import Front
from archsim.sim.ledger import Ledger
from archsim.sim.stepper import Stepper
from archsim.sim.trace import REFRESH, Trace
from tests.sim.laws import check_conserved, part
from tests.sim.programs import Case, chains, pipelines, programs
from tests.sim.reference import meaning
from tests.sim.synthetic import Plain, Rows, Tired

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@contextmanager
def limits(chunk: int, samples: int, patience: int) -> Iterator[None]:
    """Small limits, so that small programs reach them."""
    with (
        patch.object(lanes, "CHUNK", chunk),
        patch.object(tracing, "SAMPLES", samples),
        patch.object(recurrence, "PATIENCE", patience),
    ):
        yield


@contextmanager
def periods(seen: Counter[str]) -> Iterator[None]:
    """Count the leaps by their period."""
    leap = recurrence.leap

    def counted(
        walker: fastforward.Walker,
        front: Front,
        ledger: Ledger,
        loop: Loop,
        match: recurrence.Mark,
        mark: recurrence.Mark,
        times: int,
    ) -> None:
        seen["leap"] += 1
        seen["leap over several iterations"] += mark.index - match.index > 1
        leap(walker, front, ledger, loop, match, mark, times)

    with patch.object(recurrence, "leap", counted):
        yield


def fast(case: Case) -> Trace | None:
    """The fast-forwarded trace, or None where fast-forward says that it would not be exact."""
    try:
        return fastforward.run(case.body, case.blocks())
    except fastforward.Inexact:
        return None


def compare(case: Case, seen: Counter[str]) -> None:
    """The two ways to run a program give one result, or the fast one declines."""
    quick, slow = fast(case), Stepper(case.body, case.blocks()).run()
    refreshed = sum(slow.refreshes.values())
    seen["cases"] += 1
    if quick is None:
        assert refreshed, "only refreshes make fast-forward decline"
        seen["declined"] += 1
        return
    seen["fast with refreshes"] += refreshed > 0
    seen["fast with much left out"] += quick.effort.evaluated * 3 < quick.effort.tasks
    assert quick.total_ps == slow.total_ps
    assert dict(quick.accounts) == dict(slow.accounts)
    assert quick == slow  # refreshes, samples


@pytest.mark.parametrize(("chunk", "samples", "patience"), [(1 << 15, 256, 64), (3, 5, 2)])
def test_fast_forward_equals_stepping_or_declines(chunk: int, samples: int, patience: int) -> None:
    seen: Counter[str] = Counter()

    @settings(CI, max_examples=400)
    @given(programs())
    def check(case: Case) -> None:
        compare(case, seen)

    with limits(chunk, samples, patience), periods(seen):
        check()
    assert seen["declined"] < seen["cases"] / 3
    assert seen["fast with refreshes"] > 10
    assert seen["fast with much left out"] > seen["cases"] / 10


@pytest.mark.parametrize(("chunk", "samples", "patience"), [(1 << 15, 256, 64), (7, 4, 5)])
def test_software_pipelines_are_exact(chunk: int, samples: int, patience: int) -> None:
    seen: Counter[str] = Counter()

    @settings(CI, max_examples=400)
    @given(pipelines())
    def check(case: Case) -> None:
        compare(case, seen)

    with limits(chunk, samples, patience), periods(seen):
        check()
    assert seen["leap over several iterations"] > 20


def test_refreshes_are_put_into_chains_in_closed_form() -> None:
    """Where every task waits for the one before it, fast-forward has no reason to decline.

    But for ties of tasks that take no time.
    """
    seen: Counter[str] = Counter()

    @settings(CI, max_examples=300)
    @given(chains())
    def check(case: Case) -> None:
        compare(case, seen)

    check()
    assert seen["declined"] <= seen["cases"] / 100
    assert seen["fast with refreshes"] > seen["cases"] / 3


@settings(CI, max_examples=150)
@given(programs(longest=25, most=400))
def test_stepping_means_what_programs_mean(case: Case) -> None:
    """SimPy and a loop over the program in its order agree on what units do; no time is lost or booked twice."""
    blocks = case.blocks()
    trace, right = Stepper(case.body, blocks).run(), meaning(case.body, blocks)
    assert trace.total_ps == right.total
    check_conserved(trace, case.body, blocks)
    for name, unit in right.units.items():
        over = max(unit.free - right.total, 0)
        assert trace.accounts.get(("busy", name), 0) == unit.busy - over
        for reason, waited in unit.waits.items():
            booked = trace.accounts.get(("wait", name, reason), 0)
            assert booked >= waited if len(unit.waits.keys() - {REFRESH}) == 1 else booked == waited
    counted = {key[1:]: value for key, value in trace.accounts.items() if key[0] == "count" and key[1] != REFRESH}
    assert counted == dict(right.counts)
    assert trace.refreshes == {n: u.refreshes for n, u in right.units.items() if blocks[n].calendar}


def test_a_unit_runs_ahead_as_far_as_it_can() -> None:
    """200 tasks queue up for one unit; the other one's only task comes after them and waits for nothing."""
    many = Loop("i", 200, (Task("slow", "a", "work", "plain", {"n": Affine(10)}),))
    lone = Task("lone", "b", "work", "other", {"n": Affine(1)})
    last = Task("last", "b", "work", "other", {"n": Affine(1)}, after=(After("lone"),))
    case = Case((many, lone, last), (Plain("plain", 3), Plain("other", 4)))
    spans = defaultdict(list)

    class Watch:
        def span(self, unit: str, what: str, start: int, end: int, args: object) -> None:
            spans[unit].append((start, end))

        def count(self, unit: str, counter: str, at: int, value: int) -> None:
            assert (counter, value) != ("work", 0)

    slow = Stepper(case.body, case.blocks(), (Watch(),)).run()
    assert spans["other"] == [(0, 4), (4, 8)]
    assert fast(case) == slow


@settings(CI, max_examples=60)
@given(programs(longest=20, most=200), st.integers(1, 60))
def test_the_beginning_of_a_run_is_the_run_of_the_beginning(case: Case, limit: int) -> None:
    """A stepper that hands out a few tasks only times them as in the whole run."""
    spans: list[list[tuple[str, str, int, int]]] = []

    class Watch:
        def span(self, unit: str, what: str, start: int, end: int, args: object) -> None:
            spans[-1].append((unit, what, start, end))

        def count(self, unit: str, counter: str, at: int, value: int) -> None:
            assert value >= 0

    for most in (None, limit):
        spans.append([])
        Stepper(case.body, case.blocks(), (Watch(),), most).run()
    whole, part_of = (Counter(seen) for seen in spans)
    assert part_of.total() == min(limit, instances(case.body))
    assert part_of <= whole


@pytest.mark.parametrize("distance", [0, 1, 2, 5])
def test_a_wait_from_outside_reaches_back_into_a_loop(distance: int) -> None:
    """What a loop leaves behind is more than its last iteration."""
    work = Task("work", "a", "work", "plain", {"n": Affine.var("i", 1, 1)})
    same = Task("same", "a", "work", "plain", {"n": Affine(2)})
    late = Task("late", "b", "work", "other", {"n": Affine(1)}, after=(After("work", distance),))
    later = Task("later", "b", "work", "other", {"n": Affine(1)}, after=(After("same", distance),))
    case = Case((Loop("i", 9, (work,)), late, Loop("j", 9, (same,)), later), (Plain("plain", 3, 1), Plain("other", 1)))
    assert fast(case) == Stepper(case.body, case.blocks()).run()


def test_a_refresh_hidden_behind_another_unit_is_no_part_of_the_critical_path() -> None:
    rows = Rows("rows", 1, 1, 0, 0, Calendar(10, 4))
    memory = Loop("i", 20, (Task("read", "a", "rows", "rows", {"n": Affine(1), "row": Affine.var("i")}),))
    long = Task("long", "b", "work", "plain", {"n": Affine(1000)})
    case = Case((memory, long), (rows, Plain("plain", 1)))
    slow = Stepper(case.body, case.blocks()).run()
    check_conserved(slow, case.body, case.blocks())
    assert slow.total_ps == 1000
    assert slow.refreshes["rows"] > 2
    assert part(slow, "wait", "rows", REFRESH) == 4 * slow.refreshes["rows"]
    assert fast(case) in (None, slow)


def test_what_a_unit_remembers_makes_fast_forward_decline_where_refreshes_change_its_rest() -> None:
    """`tired` rests while `rows` works; refreshes lengthen the rest, so a closed form over refreshes would be wrong."""
    read = Task("read", "a", "rows", "rows", {"n": Affine(1), "row": Affine.var("i")}, after=(After("think"),))
    think = Task("think", "b", "work", "tired", {"n": Affine(1)}, after=(After("read"),))
    body = (Loop("i", 300, (read, think)),)
    rested = Case(body, (Rows("rows", 1, 1, 0, 0, Calendar(50, 20)), Tired("tired", 2, 7)))
    assert instances(body) == 600
    assert fast(rested) is None
    without = Case(body, (Rows("rows", 1, 1, 0, 0), Tired("tired", 2, 7)))
    quick = fast(without)
    assert quick is not None
    assert quick == Stepper(without.body, without.blocks()).run()
    assert quick.effort.evaluated < 20


def test_empty_loops_leave_nothing_behind() -> None:
    nothing = Loop("i", 5, (Loop("j", 0, (Task("never", "a", "work", "plain", {"n": Affine.var("i", 1, 1)}),)),))
    some = Loop("k", 3, (Task("real", "a", "work", "plain", {"n": Affine(1)}, after=(After("never", 2),)),))
    case = Case((nothing, some), (Plain("plain", 2), Plain("other", 2)))
    quick = fast(case)
    assert quick is not None
    assert quick == Stepper(case.body, case.blocks()).run()
    assert [s.loop for s in quick.samples] == ["k"] * 3
    assert Case((), case.units).blocks()
    assert fast(Case((), case.units)) == Stepper((), case.blocks()).run()


@given(st.integers(1, 3000), st.integers(1, 300))
def test_samples_are_evenly_spread_and_always_have_the_end(count: int, most: int) -> None:
    with patch.object(tracing, "SAMPLES", most):
        found = tracing.sampled(count)
    assert found[-1] == count - 1
    assert len(found) <= most + 1
    assert found == sorted(set(found))
    gaps = {b - a for a, b in pairwise(found[:-1])}
    assert len(gaps) <= 1
