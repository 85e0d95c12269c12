"""Are the commands legal, and is none of them late? Judged by a second reader of the protocol table."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from archsim.memory.gddr6_pim import NAMES
from tests.memory.cases import Case, cases
from tests.memory.oracle import check_legal, check_prompt, check_sense
from tests.memory.recorder import Issued, record

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@settings(CI, max_examples=250)
@given(cases())
def test_every_command_is_legal_and_none_is_late(case: Case) -> None:
    commands = record(case).commands
    check_sense(commands, case.memory.banks)
    check_legal(commands, case.memory)
    check_prompt(commands, case.memory)
