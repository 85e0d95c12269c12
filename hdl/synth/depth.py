"""The longest path of a mapped netlist in cells, from register or input to register or output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from archsim.core.errors import Broken


def sequential_cells(liberty: str) -> set[str]:
    """Cells of a liberty that hold a state."""
    parts = re.split(r"\bcell\s*\(\s*\"?([\w$.]+)\"?\s*\)", liberty)
    return {name for name, text in zip(parts[1::2], parts[2::2], strict=True) if re.search(r"\b(ff|latch)\s*\(", text)}


def depth(netlist: Mapping[str, Any], top: str, sequential: Iterable[str]) -> int:
    """Cells on the longest path.

    Parameters
    ----------
    netlist
        What `write_json` of yosys says, with the directions of the ports of library cells.
    top
        The module.
    sequential
        Types of cells that a path ends at and begins from.

    Raises
    ------
    Broken
        The logic has a loop.
    """
    kept = set(sequential)
    driver: dict[int, str] = {}
    reads: dict[str, list[int]] = {}
    for name, cell in netlist["modules"][top]["cells"].items():
        if cell["type"] in kept or not cell.get("port_directions"):
            continue
        bits = {"input": [], "output": []}  # type: dict[str, list[int]]
        for port, nets in cell["connections"].items():
            bits[cell["port_directions"][port]] += [net for net in nets if isinstance(net, int)]
        driver.update(dict.fromkeys(bits["output"], name))
        reads[name] = bits["input"]
    before = {name: {driver[net] for net in nets if net in driver} for name, nets in reads.items()}
    deep: dict[str, int] = {}
    try:
        for name in TopologicalSorter(before).static_order():
            deep[name] = 1 + max((deep[other] for other in before[name]), default=0)
    except CycleError:
        raise Broken(f"logic of {top} has a loop", right="registers in every loop") from None
    return max(deep.values(), default=0)
