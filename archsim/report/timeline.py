"""Spans and counters as a Chrome trace, for Perfetto (ui.perfetto.dev, opened by hand) or chrome://tracing."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping

from archsim.core.errors import Broken

Span = tuple[str, str, int, int, Mapping[str, object]]
"""(unit, name, start in ps, end in ps, arguments shown when the span is clicked)."""

Count = tuple[str, str, int, int]
"""(unit, counter, time in ps, value since the start)."""

PS_PER_US = 1_000_000


def timeline(spans: Iterable[Span], *, counts: Iterable[Count] = (), name: str = "archsim") -> bytes:
    """The spans as gzipped JSON, the same bytes for the same spans. `name` titles the trace.

    Each counter gets a track of its own; viewers show its rate as well.

    Times are microseconds with six decimals, that is whole picoseconds: nothing is rounded. Spans of one unit that
    overlap (double-buffered transfers) get further tracks, `unit (2)`, since on one track they would hide each other.

    Raises
    ------
    Broken
        A span ends before it starts.
    """
    packed = io.BytesIO()
    # No file name and no time in the header: equal runs give equal bytes.
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=6, mtime=0) as out:
        out.write(b'{"displayTimeUnit":"ns","traceEvents":[\n')
        out.write(_metadata("process_name", 1, 0, name).encode())
        for event in _events(spans):
            out.write(b",\n" + event.encode())
        for unit, counter, at, value in counts:
            title = _json(f"{unit} {counter}")
            event = f'{{"ph":"C","pid":1,"name":{title},"ts":{microseconds(at)},"args":{{"n":{value}}}}}'
            out.write(b",\n" + event.encode())
        out.write(b"\n]}\n")
    return packed.getvalue()


def microseconds(ps: int) -> str:
    """Picoseconds as a decimal number of microseconds, exactly.

    >>> microseconds(1_234_567), microseconds(12)
    ('1.234567', '0.000012')
    """
    return f"{ps // PS_PER_US}.{ps % PS_PER_US:06d}"


def _events(spans: Iterable[Span]) -> Iterator[str]:
    lanes: dict[str, list[tuple[int, int]]] = {}
    tracks = 0
    for unit, name, start, end, args in spans:
        if end < start:
            raise Broken(f"span {name!r} on {unit} ends at {end} ps, before its start at {start} ps")
        own = lanes.setdefault(unit, [])
        lane = next((i for i, (_, free) in enumerate(own) if free <= start), len(own))
        if lane == len(own):
            tracks += 1
            own.append((tracks, end))
            yield _metadata("thread_name", 1, tracks, unit if lane == 0 else f"{unit} ({lane + 1})")
            yield _metadata("thread_sort_index", 1, tracks, tracks)
        track = own[lane][0]
        own[lane] = (track, end)
        shown = f',"args":{_json(args)}' if args else ""
        yield (
            f'{{"ph":"X","pid":1,"tid":{track},"name":{_json(name)},'
            f'"ts":{microseconds(start)},"dur":{microseconds(end - start)}{shown}}}'
        )


def _metadata(what: str, process: int, track: int, value: str | int) -> str:
    label = "sort_index" if isinstance(value, int) else "name"
    return f'{{"ph":"M","pid":{process},"tid":{track},"name":"{what}","args":{_json({label: value})}}}'


def _json(value: object) -> str:
    return json.dumps(value if not isinstance(value, Mapping) else dict(value), separators=(",", ":"), default=str)
