"""Errors read as lessons, survive a process border, and exit with the promised code."""

import pickle

import pytest

from archsim.core.errors import (
    ArchsimError,
    BadInput,
    Broken,
    DoesNotFit,
    Infeasible,
    NameTaken,
    UnknownName,
    nearest,
)


def test_all_four_parts_are_shown_in_order() -> None:
    error = BadInput("unknown key 'bank'", where="edge.yaml:7", right="banks (int)\nrows (int)", try_=("banks: 4", "a"))
    assert str(error).splitlines() == [
        "edge.yaml:7  unknown key 'bank'",
        "   banks (int)",
        "   rows (int)",
        "   try: banks: 4 | a",
    ]


def test_missing_parts_leave_no_trace() -> None:
    assert str(ArchsimError("it broke")) == "it broke"
    assert str(ArchsimError("it broke", try_="again")) == "it broke\n   try: again"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ArchsimError("x"), 3),
        (BadInput("x"), 2),
        (UnknownName("design", "x", []), 2),
        (NameTaken("x"), 2),
        (DoesNotFit("x", need=2, have=1, terms={}), 1),
        (Infeasible("x"), 1),
        (Broken("x"), 3),
    ],
)
def test_exit_codes_are_the_contract(error: ArchsimError, code: int) -> None:
    assert error.exit_code == code


def test_unknown_name_offers_the_nearest_and_lists_the_rest() -> None:
    error = UnknownName("design", "pim-gtp", ["systolic", "pim-gpt"], where="--set use=pim-gtp")
    assert error.what == "unknown design 'pim-gtp', did you mean 'pim-gpt'?"
    assert error.right == "known designs: pim-gpt, systolic"
    assert error.near == "pim-gpt"
    assert str(error).startswith("--set use=pim-gtp  unknown design")


def test_unknown_name_does_not_guess_wildly() -> None:
    error = UnknownName("memory", "zzz", [f"hbm{n}" for n in range(20)])
    assert error.what == "unknown memory 'zzz'"
    assert error.right.startswith("known memories: hbm0, hbm1, hbm10")
    assert error.right.endswith(" and 8 more")
    assert UnknownName("mapper", "x", []).right == "known mappers: none"


@pytest.mark.parametrize(
    ("given", "meant"), [("GPT2-XL", "gpt2-xl"), ("gpt2xl", "gpt2-xl"), ("opt-13b", None), ("", None)]
)
def test_nearest_ignores_case_and_gives_up(given: str, meant: str | None) -> None:
    assert nearest(given, ["gpt2-xl", "llama2-70b"]) == meant


def test_does_not_fit_shows_the_sum() -> None:
    error = DoesNotFit(
        "mapping does not fit",
        where="pim.channel[3].bank[7]",
        need=71_680,
        have=65_536,
        terms={"k_cache tile 64x1024": 65_536, "scale table": 6_144},
        try_=("tile kv_len by 512", "banks: 32"),
    )
    assert str(error) == (
        "pim.channel[3].bank[7]  mapping does not fit\n"
        "   needs 70 KiB, has 64 KiB: k_cache tile 64x1024 = 64 KiB, scale table = 6 KiB\n"
        "   try: tile kv_len by 512 | banks: 32"
    )
    assert sum(error.terms.values()) == error.need


def test_does_not_fit_never_rounds_away_what_is_short() -> None:
    close = DoesNotFit("x", need=(1 << 32) + 1, have=1 << 32, terms={})
    assert close.right == "needs 4,294,967,297 B, has 4,294,967,296 B"
    assert DoesNotFit("x", need=5 << 30, have=3_000_000_000, terms={}).right == "needs 5 GiB, has 2.794 GiB"
    assert DoesNotFit("x", need=1_025, have=1 << 20, terms={}).right == "needs 1,025 B, has 1 MiB"
    assert DoesNotFit("x", need=5_000, have=0, terms={}, unit="LUT").right == "needs 5,000 LUT, has 0 LUT"


@pytest.mark.parametrize(
    "error",
    [
        BadInput("what", where="here", right="this", try_=("a", "b")),
        UnknownName("design", "a", ["b"]),
        DoesNotFit("x", need=2, have=1, terms={"t": 2}),
        BadInput.several([BadInput("one"), BadInput("two", where="f:2")]),
    ],
)
def test_errors_cross_process_borders(error: ArchsimError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert (copy.what, copy.where, copy.right, copy.tries) == (error.what, error.where, error.right, error.tries)
    assert len(copy.problems) == len(error.problems)


def test_several_problems_are_one_error() -> None:
    error = BadInput.several([BadInput("one", where="f:1"), BadInput("two", where="f:2", right="2 is right")])
    assert str(error) == "f:1  one\nf:2  two\n   2 is right"
    assert [problem.where for problem in error.problems] == ["f:1", "f:2"]
    assert error.exit_code == 2
