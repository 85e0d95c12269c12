"""The error of a mapping that is none."""

from __future__ import annotations

from archsim.core.errors import ArchsimError


class BadMapping(ArchsimError):
    """The mapping breaks a promise; the message names the task, op or tensor. The model says no."""

    exit_code = 1
