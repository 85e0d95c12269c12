"""A memory on its own: a device by its name, what it is asked for, and what it did.

Every memory answers patterns and traces of requests. One that computes also runs kernels and programs of PIM commands.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import archsim.memory.flash
import archsim.memory.sram  # noqa: F401  (kinds are known once they are imported)
from archsim.api.compat import check_compat
from archsim.api.designs import Sets, bundled_names, bundled_path
from archsim.core.errors import BadInput, UnknownName
from archsim.core.merge import apply_sets
from archsim.core.validate import build
from archsim.core.yamlfile import Document, load_document
from archsim.memory.alike import one_channel
from archsim.memory.controller import Statistics
from archsim.memory.device import Dram, Memory
from archsim.memory.layout import computes
from archsim.memory.measured import DramMeasured, Measured
from archsim.memory.pim import kernels
from archsim.memory.pim.program import Program
from archsim.memory.records import LOG_COLUMNS, Logged, log_rows, logged
from archsim.memory.requests import Requests, Stream, file_of
from archsim.memory.requests import pattern as named_pattern

if TYPE_CHECKING:
    from archsim.memory.pim.run import PimMeasured

M = TypeVar("M", bound=Memory)
MOST_REQUESTS, DEFAULT_REQUESTS = 10**15, 100_000
MOST_TOLD = 60
"""Characters of a pattern that an error repeats."""


@dataclass(frozen=True)
class MemoryRun:
    """A finished run of any kind of memory: which device, which requests, and what it did."""

    device: str
    pattern: str
    measured: Measured

    def record(self) -> dict[str, Any]:
        """The headline as plain numbers: the keys of `archsim dram --json`."""
        return self.measured.record()

    @property
    def log(self) -> Sequence[Logged]:
        """Every command in the order of time; empty where the run kept no log, or the memory has none."""
        return ()

    def write_log(self, path: Path) -> int:
        """Write every command to a CSV file with the columns `records.LOG_COLUMNS`; how many.

        Raises
        ------
        BadInput
            The run kept no log, or the file cannot be written.
        """
        device, log = self.measured.device, self.log
        if not log or not isinstance(device, Dram):
            raise BadInput("the run kept no log", right="run_memory(..., log=True), of a DRAM")
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(LOG_COLUMNS)
                writer.writerows(log_rows(device, log))
        except OSError as error:
            raise BadInput(f"cannot write the log: {error}", where=str(path)) from None
        return len(log)


@dataclass(frozen=True)
class DramRun(MemoryRun):
    """A finished run of a DRAM."""

    measured: DramMeasured

    @property
    def statistics(self) -> Statistics:
        """What the controller counted, channel by channel."""
        return self.measured.statistics

    @property
    def log(self) -> Sequence[Logged]:
        """Every command in the order of time, if the run kept a log."""
        return tuple(logged(self.statistics))


@dataclass(frozen=True)
class PimRun(MemoryRun):
    """A finished run of a kernel, a program or a trace of PIM commands."""

    measured: PimMeasured

    @property
    def log(self) -> Sequence[Logged]:
        """Every command in the order of time, if the run kept a log: of channels that do the same, the first one's."""
        return self.measured.log


@dataclass(frozen=True)
class MemoryJob:
    """A memory and what it is asked for, found right and not yet simulated."""

    device: str
    pattern: str
    simulate: Callable[[], Measured]

    def run(self) -> MemoryRun:
        """Simulate it."""
        from archsim.memory.pim.run import PimMeasured

        measured = self.simulate()
        if isinstance(measured, PimMeasured):
            return PimRun(self.device, self.pattern, measured)
        if isinstance(measured, DramMeasured):
            return DramRun(self.device, self.pattern, measured)
        return MemoryRun(self.device, self.pattern, measured)


