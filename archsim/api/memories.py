"""Memories for people: what `archsim show` and `archsim explain` say about a device or a DRAM standard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from archsim.api.designs import Sets, bundled_names, bundled_path
from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.core.meaning import documented_fields
from archsim.core.yamlfile import load_document
from archsim.ir.report import Fact
from archsim.ir.sourced import facts_of
from archsim.memory import describe
from archsim.memory.device import Dram, Memory
from archsim.memory.energy import CAUSES, energies
from archsim.memory.standards import STANDARDS
from archsim.memory.standards.ordinary import ORDINARY
from archsim.memory.timing import SHEET_NAMES, Timing

ORGANISATION = (
    *("tck", "transfers_per_clock", "burst", "bus_width", "device_width", "channels", "ranks", "groups", "banks"),
    *("rows", "page"),
)
"""Fields that the source `organisation` speaks of."""

NOT_MODELLED = (
    "power-down and self refresh, postponed or pulled-in refresh, ECC, data bus inversion, command and address parity, "
    "read and write preambles beyond tRTRS, temperature-dependent tREFI"
)


def memory_base(name: str, file: Path) -> Path:
    """What ``base: NAME`` means in a memory's file: a file beside it, or a bundled memory."""
    if not name.endswith((".yaml", ".yml")) and (path := bundled_path("memories", name)) is not None:
        return path
    return file.parent / name


def is_memory(name: str) -> bool:
    """Whether a name is a bundled memory, or a file whose `kind` is one or that has a standard."""
    if name in bundled_names("memories"):
        return True
    if not name.endswith((".yaml", ".yml")):
        return False
    try:
        data = load_document(Path(name).expanduser(), resolve_base=memory_base).data
    except BadInput:
        return False
    return data.get("kind") in Memory.registry or {"standard", "timing"} <= data.keys()


def memory_text(name: str, documented: str, device: Memory) -> str:
    """A memory as YAML that can be read back, and below it, as comments, what follows from the fields."""
    head = f"# {name}: archsim dram FILE.yaml reads this back\n"
    if not isinstance(device, Dram):
        return head + documented
    tables = {
        "Organisation": describe.organisation(device),
        "Timing: data sheet name, cycles, time": describe.timings(device),
        "Rules: command, the commands that wait for it, where, for how long, in cycles": describe.rules(device),
    }
    return head + documented + "".join(_comment(f"{title}\n", rows) for title, rows in tables.items())


def standard_text(name: str) -> str:
    """A DRAM standard: its commands and rules, with gaps in the names of the data sheets."""
    protocol = STANDARDS.get(name)
    head = f"# {name}, a DRAM standard ({protocol.source}); `standard: {name}` in a memory's YAML\n"
    rows = describe.symbolic_rules(protocol)
    return (
        head
        + _comment("Commands: name, what it acts on, meaning\n", describe.commands(protocol))
        + _comment("Rules: command, the commands that wait for it, where, for how many cycles\n", rows)
    )


def standards_table() -> str:
    """The rules of all ordinary DRAM standards as one Markdown table."""
    return "\n".join(describe.markdown(ORDINARY)) + "\n"


def memory_facts(name: str, *, set: Sets = None) -> tuple[Fact, ...]:
    """Every number of a memory with its source and confidence, how its energy is counted, and what is not modelled.

    A source holds for a field or, where the field has none of its own, for the group it is in: ``timing``,
    ``currents``, ``organisation``. A value that `set` changes is the user's.
    """
    given, device = load_device(name, kind=Memory), load_device(name, set=set, kind=Memory)
    prefix, texts = f"{device.kind}.", getattr(given, "sources", {})
    before = {fact.name: fact.value for fact in facts_of(given, {}, prefix)}
    plain = [fact for fact in facts_of(device, {}, prefix) if before.get(fact.name) == fact.value]
    sources = {fact.name: text for fact in plain if (text := _source(fact, texts, device))}
    constants = (
        fact
        for fact in facts_of(device, sources, prefix)
        if not _absent(fact.name.removeprefix(prefix), fact.value, texts)
    )
    about = _about(device) if isinstance(device, Dram) else ()
    return (*constants, *_entries(given, device, prefix, texts), *about)


