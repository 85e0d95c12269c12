"""The memory on its own: dram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.talk import Talk, columns, show, show_json
from archsim.core.quantities import Bytes, Time

if TYPE_CHECKING:
    from archsim.api.dram import DramRun, MemoryRun

Device = Annotated[
    str,
    typer.Argument(
        metavar="DEVICE",
        help="A bundled memory (archsim list memories) or a YAML file.",
        autocompletion=complete.memories,
        show_default=False,
    ),
]


def dram(
    device: Device,
    *,
    pattern: Annotated[
        str, typer.Option(metavar="PATTERN", help="seq, random, bankconf, mix2r1w, stride:BYTES or trace:FILE.")
    ] = "seq",
    requests: Annotated[int, typer.Option(metavar="N", help="How many; a trace has its own number.")] = 100_000,
    set_: opt.Set = [],  # noqa: B006
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Ask a memory for a stream of requests: cycles, bandwidth, accesses, latency, energy.

    DRAM, SRAM scratchpads and NAND flash. Requests are offered as fast as the memory takes them; a trace has lines of
    cycle,R|W,hex address.
    """
    from archsim.api.dram import run_memory

    Talk(quiet).say("a controller is compiled when it is first used, and kept")
    found = run_memory(device, pattern, requests=requests, set=set_)
    if json:
        show_json(found.record())
    else:
        show("\n".join(_lines(found)))


def _lines(found: MemoryRun) -> list[str]:
    from archsim.api.dram import DramRun

    m, r = found.measured, found.record()
    tail = ", ".join(f"{100 * part:g} % in {m.latencies.within(part):,}" for part in (0.5, 0.99))
    latency = f"mean {m.latencies.mean:,.1f} cycles, {tail}, longest {m.latencies.longest:,}"
    used = f" ({100 * r['utilization']:.1f} %)"
    rows = [
        ("device", f"{found.device}, {_outline(found)}, {_size(m.device.capacity)}"),
        ("pattern", f"{found.pattern}, {m.requests:,} requests of {Bytes(m.device.request_bytes)}"),
        ("time", f"{m.cycles:,} cycles of {Time(m.tck)}, {_scaled(m.seconds, 's')}"),
        ("bandwidth", f"{r['bandwidth_gbps']:.4g} of {r['peak_gbps']:.4g} GB/s" + used),
        *(_dram_rows(found) if isinstance(found, DramRun) else _other_rows(found)),
        ("read latency", latency if m.latencies.longest else ""),
        *(_bus_rows(found) if isinstance(found, DramRun) else []),
        ("energy", f"{_scaled(r['energy_pj'] / 1e12, 'J')}: " + _shares(m.energy) if m.energy else ""),
    ]
    return columns([row for row in rows if row[1]])


def _outline(found: MemoryRun) -> str:
    from archsim.memory.device import Dram

    device = found.measured.device
    return f"{device.channels} channels" if isinstance(device, Dram) else device.outline


def _scaled(amount: float, unit: str) -> str:
    """Four digits, with the prefix that leaves one to three of them before the point."""
    prefix, factor = next(((p, f) for p, f in (("", 1.0), ("m", 1e3), ("u", 1e6)) if amount * f >= 1), ("n", 1e9))
    return f"{amount * factor:.4g} {prefix}{unit}"


def _size(capacity: int) -> str:
    unit, shift = next((one for one in (("GiB", 30), ("MiB", 20), ("KiB", 10)) if capacity >= 1 << one[1]), ("B", 0))
    return f"{capacity / (1 << shift):g} {unit}"


def _dram_rows(found: DramRun) -> list[tuple[str, str]]:
    s = found.statistics
    names = [name for name in s.channels[0].commands if s.total(name)]
    hits = found.measured.events["row_hits"]
    return [("commands", ", ".join(f"{name} {s.total(name):,}" for name in names)), ("row hits", f"{hits:,}")]


def _bus_rows(found: DramRun) -> list[tuple[str, str]]:
    s = found.statistics
    waited = {name: sum(c.waited[name] for c in s.channels) for name in s.channels[0].waited}
    most = sorted(((cycles, name) for name, cycles in waited.items() if cycles), reverse=True)[:4]
    queued = sum(c.queued_cycles for c in s.channels) / max(1, s.cycles) / len(s.channels)
    shares = ", ".join(f"{name} {100 * c / max(1, sum(waited.values())):.0f} %" for c, name in most)
    return [("in the queues", f"{queued:.1f} requests per channel"), ("bus waited for", shares)]


def _other_rows(found: MemoryRun) -> list[tuple[str, str]]:
    m = found.measured
    rows = [("accesses", f"{m.reads:,} reads, {m.writes:,} writes")]
    for name, value in m.detail.items():
        if isinstance(value, dict):
            told = ", ".join(f"{key} {_number(one)}" for key, one in value.items() if one)
            rows.append((name.replace("_", " "), told))
        elif value:
            rows.append((name.replace("_", " "), _number(value)))
    return rows


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _shares(energy: Mapping[str, float]) -> str:
    total = sum(energy.values()) or 1.0
    return ", ".join(f"{name.replace('_', ' ')} {100 * pj / total:.0f} %" for name, pj in energy.items() if pj)