@overload
def load_device(device: str | Path | Dram, *, set: Sets = None) -> Dram: ...
@overload
def load_device(device: str | Path | Memory, *, set: Sets = None, kind: type[M]) -> M: ...
def load_device(device: str | Path | Memory, *, set: Sets = None, kind: type[Memory] = Dram) -> Memory:
    """The memory of this name, with settings merged over it.

    Parameters
    ----------
    device
        A bundled name (`archsim list memories`), a YAML file, or a device.
    set
        Dotted field -> value, over what the device says: ``{"channels": 1, "timing.trp": 15}``.
    kind
        What it must be: `Memory` for any kind, otherwise one of its kinds.

    Raises
    ------
    BadInput
        No such memory, or one that is not right, or one of another kind; says where, and what would be right.
    """
    if isinstance(device, Memory):
        nested = _nested(set)
        if isinstance(device, Dram):
            check_compat(nested.get("standard", device.standard), nested.get("compat", device.compat))
        return _checked(device.vary(**nested) if nested else device, kind, "")
    document = load_document(_path(str(device)), resolve_base=_base)
    document = apply_sets(document, set) if set else document
    check_compat(document.data.get("standard"), document.data.get("compat"), document.marks.where(("compat",)))
    return _checked(build(_kind(document), document, label="memory"), kind, document.marks.where(("kind",)))


def run_memory(
    device: str | Path | Memory,
    pattern: str | Requests | Program = "seq",
    *,
    requests: int | None = None,
    set: Sets = None,
    fast_forward: bool = True,
    log: bool = False,
    per_channel: bool = False,
) -> MemoryRun:
    """Ask a memory of any kind for something and see what it does.

    Parameters
    ----------
    device
        As for `load_device`.
    pattern
        ``seq``, ``random``, ``bankconf``, ``mix2r1w``, ``stride:BYTES``, ``trace:FILE``, or requests of your own. For
        a memory that computes also a kernel (`archsim list kernels`), such as ``gemv:4096x4096``, or a program that
        every channel plays; its traces may hold PIM commands beside requests.
    requests
        How many, 100,000 unless told. A trace, a kernel, a program and requests of your own have their own number.
    set
        Settings over the device.
    fast_forward
        Leap over what recurs; the result is the same.
    log
        Keep every command that a DRAM is sent (`MemoryRun.log`, `write_log`).
    per_channel
        Every channel of a DRAM gets these requests, all of them, at addresses within itself and with a front end of its
        own, as where data is spread over channels by hand. One is simulated, all are counted.

    Raises
    ------
    BadInput
        No such device or pattern, or one that does not go with the other; says where, and what would be right.
    """
    job = prepare_memory(
        device, pattern, requests=requests, set=set, fast_forward=fast_forward, log=log, per_channel=per_channel
    )
    return job.run()


def prepare_memory(
    device: str | Path | Memory,
    pattern: str | Requests | Program = "seq",
    *,
    requests: int | None = None,
    set: Sets = None,
    fast_forward: bool = True,
    log: bool = False,
    per_channel: bool = False,
) -> MemoryJob:
    """`run_memory` up to the simulation: what is wrong with its inputs is found here, and soon.

    Raises
    ------
    BadInput
        As for `run_memory`.
    """
    found = load_device(device, set=set, kind=Memory)
    name = getattr(found, "standard", found.kind) if isinstance(device, Memory) else Path(str(device)).stem
    told = pattern if isinstance(pattern, str) else "given"
    how = {"fast_forward": fast_forward, "log": log, "per_channel": per_channel}
    simulate, counted = _simulation(found, pattern, _count(requests), **how)
    if requests is not None and not counted:
        what = f"{requests} requests of {told if len(told) < MOST_TOLD else told[:MOST_TOLD] + '...'}"
        raise BadInput(what, right="leave the number out: it has its own")
    return MemoryJob(name, f"{told} on each channel" if per_channel else told, simulate)


def _count(requests: int | None) -> int:
    if requests is None:
        return DEFAULT_REQUESTS
    if isinstance(requests, bool) or not isinstance(requests, int) or not 1 <= requests <= MOST_REQUESTS:
        raise BadInput(f"{requests!r} requests", right=f"a whole number from 1 to {MOST_REQUESTS}")
    return requests


