"""What follows from a DRAM's fields: organisation, timing table and rules with their numbers, as rows for people."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.memory.address import FIELDS, fields
from archsim.memory.bounds import bind
from archsim.memory.device import Dram
from archsim.memory.protocol import Protocol, Rule, Scope

Row = tuple[str, ...]
"""Cells of one line of a table."""


def organisation(device: Dram) -> list[Row]:
    """What the device is made of, what one request is, and the rates: pairs of name and text."""
    shape, stop, size = device.shape, device.attainable, device.request_bytes
    parts = ((device.channels, "channel"), (shape.ranks, "rank"), (shape.groups, "bank group"), (shape.banks, "bank"))
    nested = " of ".join(_count(*part) for part in (*parts, (device.rows, "row")))
    where, widths = device.addresses.positions, device.addresses.widths
    bits = [f"{FIELDS[name]} {_bits(where[name], widths[name])}" for name in fields(device.address_map) if widths[name]]
    burst = f"{device.burst} transfers on {device.bus_width} pins in {_count(device.burst_cycles, 'cycle')}"
    return [
        ("standard", f"{device.standard}, {device.protocol.source}"),
        ("organisation", f"{nested} of {_bytes(device)}"),
        ("capacity", f"{device.capacity / 2**30:g} GiB"),
        ("request", f"{size} B: {burst}"),
        ("peak", f"{device.peak / 1e9:.1f} GB/s"),
        ("attainable", f"{stop / 1e9:.1f} GB/s by consecutive addresses ({100 * stop / device.peak:.1f} %)"),
        ("address", f"bits above the {size} B of a request, highest first: " + ", ".join(bits)),
    ]


def timings(device: Dram) -> list[Row]:
    """Every timing that a rule of the device's standard names: data sheet name, cycles, nanoseconds."""
    used = device.protocol.timings | {"tCL", "tREFI"}
    return [
        (name, str(cycles), f"{cycles * int(device.tck) / 1000:.2f} ns")
        for name, cycles in device.cycles.items()
        if name in used
    ]


def rules(device: Dram) -> list[Row]:
    """Every rule that binds this device: what waits for what where, the gap, its cycles, and why."""
    gaps = {bound.rule: bound.gap for bound in bind(device.protocol, device.cycles, device.shape)}
    return [(*_rule(rule), str(gap), rule.why) for rule, gap in gaps.items()]


def commands(protocol: Protocol) -> list[Row]:
    """Every command of a standard: its name, what it acts on, what it does."""
    return [(command.name, str(command.scope), command.meaning) for command in protocol.commands]


def symbolic_rules(protocol: Protocol) -> list[Row]:
    """Every rule of a standard with its gap as an expression of timing names."""
    return [(*_rule(rule), rule.why) for rule in protocol.rules]


def markdown(protocols: tuple[Protocol, ...]) -> Iterator[str]:
    """A table of the rules of several standards, with the standards that have each of them."""
    yield "| command | what waits for it | where | gap in cycles | standards | why |"
    yield "|---|---|---|---|---|---|"
    having: dict[Rule, list[str]] = {}
    for protocol in protocols:
        for rule in protocol.rules:
            having.setdefault(rule, []).append(protocol.name)
    for rule, names in having.items():
        who = "all" if len(names) == len(protocols) else " ".join(names)
        before, after, place, gap = _rule(rule)
        yield f"| {before} | {after} | {place} | `{gap}` | {who} | {rule.why} |"


def _rule(rule: Rule) -> Row:
    place = str(rule.scope) if rule.scope is Scope.OTHER_RANKS else f"same {rule.scope}"
    nth = f", {rule.window} commands before" if rule.window > 1 else ""
    return "/".join(rule.preceding), "/".join(rule.following), place + nth, rule.gap


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _bits(low: int, width: int) -> str:
    return f"{low}" if width == 1 else f"{low}-{low + width - 1}"


def _bytes(device: Dram) -> str:
    whole = f"{device.row_bytes / 1024:g} KiB"
    return whole if device.devices == 1 else f"{whole} ({device.devices} devices side by side)"
