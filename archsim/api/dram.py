"""DRAM on its own: a device by its name, a pattern or a trace of requests, and what the memory did with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archsim.api.designs import Sets, bundled_names, bundled_path
from archsim.core.errors import BadInput, UnknownName
from archsim.core.merge import apply_sets
from archsim.core.validate import build
from archsim.core.yamlfile import load_document
from archsim.memory.controller import Statistics
from archsim.memory.controller import run as run_requests
from archsim.memory.device import Dram
from archsim.memory.requests import Requests
from archsim.memory.requests import pattern as named_pattern


@dataclass(frozen=True)
class DramRun:
    """A finished run: which device, which requests, and the statistics."""

    device: str
    pattern: str
    statistics: Statistics

    def record(self) -> dict[str, float | int]:
        """The headline as plain numbers: the keys of `archsim dram --json`."""
        s = self.statistics
        channels = s.channels
        return {
            "total_cycles": s.cycles,
            "tck_ps": int(s.device.tck),
            "bandwidth_gbps": s.bandwidth / 1e9,
            "peak_gbps": s.device.peak / 1e9,
            "utilization": s.bandwidth / s.device.peak,
            "row_hits": sum(channel.row_hits for channel in channels),
            "acts": s.total("ACT"),
            "pres": s.total("PRE"),
            "refreshes": s.total("REF") + s.total("REFPB"),
            "reads": s.total("RD") + s.total("RDA"),
            "writes": s.total("WR") + s.total("WRA"),
            "avg_read_latency_cycles": s.mean_read_latency,
            "energy_pj": sum(s.energy.values()),
            "cpu_seconds": s.cpu_seconds,
        }


def load_device(device: str | Path | Dram, *, set: Sets = None) -> Dram:
    """The memory of this name, with settings merged over it.

    Parameters
    ----------
    device
        A bundled name (`archsim list memories`), a YAML file, or a device.
    set
        Dotted field -> value, over what the device says: ``{"channels": 1, "timing.trp": 15}``.

    Raises
    ------
    BadInput
        No such memory, or one that is not right; says where, and what would be right.
    """
    if isinstance(device, Dram):
        return device if not set else device.vary(**_nested(set))
    path = _path(str(device))
    document = load_document(path, resolve_base=_base)
    document = apply_sets(document, set) if set else document
    if document.data.get("kind", "dram") != "dram":
        given = document.data["kind"]
        raise BadInput(f"kind: {given!r} is not a memory", where=document.marks.where(("kind",)), right="kind: dram")
    return build(Dram, document, label="memory")


def dram(
    device: str | Path | Dram,
    pattern: str | Requests = "seq",
    *,
    requests: int = 100_000,
    set: Sets = None,
) -> DramRun:
    """Ask a memory for a stream of requests and see what it does.

    Parameters
    ----------
    device
        As for `load_device`.
    pattern
        ``seq``, ``random``, ``bankconf``, ``mix2r1w``, ``stride:BYTES``, ``trace:FILE``, or requests of your own.
    requests
        How many; a trace has its own number.
    set
        Settings over the device.
    """
    if requests < 1:
        raise BadInput(f"{requests} requests", right="at least one request")
    found = load_device(device, set=set)
    stream = named_pattern(pattern, requests, found) if isinstance(pattern, str) else pattern
    name = device.standard if isinstance(device, Dram) else Path(str(device)).stem
    return DramRun(name, pattern if isinstance(pattern, str) else "given", run_requests(found, stream))


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
    from archsim.core.yamlfile import Document

    return apply_sets(Document({}), sets or ()).data
