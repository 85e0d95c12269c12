"""Streams of memory requests: given one by one, or by a pattern that the kernel makes as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from archsim.core.errors import BadInput, UnknownName, some
from archsim.core.yamlfile import shown
from archsim.memory import layout as y
from archsim.memory.device import Memory

PATTERNS = {
    "seq": "reads of consecutive addresses",
    "random": "reads of uniformly random addresses, from a fixed seed",
    "bankconf": "reads of one bank, each of another row",
    "mix2r1w": "two sequential reads, then one write to a sequence in the upper half",
    "stride:N": "reads N bytes apart",
    "trace:FILE": "lines of cycle,R|W,hex address",
}
"""Pattern -> what it asks for."""

LATEST = 1 << 50
"""Cycles are below this, in traces too."""
MOST_BYTES = 1 << 62
"""Addresses are below this, whatever the memory."""
_NOTHING = np.zeros(0, dtype=np.int64)


class Requests(Protocol):
    """Something to ask a memory for."""

    def __len__(self) -> int: ...

    def arrays(self, device: Memory) -> tuple[Any, Any, Any, Any]:
        """The stream's numbers, and addresses, directions and arrival cycles where they are given one by one."""
        ...


@dataclass(frozen=True)
class Given:
    """Requests one by one, in the order in which they are offered."""

    addresses: Any
    """Bytes."""
    is_write: Any = None
    """True for writes; None if all are reads."""
    arrivals: Any = None
    """First cycle in which each may be accepted; None to offer all at once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "addresses", _numbers("addresses", self.addresses, MOST_BYTES))
        for name, most in (("is_write", 2), ("arrivals", LATEST)):
            given = getattr(self, name)
            if given is None:
                continue
            given = _numbers(name, given, most)
            object.__setattr__(self, name, given)
            if len(given) not in (len(self.addresses), 0):
                what = f"{name}: {len(given)} entries beside {len(self.addresses)} addresses"
                raise BadInput(what, right="as many as there are addresses, or None")
        if self.arrivals is not None and len(self.arrivals) > 1 and np.min(np.diff(self.arrivals)) < 0:
            raise BadInput("arrivals: a cycle comes after a later one", right="requests in the order of time")

    def __len__(self) -> int:
        return len(self.addresses)

    def arrays(self, device: Memory) -> tuple[Any, Any, Any, Any]:
        """See `Requests`."""
        addresses = self.addresses
        if len(addresses) and int(addresses.max()) >= device.capacity:
            first = int(np.argmax(addresses >= device.capacity))
            what = f"addresses[{first}]: {int(addresses[first]):#x} lies outside of the memory"
            raise BadInput(what, right=f"an address below {device.capacity:#x}, the capacity")
        none = self.is_write is None or not len(self.is_write)
        writes = np.zeros(len(addresses), dtype=np.int64) if none else self.is_write
        arrivals = _NOTHING if self.arrivals is None else self.arrivals
        stream = _stream(device, {y.FORM: y.GIVEN, y.COUNT: len(addresses), y.TIMED: int(len(arrivals) > 0)})
        return stream, addresses, writes, arrivals


@dataclass(frozen=True)
class Stream:
    """A pattern of `count` requests, offered all at once."""

    form: int
    """AFFINE, UNIFORM or MIX of `layout`."""
    count: int
    stride: int = 0
    """Bytes from one request to the next, where the pattern has one."""
    start: int = 0
    """Byte address of the first request, where the pattern has a stride."""
    is_write: bool = False
    """Whether all of them write."""
    span: int = 0
    """Bytes after which the addresses begin again, a power of two; 0 for all of the memory."""

    def __post_init__(self) -> None:
        if self.form not in (y.AFFINE, y.UNIFORM, y.MIX):
            raise BadInput(f"form: {self.form!r}", right="AFFINE, UNIFORM or MIX of archsim.memory.layout")
        for name in ("count", "stride", "start", "span"):
            if not isinstance(value := getattr(self, name), int) or value < 0:
                raise BadInput(f"{name}: {value!r}", right="a whole number, 0 or more")

    def __len__(self) -> int:
        return self.count

    def arrays(self, device: Memory) -> tuple[Any, Any, Any, Any]:
        """See `Requests`."""
        numbers = {
            **{y.FORM: self.form, y.COUNT: self.count, y.ALL_WRITE: int(self.is_write)},
            **{y.STRIDE: self.stride % device.capacity, y.START: self.start % device.capacity},
            y.CAPACITY: self.span or device.capacity,
        }
        return _stream(device, numbers), _NOTHING, _NOTHING, _NOTHING


def pattern(text: str, count: int, device: Memory, others: Iterable[str] = ()) -> Requests:
    """The requests that a pattern's name stands for.

    Parameters
    ----------
    text
        One of `PATTERNS`.
    count
        How many requests; a trace has its own number.
    device
        The memory that they are for.
    others
        What else could be written in its place, such as kernels; for errors.

    Raises
    ------
    UnknownName
        There is no such pattern.
    BadInput
        A stride that is no number, or a line of a trace that cannot be read.
    """
    name, colon, rest = text.partition(":")
    if name == "trace":
        return trace(file_of(text), device)
    if name == "stride":
        return Stream(y.AFFINE, count, _stride(text, rest))
    simple = {
        "seq": Stream(y.AFFINE, count, device.request_bytes),
        "random": Stream(y.UNIFORM, count),
        "bankconf": Stream(y.AFFINE, count, device.conflict_stride, span=device.conflict_span),
        "mix2r1w": Stream(y.MIX, count),
    }
    if name in simple and colon:
        raise BadInput(
            f"pattern {text!r}: {name} takes nothing after it", right=f"{name}, and --requests says how many"
        )
    if text not in simple:
        forms = sorted({*PATTERNS, *others})
        error = UnknownName("pattern", name, {form.partition(":")[0] for form in forms})
        error.right = f"known patterns: {some(forms)}"
        raise error
    return simple[text]


def file_of(text: str) -> Path:
    """The path in a pattern such as ``trace:FILE``.

    Raises
    ------
    BadInput
        There is none.
    """
    name, _, path = text.partition(":")
    if not path:
        raise BadInput(f"pattern {text!r} names no file", right=f"{name}:FILE, such as {name}:my.trace")
    return Path(path)


def lines_of(path: Path) -> list[str]:
    """The lines of a trace file.

    Raises
    ------
    BadInput
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"cannot read the trace: {error}", where=shown(path)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        what = f"byte {error.object[error.start]:#04x} is no text"
        raise BadInput(what, where=f"{shown(path)}:{line}", right="a trace is plain text (UTF-8)") from None


