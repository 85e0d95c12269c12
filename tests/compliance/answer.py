"""What the answer of every library promises. Subclass, say how to ask and what is true, and all of it is tested.

The promises are those of `archsim.mappers.answer.Answer`: the same question gets the same answer, an answer holds, no
bound is above what trying everything finds, what is called proved is the best, the gap is over the bound, and what
cannot be done is explained.
"""

from __future__ import annotations

import json
from math import inf
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.core.errors import ArchsimError
from archsim.mappers.answer import Answer, common, line

Question = TypeVar("Question")

FEW = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
KEYS = ("objective", "bound", "gap", "proved", "method", "seconds")
ROUNDING = 1e-9
"""Relative error of metrics that are not whole numbers."""


class AnswerCompliance(Generic[Question]):
    """One test per promise, on tiny questions that are drawn."""

    questions: st.SearchStrategy[Any]
    """Small enough to try everything."""
    impossible: Any
    """A question without an answer; None where every question has one."""
    short: tuple[str, ...] = ()
    """What the error of the impossible one says: what is short, how much is asked for and there, what would help."""

    def ask(self, question: Question) -> Answer:
        """The answer, found anew."""
        raise NotImplementedError

    def hurry(self, question: Question) -> Answer:
        """The answer under the tightest limit there is; as `ask` where there is none."""
        return self.ask(question)

    def least(self, question: Question) -> float | None:
        """The least objective by trying everything; None where nothing is allowed."""
        raise NotImplementedError

    def holds(self, question: Question, answer: Any) -> None:
        """Assert that the answer is one, and costs what it says; without the code that found it."""
        raise NotImplementedError

    def back(self, answer: Any) -> Any:
        """What comes back from JSON, where a library reads its own; else the answer."""
        json.dumps(answer.record(), allow_nan=False)
        return answer

    def _asked(self, data: st.DataObject) -> tuple[Question, Answer, float] | None:
        question: Question = data.draw(self.questions)
        least = self.least(question)
        if least is None:
            with pytest.raises(ArchsimError) as raised:
                self.ask(question)
            assert raised.value.what
            return None
        return question, self.ask(question), least

    @FEW
    @given(st.data())
    def test_an_answer_holds_and_another_time_is_the_same(self, data: st.DataObject) -> None:
        if asked := self._asked(data):
            question, answer, _ = asked
            self.holds(question, answer)
            assert self.ask(question) == answer

    @FEW
    @given(st.data())
    def test_no_bound_is_above_the_best_and_proved_is_the_best(self, data: st.DataObject) -> None:
        if asked := self._asked(data):
            _, answer, least = asked
            slack = ROUNDING * abs(least)
            assert answer.bound <= least + slack
            assert answer.objective >= least - slack
            if answer.proved:
                assert answer.objective == pytest.approx(least, rel=ROUNDING)

    @FEW
    @given(st.data())
    def test_a_limit_leaves_an_answer_that_claims_no_more_than_it_knows(self, data: st.DataObject) -> None:
        question: Question = data.draw(self.questions)
        least = self.least(question)
        try:
            answer = self.hurry(question)
        except ArchsimError:
            return  # there is none, or none was found in time
        assert least is not None
        self.holds(question, answer)
        assert answer.bound <= least * (1 + ROUNDING)
        assert not answer.proved or answer.objective <= least * (1 + ROUNDING)

    @FEW
    @given(st.data())
    def test_the_record_has_the_keys_of_all_and_comes_back(self, data: st.DataObject) -> None:
        if asked := self._asked(data):
            answer: Any = asked[1]
            record = json.loads(json.dumps(answer.record(), allow_nan=False))
            assert {key: record[key] for key in KEYS} == common(answer)
            assert record["gap"] == (None if answer.gap == inf else answer.gap)
            assert self.back(answer) == answer

    @FEW
    @given(st.data())
    def test_the_gap_is_over_the_bound(self, data: st.DataObject) -> None:
        if asked := self._asked(data):
            answer = asked[1]
            assert answer.gap >= 0
            if answer.bound:
                assert answer.gap * answer.bound == pytest.approx(answer.objective - answer.bound, abs=1e-6)
            else:
                assert answer.gap == (inf if answer.objective else 0)
            said = line(answer)
            assert ("inf %" in said) == (answer.gap == inf)
            assert (", proved," in said) == answer.proved
            assert answer.method
            assert answer.method in said

    def test_what_cannot_be_done_is_explained(self) -> None:
        if self.impossible is None:
            return
        with pytest.raises(ArchsimError) as raised:
            self.ask(self.impossible)
        said = str(raised.value)
        assert raised.value.tries, "what would help"
        assert [text for text in self.short if text not in said] == []