def _entries(given: Memory, device: Memory, prefix: str, texts: Mapping[str, str]) -> Iterator[Fact]:
    """The entries of fields that are mappings, such as the timings that only a PIM standard has."""
    for field in type(device).model_fields:
        held = getattr(device, field)
        if not isinstance(held, Mapping) or field == "sources":
            continue
        for key, value in held.items():
            text = texts.get(f"{field}.{key}") or texts.get(field) or "archsim: a choice of this memory [assumed]"
            changed = getattr(given, field).get(key) != value
            source, _, confidence = (text if not changed else "set by the user [assumed]").rpartition(" [")
            yield Fact(f"{prefix}{field}.{key}", str(value), source, confidence.rstrip("]"))


def standard_facts(name: str) -> tuple[Fact, ...]:
    """What a DRAM standard consists of: the meaning of each timing that its rules name, and of each command."""
    protocol = STANDARDS.get(name)
    meanings = {sheet: documented_fields(Timing)[field].description or "" for field, sheet in SHEET_NAMES.items()}
    meanings["tBURST"] = "One burst on the data bus, from `burst` and `transfers_per_clock`."
    timings = sorted(protocol.timings | {"tREFI"})
    told = ((timing, meanings.get(timing, "A timing of its PIM commands.")) for timing in timings)
    return (
        *(Fact(f"{name}.{timing}", meaning.rstrip("."), protocol.source) for timing, meaning in told),
        *(Fact(f"{name}.{command.name}", command.meaning, protocol.source) for command in protocol.commands),
        Fact("rules", f"{len(protocol.rules)}, see archsim show {name}", protocol.source),
        Fact("not modelled", NOT_MODELLED, "-"),
    )


def _absent(path: str, value: str, texts: Mapping[str, str]) -> bool:
    """Whether there is nothing to say: an empty field, or a timing or energy of 0 that has no source of its own."""
    zero = value == "0" if path.startswith("timing.") else path.endswith("_energy") and value.startswith("0 ")
    return value in ("", "None") or (zero and path not in texts)


def _about(device: Dram) -> Iterator[Fact]:
    counted = [cause for cause in CAUSES if cause in _energies(device)]
    meaning = "; ".join(f"{cause}: {CAUSES[cause]}" for cause in counted)
    model = "supply currents" if device.currents is not None else "published energies"
    yield Fact("standard", f"{device.standard}, {len(device.protocol.rules)} rules", device.protocol.source)
    rates = f"{device.peak / 1e9:.1f} GB/s, of which consecutive addresses attain {device.attainable / 1e9:.1f}"
    yield Fact("peak", rates, "data pins, column gap, refresh", "derived")
    yield Fact("energy", f"from {model}. {meaning}", "-")
    yield Fact("not modelled", NOT_MODELLED, "-")


def _energies(device: Dram) -> set[str]:
    some = dict.fromkeys(("ACT", "PRE", "RD", "WR", "RDA", "WRA", "REF", "REFPB", "REFSB"), 1)
    return {*energies(device, some, 1, 1)}


def _source(fact: Fact, texts: Mapping[str, str], device: Memory) -> str:
    """The source that a memory's file gives for a field or for its group; empty for a default."""
    path = fact.name.removeprefix(f"{device.kind}.")
    group = "organisation" if path in ORGANISATION else path.partition(".")[0]
    if text := texts.get(path) or texts.get(group):
        return text
    if path == "standard" and isinstance(device, Dram):
        return f"{device.protocol.source} [stated]"
    return "archsim: a choice of this memory [assumed]" if fact.source == "set by the user" else ""


def _comment(title: str, rows: list[describe.Row]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(_aligned, row, widths)).rstrip() for row in rows)
    return f"#\n# {title}" + "".join(f"#   {line}\n" for line in lines)


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if cell.removesuffix(" ns").replace(".", "").isdecimal() else cell.ljust(width)
