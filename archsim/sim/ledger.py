"""The books of a run.

Who was busy, who waited for whom, what each op cost. Kept in program order, on all lanes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from archsim.core.errors import Broken
from archsim.ir.affine import IntArray

Key = tuple[str, ...]

BUSY, HELD, WAIT, SHARE, CAUSE, COUNT, CALLS = "busy", "held", "wait", "share", "cause", "count", "calls"
RECOVERY = "t_recovery"
"""Critical time in which a unit was still closing what it did before."""


class Ledger:
    """Additive accounts, each one integer per lane (or one for all lanes).

    Accounts: (busy, unit), (held, op) = unit time of an op, (wait, unit, reason), (share, op) = part of the critical
    path, (cause, why) = the same by cause, (count, op, unit, counter), (calls, op).
    """

    def __init__(self) -> None:
        self.accounts: dict[Key, IntArray] = {}
        self._keys: dict[tuple[str, ...], tuple[tuple[tuple[str, Key], ...], tuple[tuple[str, Key], ...]]] = {}

    def add(self, key: Key, value: IntArray) -> None:
        """Add to an account."""
        old = self.accounts.get(key)
        self.accounts[key] = value if old is None else old + value

    def record(
        self, op: str, unit: str, free: IntArray, share: IntArray, done: IntArray, counters: Mapping[str, IntArray]
    ) -> None:
        """Book one task: `free` is how long it held its unit, `share` how far it moved the end of the critical path."""
        self.add((BUSY, unit), free)
        self.add((HELD, op), free)
        self.add((SHARE, op), share)
        self.add((CALLS, op), np.ones(1, dtype=np.int64))
        kinds = (op, unit, *counters)
        if kinds not in self._keys:
            self._keys[kinds] = _sorted_out(op, unit, counters)
        counts, causes = self._keys[kinds]
        for name, key in counts:
            self.add(key, counters[name])
        if len(share) == len(done) == 1 and all(len(counters[name]) == 1 for name, _ in causes):
            self._causes_of_one(int(share[0]), int(done[0]), causes, counters)
        else:
            self._causes(share, done, {name: counters[name] for name, _ in causes})

    def _causes_of_one(
        self, share: int, done: int, causes: tuple[tuple[str, Key], ...], counters: Mapping[str, IntArray]
    ) -> None:
        """As `_causes`, for a single lane, in which most runs are evaluated."""
        hidden = max(done - share, 0)
        for name, key in causes:
            part = int(counters[name][0])
            if part < 0:
                raise Broken(f"{name[2:]!r} took negative time", right="causes of a task's time are parts of it")
            covered = min(part, hidden)
            hidden -= covered
            if covered < part or key not in self.accounts:
                self.add(key, np.array([part - covered], dtype=np.int64))
        if share > done:
            self.add((CAUSE, RECOVERY), np.array([share - done], dtype=np.int64))

    def _causes(self, share: IntArray, done: IntArray, causes: Mapping[str, IntArray]) -> None:
        """Split the share by cause.

        A task that overlapped others has less share than causes: the first causes are the hidden ones.
        """
        hidden = np.maximum(done - share, 0)
        extra = np.maximum(share - done, 0)
        exact = not hidden.any()
        for name in sorted(causes):
            part = causes[name]
            if (part < 0).any():
                raise Broken(f"{name[2:]!r} took negative time", right="causes of a task's time are parts of it")
            if not exact:
                covered = np.minimum(part, hidden)
                part, hidden = part - covered, hidden - covered
            self.add((CAUSE, name), part)
        if extra.any():
            self.add((CAUSE, RECOVERY), extra)

    def snapshot(self) -> dict[Key, IntArray]:
        """The accounts as they stand (values are never changed in place)."""
        return dict(self.accounts)

    def repeat(self, since: Mapping[Key, IntArray], times: int) -> None:
        """Book everything since a snapshot `times` more times."""
        for key, value in self.accounts.items():
            before = since.get(key)
            self.accounts[key] = value + times * (value if before is None else value - before)

    def absorb(self, other: Ledger, lanes: int) -> None:
        """Add the sum over the lanes of another ledger."""
        for key, value in other.accounts.items():
            total = int(value.sum()) if len(value) == lanes else int(value[0]) * lanes
            self.add(key, np.array([total], dtype=np.int64))

    def totals(self) -> dict[Key, int]:
        """The accounts of a ledger with a single lane."""
        return {key: int(value[0]) for key, value in sorted(self.accounts.items())}


def _sorted_out(
    op: str, unit: str, names: Iterable[str]
) -> tuple[tuple[tuple[str, Key], ...], tuple[tuple[str, Key], ...]]:
    """Counters, and causes in order, with the keys of their accounts."""
    counts = tuple((name, (COUNT, op, unit, name)) for name in names if not name.startswith("t_"))
    return counts, tuple((name, (CAUSE, name)) for name in sorted(names) if name.startswith("t_"))


def as_array(value: Any) -> IntArray:
    """An int or array as an array of at least one lane."""
    return np.atleast_1d(np.asarray(value, dtype=np.int64))