def trace(path: Path, device: Memory) -> Given:
    """Requests from a file with a line ``cycle,R|W,hex address`` for each.

    Empty lines and lines that begin with # are skipped. Cycles do not go back.

    Parameters
    ----------
    path
        The file.
    device
        The memory that its addresses lie in.

    Raises
    ------
    BadInput
        No such file, a line that is not of this form, or an address beyond the capacity; names the line.
    """
    lines = lines_of(path)
    cycles: list[int] = []
    kinds: list[bool] = []
    addresses: list[int] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            cycle, write, address = _request(line, f"{shown(path)}:{number}", device.capacity)
            if cycles and cycle < cycles[-1]:
                what = f"cycle {cycle} comes after cycle {cycles[-1]}"
                raise BadInput(what, where=f"{shown(path)}:{number}", right="requests are listed in the order of time")
            cycles.append(cycle)
            kinds.append(write)
            addresses.append(address)
    if not cycles:
        raise BadInput("no request in the trace", where=shown(path), right="lines such as 12,R,0x1f40")
    return Given(np.array(addresses, dtype=np.int64), np.array(kinds, dtype=np.int64), np.array(cycles, dtype=np.int64))


def _request(line: str, where: str, capacity: int) -> tuple[int, bool, int]:
    right = "cycle,R|W,hex address, such as 12,R,0x1f40"
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 3:
        what = f"{line!r} has {len(parts)} field{'' if len(parts) == 1 else 's'}, not 3"
        raise BadInput(what, where=where, right=right, try_=_of_dramsim3(line))
    cycle, kind, address = parts
    if not cycle.isdecimal() or int(cycle) >= LATEST:
        raise BadInput(f"{cycle!r} is not a cycle", where=where, right=right)
    if kind.upper() not in {"R", "W"}:
        raise BadInput(f"{kind!r} is neither R nor W", where=where, right=right)
    return int(cycle), kind.upper() == "W", address_of(address, capacity, where, right)


def _of_dramsim3(line: str) -> str:
    """The same request as it is written here, if the line is one of DRAMsim3's: hex address, READ or WRITE, cycle."""
    match line.split():
        case [address, ("READ" | "WRITE") as kind, cycle] if cycle.isdecimal():
            return f"{cycle},{kind[0]},{address}"
    return ""


def address_of(text: str, capacity: int, where: str, right: str) -> int:
    """A hexadecimal address of a trace.

    Raises
    ------
    BadInput
        It is none, or lies beyond the capacity; `right` says what a line looks like.
    """
    try:
        value = int(text, 16)
    except ValueError:
        raise BadInput(f"{text!r} is not a hexadecimal address", where=where, right=right) from None
    if not 0 <= value < capacity:
        right = f"an address below {capacity:#x}, the capacity"
        raise BadInput(f"address {value:#x} lies outside of the memory", where=where, right=right)
    return value


def _numbers(name: str, given: Any, end: int) -> Any:
    """Whole numbers from 0 to below `end` as an array of 64 bits."""
    try:
        found = np.asarray(given)
    except ValueError:
        raise BadInput(f"{name}: entries of different shapes", right="a list or an array of whole numbers") from None
    whole = found.dtype.kind in "iub" or (found.dtype.kind == "f" and bool((found == np.floor(found)).all()))
    if found.ndim != 1 or not whole:
        what = f"{name}: an array of {found.ndim} dimensions and type {found.dtype}"
        raise BadInput(what, right="one dimension of whole numbers")
    for value in (int(found.min()), int(found.max())) if found.size else ():
        if not 0 <= value < end:
            raise BadInput(f"{name}: {value}", right=f"from 0 to {end - 1}")
    return np.ascontiguousarray(found, dtype=np.int64)


def _stride(text: str, rest: str) -> int:
    if not rest.isdecimal():
        raise BadInput(f"pattern {text!r}: {rest!r} is not a number of bytes", right="stride:N, such as stride:4096")
    return int(rest)


def _stream(device: Memory, given: Mapping[int, int]) -> Any:
    numbers = np.zeros(y.STREAM_NUMBERS, dtype=np.int64)
    numbers[[y.CAPACITY, y.SHIFT]] = device.capacity, device.request_bytes.bit_length() - 1
    numbers[list(given)] = list(given.values())
    return numbers
