"""Who evaluates points: processes on this machine, behind a protocol that other places can implement."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from archsim.core.errors import Broken
from archsim.dse.stop import Stop
from archsim.dse.store import Result, Status
from archsim.dse.study import Settings
from archsim.dse.worker import READY, Evaluate, reference


@dataclass(frozen=True)
class Job:
    """One point to evaluate."""

    key: str
    settings: Settings
    payload: Mapping[str, Any] = field(hash=False)
    """What the evaluate function needs, as JSON data."""


class Executor(Protocol):
    """Evaluates jobs in any order. A job whose worker dies is a failed result; no job is ever lost."""

    def run(self, evaluate: Evaluate, jobs: Sequence[Job], stop: Stop) -> Generator[tuple[Job, Result], None, None]:
        """Yield results as they come; after a stop request, finish what runs and start nothing."""
        ...


_Answer: TypeAlias = "tuple[Job, Result] | BaseException | None"
"""A result; what went wrong with a worker; or the end of a worker."""


class LocalProcesses:
    """Worker processes on this machine. They start once and import once; one that dies is replaced.

    A worker gets its next job when it has answered: the exchange takes about 0.1 ms, so there is nothing to gain from
    handing out several at once, and a death is blamed on the right point.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def run(self, evaluate: Evaluate, jobs: Sequence[Job], stop: Stop) -> Generator[tuple[Job, Result], None, None]:
        """Yield results as they come; closing the generator ends the workers."""
        todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            todo.put(job)
        done: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        crew = [_Worker(reference(evaluate), todo, done, stop) for _ in range(min(self.workers, len(jobs)))]

        def end_at_once() -> None:
            for worker in crew:
                worker.kill()

        stop.on_now = end_at_once
        for worker in crew:
            worker.start()
        try:
            yield from _collect(done, len(crew))
        finally:
            _drain(todo)
            end_at_once()
            for worker in crew:
                worker.join()


def _collect(done: queue.SimpleQueue[_Answer], running: int) -> Iterator[tuple[Job, Result]]:
    while running:
        item = done.get()
        if item is None:
            running -= 1
        elif isinstance(item, BaseException):
            raise item
        else:
            yield item


def _drain(todo: queue.SimpleQueue[Job]) -> None:
    with suppress(queue.Empty):
        while True:
            todo.get_nowait()


class _Worker:
    """Feeds one process: hands over jobs, takes results, replaces the process when it dies."""

    def __init__(
        self, evaluate: str, todo: queue.SimpleQueue[Job], done: queue.SimpleQueue[_Answer], stop: Stop
    ) -> None:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._evaluate, self._todo, self._done, self._stop = evaluate, todo, done, stop
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Serve until no jobs are left or someone wants to stop."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of it."""
        self._thread.join()

    def _serve(self) -> None:
        try:
            while not self._stop.requested:
                try:
                    job = self._todo.get_nowait()
                except queue.Empty:
                    break
                if (result := self._ask(job)) is not None:
                    self._done.put((job, result))
        except BaseException as error:  # belongs to whoever waits for the results
            self._done.put(error)
        finally:
            self._close()
            self._done.put(None)

    def kill(self) -> None:
        """End the process at once; the job it runs has no result."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def _ask(self, job: Job) -> Result | None:
        """The result of one job; None where someone stopped it."""
        process = self._running()
        line = _exchange(process, json.dumps(job.payload))
        if line.endswith("\n"):
            return Result.from_json(json.loads(line))
        self._close()
        return (
            None if self._stop.now else Result(Status.FAILED, reason=f"the worker died on this point ({_end(process)})")
        )

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            # The packages of this process, whatever its current folder, and nothing of the caller's script.
            paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "archsim.dse.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)},
                start_new_session=True,  # Ctrl-C in the terminal is for us to hear, not for the workers
            )
            setup = {"evaluate": self._evaluate, "path": sys.path}
            if _exchange(self._process, json.dumps(setup)) != READY and not self._stop.now:
                raise Broken(f"a worker cannot start ({_end(self._process)})", right="its own message is above")
        return self._process

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for end in (process.stdin, process.stdout):
                if end is not None:
                    with suppress(OSError):
                        end.close()  # the end of its input is the worker's end
            process.wait()


def _exchange(process: subprocess.Popen[str], text: str) -> str:
    """Send a line, receive a line; what comes back from a process that dies is shorter than a line."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(text + "\n")
        process.stdin.flush()
        return process.stdout.readline()
    except OSError:
        return ""


def _end(process: subprocess.Popen[str]) -> str:
    code = process.wait()
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
