from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from archsim.core.copies import copied, digest_of, functions_of, numbers_of

SOURCE = """
from os.path import join
LIMIT = {limit}

def double(x):
    "{doc}"
    return 2 * x if x in {{1, 2, 3}} else LIMIT

def fourfold(x):
    return double(double(x)){more}
"""


def module(*, limit: int = 7, doc: str = "Twice.", more: str = "") -> ModuleType:
    made = ModuleType("made")
    exec(compile(SOURCE.format(limit=limit, doc=doc, more=more), "made.py", "exec"), made.__dict__)
    return made


def test_functions_are_those_that_a_module_defines_and_numbers_those_it_knows() -> None:
    made = module()
    assert list(functions_of(made)) == ["double", "fourfold"]
    assert numbers_of(made) == {"LIMIT": 7}


def test_copies_call_copies_and_leave_the_original_alone() -> None:
    made = module()
    space = {**numbers_of(made), "double": lambda x: x + 100}
    copy = copied(made.fourfold, space, "elsewhere", "abc")
    assert (copy(1), made.fourfold(1)) == (201, 4)
    assert (copy.__module__, copy.__qualname__) == ("elsewhere", "fourfold_abc")


@pytest.mark.parametrize("change", [{"limit": 8}, {"more": " + 1"}, {"more": " + LIMIT"}])
def test_the_digest_follows_the_code_and_its_numbers(change: dict[str, object]) -> None:
    assert digest_of(module()) == digest_of(module())
    assert digest_of(module(**change)) != digest_of(module())  # type: ignore[arg-type]


def test_the_digest_is_the_same_in_every_process() -> None:
    """Otherwise machine code on the disk would not be found again."""
    code = "from archsim.core.copies import digest_of; from archsim.memory.compiled import SOURCES"
    code += "; from archsim.memory.pim import lane, beside; print(digest_of(*SOURCES, lane, beside))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1
