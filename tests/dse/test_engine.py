from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from archsim.core.errors import BadInput
from archsim.dse.engine import Remembered
from archsim.dse.executor import Job
from archsim.dse.progress import Tally
from archsim.dse.stop import Stop
from archsim.dse.store import Status
from archsim.dse.study import Settings, Study
from archsim.dse.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.dse.conftest import Lab


def study(**changes: Any) -> Study:
    fields: dict[str, Any] = {
        "question": "How do x and y trade?",
        "design": "stand-in",
        "workload": "none",
        "space": {"x": [1, 2, 4], "y": {"from": 1, "to": 8, "log2": True}},
    }
    return Study.model_validate({**fields, **changes})


def test_rows_come_in_the_order_of_the_space_whoever_finishes_first(lab: Lab) -> None:
    rows = lab.explore(study(), workers=2).run()
    assert [tuple(row.settings.values()) for row in rows] == [(x, y) for x in (1, 2, 4) for y in (1, 2, 4, 8)]
    assert all(row.result.status is Status.OK for row in rows)


def test_nothing_is_evaluated_twice(lab: Lab) -> None:
    first = lab.explore(study(), limit=5).run()
    assert len(first) == len(lab.evaluated()) == 5
    second = lab.explore(study()).run()
    assert len(second) == len(lab.evaluated()) == 12
    assert len(set(lab.evaluated())) == 12
    assert second[:5] == first


def test_one_worker_or_two_give_the_same_bytes(lab: Lab) -> None:
    one = Table(study(), lab.explore(study(), workers=1).run())
    lab.explore(study()).store.open("trade", {}, fresh=True)
    two = Table(study(), lab.explore(study(), workers=2).run())
    assert len(lab.evaluated()) == 24
    assert one.to_csv() == two.to_csv()
    assert one.to_parquet() == two.to_parquet()


def test_a_dead_worker_and_a_bug_are_failed_rows_and_are_tried_again(lab: Lab) -> None:
    asked = study(space={"x": [13, 1, 14], "y": [1]})
    rows = lab.explore(asked).run()
    assert [row.result.status for row in rows] == [Status.FAILED, Status.OK, Status.FAILED]
    assert "SIGKILL" in rows[0].result.reason
    assert "RuntimeError: a slip" in rows[2].result.reason
    lab.explore(asked).run()
    assert lab.evaluated() == ["1,1", "13,1", "13,1", "14,1", "14,1"]


def test_infeasible_points_are_rows_with_their_reason(lab: Lab) -> None:
    rows = lab.explore(study(space={"x": [8, 16], "y": [1, 4, 8]})).run()
    assert [row.result.status.value for row in rows] == ["ok", "ok", "infeasible", "ok", "infeasible", "infeasible"]
    assert "do not go together" in rows[2].result.reason
    assert "x * y <= 40" in rows[4].result.reason


def test_bad_input_is_refused_before_anything_runs(lab: Lab) -> None:
    with pytest.raises(BadInput, match="unknown key 'z'"):
        lab.explore(study(space={"x": [1, 2], "z": [1]})).run()
    assert lab.evaluated() == []


@pytest.mark.parametrize("limit", [1, 2, 3, None])
def test_a_value_is_bad_by_the_whole_space_and_not_by_the_points_asked_for(lab: Lab, limit: int | None) -> None:
    fine = study(space={"x": [8, 1], "y": [8, 2]})
    rows = lab.explore(fine, limit=limit).run()
    assert [row.result.status.value for row in rows] == ["infeasible", "ok", "ok", "ok"][:limit]
    dead = study(space={"x": [1, 8], "y": [8]})
    with pytest.raises(BadInput, match="do not go together"):
        lab.explore(dead, limit=limit).run()


def test_points_that_cannot_be_built_are_not_counted_as_stored(lab: Lab) -> None:
    counted = Counting(lambda tally: None)
    lab.explore(study(space={"x": [8, 1], "y": [8, 2]}), progress=counted).run()
    assert counted.first == (1, 1)
    lab.explore(study(space={"x": [8, 1], "y": [8, 2]}), progress=counted).run()
    assert counted.first == (4, 1)


def test_every_point_is_built_once(lab: Lab) -> None:
    built: list[object] = []
    exploration = lab.explore(study(space={"x": [8, 1], "y": [8, 2]}))

    def counting(settings: Settings) -> Job:
        built.append(settings)
        return lab.prepare(settings)

    exploration.prepare = Remembered(counting)
    exploration.next()
    assert len(exploration.run()) == len(built) == 4


def test_a_stop_request_keeps_what_finished_and_the_next_run_continues(lab: Lab) -> None:
    stop = Stop()
    counted = Counting(lambda tally: stop.request() if tally.done == 3 else None)
    slow = study(space={"x": [1, 2, 4], "y": [1, 2, 4, 8], "sleep": [0.1]})
    rows = lab.explore(slow, stop=stop, progress=counted).run()
    assert 3 <= len(rows) < 12
    assert counted.left == 9
    assert len(lab.explore(slow).run()) == 12
    assert len(lab.evaluated()) == 12


def test_a_second_request_ends_what_runs(lab: Lab) -> None:
    stop = Stop()
    slow = study(space={"x": [1], "sleep": [0, 60], "y": [1]})

    def twice(tally: Tally) -> None:
        stop.request()
        stop.request()

    assert len(lab.explore(slow, stop=stop, progress=Counting(twice)).run()) == 1


def test_settings_that_make_the_same_machine_share_one_evaluation(lab: Lab) -> None:
    exploration = lab.explore(study(space={"x": [1, 2], "y": [1]}))
    same = lab.prepare({"x": 2, "y": 1})
    exploration.prepare = lambda settings: same
    rows = exploration.run()
    assert lab.evaluated() == ["2,1"]
    assert rows[0].result == rows[1].result


class Counting:
    def __init__(self, on_update: Callable[[Tally], None]) -> None:
        self.on_update, self.left = on_update, -1
        self.first = (0, 0)

    def showing(self, tally: Tally) -> nullcontext[None]:
        self.first = tally.done, tally.refused
        return nullcontext()

    def update(self, tally: Tally) -> None:
        self.on_update(tally)

    def stopping(self, left: int) -> None:
        self.left = left
