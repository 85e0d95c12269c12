"""The memory on its own: dram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.talk import Talk, columns, show, show_json

if TYPE_CHECKING:
    from archsim.api.dram import DramRun

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
    """Ask a DRAM for a stream of requests: cycles, bandwidth, commands, latency, energy.

    Requests are offered as fast as the controller takes them; a trace has lines of cycle,R|W,hex address.
    """
    from archsim.api.dram import dram as run

    Talk(quiet).say("the controller is compiled when it is first used, and kept")
    found = run(device, pattern, requests=requests, set=set_)
    if json:
        show_json(found.record())
    else:
        show("\n".join(_lines(found)))


def _lines(found: DramRun) -> list[str]:
    s, r = found.statistics, found.record()
    tail = ", ".join(f"{100 * part:g} % in {s.read_latency(part):,}" for part in (0.5, 0.99))
    waited = {name: sum(c.waited[name] for c in s.channels) for name in s.channels[0].waited}
    most = sorted(((cycles, name) for name, cycles in waited.items() if cycles), reverse=True)[:4]
    queued = sum(c.queued_cycles for c in s.channels) / max(1, s.cycles) / len(s.channels)
    rows = [
        ("device", f"{found.device}, {s.device.channels} channels, {s.device.capacity / 2**30:g} GiB"),
        ("pattern", f"{found.pattern}, {s.requests:,} requests of {s.device.request_bytes} B"),
        ("time", f"{s.cycles:,} cycles of {s.device.tck}"),
        ("bandwidth", f"{r['bandwidth_gbps']:.4g} of {r['peak_gbps']:.4g} GB/s ({100 * r['utilization']:.1f} %)"),
        ("commands", ", ".join(f"{name} {s.total(name):,}" for name in waited if s.total(name))),
        ("row hits", f"{r['row_hits']:,}"),
        ("read latency", f"mean {s.mean_read_latency:,.1f} cycles, {tail}, longest {s.slowest_read:,}"),
        ("in the queues", f"{queued:.1f} requests per channel"),
        ("bus waited for", ", ".join(f"{name} {100 * c / max(1, sum(waited.values())):.0f} %" for c, name in most)),
        ("energy", f"{r['energy_pj'] / 1e6:,.4g} uJ: " + _shares(s.energy)),
    ]
    return columns([row for row in rows if row[1]])


def _shares(energy: dict[str, float]) -> str:
    total = sum(energy.values()) or 1.0
    return ", ".join(f"{name.replace('_', ' ')} {100 * pj / total:.0f} %" for name, pj in energy.items() if pj)