def _simulation(
    device: Memory,
    pattern: str | Requests | Program,
    requests: int,
    *,
    fast_forward: bool,
    log: bool,
    per_channel: bool,
) -> tuple[Callable[[], Measured], bool]:
    """What simulates it, the controller of its kind or a player of programs; and whether `requests` says how many."""
    from archsim.memory.measured import controlled

    if per_channel and not isinstance(device, Dram):
        raise BadInput(f"per channel: a memory of the kind {device.kind!r}", right="a DRAM, which has channels")
    asked_of = one_channel(device) if per_channel and isinstance(device, Dram) else device
    asked, counted = _asked(asked_of, pattern, requests, {"fast_forward": fast_forward, "log": log})
    if isinstance(asked, partial):
        if per_channel:
            right = "ordinary requests: these spread over channels by themselves"
            raise BadInput("per channel: a kernel or a program", right=right)
        return asked, counted
    if isinstance(device, Dram):
        how = {"fast_forward": fast_forward, "log": log, "per_channel": per_channel}
        return partial(controlled, device, asked, **how), counted
    if log or not fast_forward:
        what = f"{'a log' if log else 'stepping'} of a memory of the kind {device.kind!r}"
        raise BadInput(what, right="of a DRAM alone: the others have no commands to log and leap over nothing")
    return partial(device.simulate, asked), counted


def _asked(
    device: Memory, pattern: str | Requests | Program, requests: int, how: dict[str, bool]
) -> tuple[Requests | partial[Any], bool]:
    """Requests for a controller, or what plays a program as `how` says; and whether `requests` says how many."""
    from archsim.memory.pim import run, trace

    if isinstance(pattern, Program):
        if not isinstance(device, Dram):
            raise BadInput(f"a program for a memory of the kind {device.kind!r}", right="kind: dram")
        return partial(run.run, device, run.same_on_all(device, pattern), **how), False
    if isinstance(pattern, str):
        standard = device.standard if isinstance(device, Dram) else device.kind
        kernel = kernels.find(pattern, standard)
        if isinstance(device, Dram) and kernel is not None:
            return partial(run.run, device, kernel.work(pattern, device), **how), False
        if isinstance(device, Dram) and pattern.startswith("trace:") and computes(device.protocol):
            read = trace.read(file_of(pattern), device)
            if any(program.body for program in read.programs):
                return partial(run.replay_trace, device, read, **how), False
            return read.requests, False
        asked = named_pattern(pattern, requests, device, [one.form for one in kernels.of_standard(standard)])
        return asked, isinstance(asked, Stream)
    if hasattr(pattern, "arrays") and hasattr(pattern, "__len__"):
        return pattern, False
    raise BadInput(f"pattern {pattern!r}", right="a name such as seq, requests (Given, Stream) or a Program")


def dram(
    device: str | Path | Dram,
    pattern: str | Requests = "seq",
    *,
    requests: int | None = None,
    set: Sets = None,
    fast_forward: bool = True,
    log: bool = False,
    per_channel: bool = False,
) -> DramRun:
    """Ask a DRAM for a stream of requests: `run_memory`, with the statistics of each channel."""
    found = load_device(device, set=set)
    run = run_memory(found, pattern, requests=requests, fast_forward=fast_forward, log=log, per_channel=per_channel)
    name = device.standard if isinstance(device, Dram) else Path(str(device)).stem
    if not isinstance(run.measured, DramMeasured):
        what = f"pattern {run.pattern!r} is played as a program, without the statistics of a controller"
        raise BadInput(what, right="requests, or archsim.api.dram.run_memory")
    return DramRun(name, run.pattern, run.measured)


def _kind(document: Document) -> type[Memory]:
    from archsim.api.plugins import register

    kind = document.data.get("kind", Dram.kind)
    if kind not in Memory.registry:
        register()  # perhaps a plug-in brings it
    if kind not in Memory.registry:
        right = f"kind: {', '.join(Memory.registry.names())}"
        raise BadInput(f"kind: {kind!r} is not a memory", where=document.marks.where(("kind",)), right=right)
    return Memory.registry.get(str(kind))


def _checked(found: Memory, kind: type[Memory], where: str) -> Memory:
    if isinstance(found, kind):
        return found
    raise BadInput(f"kind: {found.kind!r} is not what is needed here", where=where, right=f"kind: {kind.kind}")


def _path(text: str) -> Path:
    if text.endswith((".yaml", ".yml")):
        return Path(text).expanduser()
    if (path := bundled_path("memories", text)) is None:
        raise UnknownName("memory", text, bundled_names("memories"))
    return path


def _base(name: str, file: Path) -> Path:
    if not name.endswith((".yaml", ".yml")) and (path := bundled_path("memories", name)) is not None:
        return path
    return file.parent / name


def _nested(sets: Sets) -> dict[str, object]:
    return apply_sets(Document({}), sets or ()).data
