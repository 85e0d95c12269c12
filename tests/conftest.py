"""What holds for every test: it leaves the names that archsim knows as it found them, and no clock judges it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from archsim.ir.component import Component, Design
from archsim.ir.mapper import Mapper
from archsim.ir.workload import Workload
from archsim.memory.device import Memory
from archsim.memory.standards import STANDARDS

KINDS = (Component, Design, Mapper, Workload, Memory)

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine is no failure


@pytest.fixture(autouse=True)
def _names_undone() -> Iterator[None]:
    """Kinds and standards that a test registers, itself or by loading a user's file, are gone when it ends.

    What archsim brings itself stays, since it registers when its modules are first imported, perhaps in this test.
    """
    with ExitStack() as stack:
        for base in KINDS:
            stack.enter_context(base.registry.undone(keep="archsim"))
        stack.enter_context(STANDARDS.undone())
        yield
