"""A worker process: reads one job per line, answers with one result per line, until its input ends.

A process of its own and not `multiprocessing`, which would import the caller's script again: `archsim.sweep` must work
from a notebook and from a script without a main guard.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from archsim.core.errors import ArchsimError
from archsim.dse.metrics import Value
from archsim.dse.store import Result, Status

READY = "ready\n"
"""What a worker says when it has imported everything."""

Evaluate = Callable[[Mapping[str, Any]], dict[str, Value]]
"""From the payload of a job to its metrics."""


def attempt(evaluate: Evaluate, payload: Mapping[str, Any]) -> Result:
    """Evaluate one point; whatever happens is a result."""
    started = time.monotonic()
    try:
        found, status, reason = evaluate(payload), Status.OK, ""
    except ArchsimError as error:
        # Bad input was ruled out before the study began; what is left is a combination that cannot be.
        found, status, reason = {}, Status.INFEASIBLE if error.exit_code < 3 else Status.FAILED, str(error)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        found, status = {}, Status.FAILED
        reason = f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})"
    return Result(status, found, reason, time.monotonic() - started)


def reference(evaluate: Evaluate) -> str:
    """``"module:name"`` of a module-level function, for another process to import."""
    return f"{evaluate.__module__}:{evaluate.__qualname__}"


def main() -> None:
    """Serve jobs from standard input. The first line says what to evaluate them with."""
    # Results have standard output to themselves: whatever a user's code prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    setup = json.loads(sys.stdin.readline())
    sys.path[:] = setup["path"]
    module, name = setup["evaluate"].split(":")
    evaluate: Evaluate = getattr(import_module(module), name)
    answers.write(READY)
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(attempt(evaluate, json.loads(line)).to_json()) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
