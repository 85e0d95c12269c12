"""The memory on its own: dram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.patience import compiling
from archsim.cli.talk import Talk, columns, show, show_json
from archsim.core.quantities import Bytes, Time
from archsim.memory.pim.kernels import KERNELS

if TYPE_CHECKING:
    from archsim.api.dram import DramRun, MemoryRun, PimRun

PATTERNS = "seq, random, bankconf, mix2r1w, stride:BYTES or trace:FILE"
KERNEL_FORMS = ", ".join(dict.fromkeys(kernel.form for kernel in KERNELS))

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
        str,
        typer.Option(
            metavar="PATTERN", help=f"{PATTERNS}; memories that compute (archsim list kernels) also {KERNEL_FORMS}."
        ),
    ] = "seq",
    requests: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many, 100000 unless told; a trace and a kernel have their own number."),
    ] = None,
    set_: opt.Set = [],  # noqa: B006
    per_channel: Annotated[
        bool,
        typer.Option("--per-channel", help="Every channel gets these requests, for itself: one stands for all."),
    ] = False,
    no_fast_forward: opt.NoFastForward = False,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Every DRAM command as CSV: cycle,command,channel,rank,group,bank,row,column; of channels that do the "
            "same, those of the first.",
        ),
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Ask a memory for a stream of requests or for a kernel: cycles, bandwidth, accesses, latency, energy.

    DRAM, DRAM that computes, SRAM scratchpads and NAND flash. Requests are offered as fast as the memory takes them; a
    trace has lines of cycle,R|W,hex address, and for a DRAM that computes also of cycle,COMMAND,place,row,count.

    A DRAM's bandwidth counts bursts over its pins: none for reads that share one, nor for writes that are still in the
    buffer at the end. A run ends when every read has its data and every write is accepted. --json adds channels, one by
    one, and detail to a DRAM's headline.
    """
    from archsim.api.dram import PimRun, prepare_memory

    job = prepare_memory(
        device,
        pattern,
        requests=requests,
        set=set_,
        fast_forward=not no_fast_forward,
        log=log is not None,
        per_channel=per_channel,
    )
    with compiling(talk := Talk(quiet)):
        found = job.run()
    if log is not None:
        talk.say(f"{found.write_log(log):,} commands in {log}")
    if json:
        show_json(found.record())
    else:
        show("\n".join(columns(_pim_lines(found) if isinstance(found, PimRun) else _lines(found))))


def _lines(found: MemoryRun) -> list[tuple[str, str]]:
    from archsim.api.dram import DramRun

    m, r = found.measured, found.record()
    used = f" ({100 * r['utilization']:.1f} %)"
    rows = [
        ("device", f"{found.device}, {_outline(found)}, {_size(m.device.capacity)}"),
        ("pattern", f"{found.pattern}, {m.requests:,} requests of {Bytes(m.device.request_bytes)}"),
        ("time", f"{m.cycles:,} cycles of {Time(m.tck)}, {_scaled(m.seconds, 's')}"),
        ("bandwidth", f"{r['bandwidth_gbps']:.4g} of {r['peak_gbps']:.4g} GB/s" + used),
        *(_dram_rows(found) if isinstance(found, DramRun) else _other_rows(found)),
        ("read latency", _latency(found)),
        *(_bus_rows(found) if isinstance(found, DramRun) else []),
        ("energy", f"{_scaled(r['energy_pj'] / 1e12, 'J')}: " + _shares(m.energy) if m.energy else ""),
        ("not in it", ", ".join(r["detail"]["energy_not_counted"]) if isinstance(found, DramRun) else ""),
    ]
    return [row for row in rows if row[1]]


def _pim_lines(found: PimRun) -> list[tuple[str, str]]:
    m, r, d = found.measured, found.record(), found.measured.detail
    busy, simulated = d["channels_busy"], d["channels_simulated"]
    apart = f", {d['commands_leapt']:,} of its commands leapt over" if d["commands_leapt"] else ""
    channels = f"{busy} at work, {simulated} simulated" + (": the others do the same" if simulated < busy else "")
    rows = [
        ("device", f"{found.device}, {_outline(found)}, {_size(m.device.capacity)}"),
        ("pattern", found.pattern),
        ("time", f"{m.cycles:,} cycles of {Time(m.tck)}, {_scaled(m.seconds, 's')}"),
        *(
            (name, f"{d[name]:,}, {_rate(d[f'{name}_per_s'])} per second")
            for name in ("macs", "operations")
            if name in d
        ),
        ("in the banks", f"{d['internal_gbps']:,.4g} GB/s of operands" if "internal_gbps" in d else ""),
        ("pins", f"{r['bandwidth_gbps']:.4g} of {r['peak_gbps']:.4g} GB/s ({100 * r['utilization']:.1f} %)"),
        ("channels", channels + apart),
        ("commands", ", ".join(f"{name} {count:,}" for name, count in d["commands"].items())),
        ("read latency", _latency(found)),
        ("energy", f"{_scaled(r['energy_pj'] / 1e12, 'J')}: " + _shares(m.energy)),
        ("not in it", ", ".join(d["energy_not_counted"])),
        ("note", "; ".join(d["notes"])),
    ]
    return [row for row in rows if row[1]]


def _latency(found: MemoryRun) -> str:
    latencies = found.measured.latencies
    parts = ((part, ">= " if latencies.open_ended(part) else "") for part in (0.5, 0.99))
    tail = ", ".join(f"{100 * part:g} % in {bound}{latencies.within(part):,}" for part, bound in parts)
    told = f"mean {latencies.mean:,.1f} cycles, {tail}, longest {latencies.longest:,}"
    return told if latencies.longest else ""


def _rate(amount: float) -> str:
    unit, factor = next(((u, f) for u, f in (("T", 1e12), ("G", 1e9), ("M", 1e6)) if amount >= f), ("", 1.0))
    return f"{amount / factor:.4g} {unit}".rstrip()


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
    d = found.record()["detail"]
    kinds = {"merged_reads": "reads shared a burst", "forwarded_reads": "reads were answered from the write buffer"}
    kinds |= {"replaced_writes": "writes were replaced in it", "writes_left": "writes are still in it"}
    return [
        ("commands", ", ".join(f"{name} {s.total(name):,}" for name in names)),
        ("row hits", f"{found.measured.events['row_hits']:,}"),
        ("not moved", ", ".join(f"{d[key]:,} {told}" for key, told in kinds.items() if d[key])),
    ]


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
    told = {name if name.isupper() else name.replace("_", " "): pj for name, pj in energy.items()}
    return ", ".join(f"{name} {100 * pj / total:.0f} %" for name, pj in told.items() if pj)
