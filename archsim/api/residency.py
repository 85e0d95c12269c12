"""Order, residency and addresses for people: a graph by name or file in, a plan and its picture out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.api.allocation import picture_form
from archsim.api.amounts import bytes_of
from archsim.core.errors import BadInput, UnknownName
from archsim.core.files import write_atomic
from archsim.ir.tensorgraph import TensorGraph
from archsim.ir.tensorgraph_file import load_tensor_graph
from archsim.ir.tensorgraph_of import tensor_graph
from archsim.workloads.load import load_workload
from archsim.workloads.networks import NETWORKS, decoder, network

if TYPE_CHECKING:
    from archsim.mappers.residency import Plan

LEAST, PEAK = "least", "peak"
"""Capacities by name: the largest working set (M_R), and the least at which nothing need move (M_P)."""
DECODER = r"[gG]([0-9]+)[fF]([0-9]+)(?:[lL]([0-9]+))?"


def load_graph(text: str, *, weights: bool = False, **options: Any) -> TensorGraph:
    """The graph that a text names.

    Parameters
    ----------
    text
        A YAML file of a tensor graph, ``decoder:G2F2L1`` (head groups, chunks of the feed-forward block, layers),
        ``network:resnet50``, or a workload such as ``gpt2-small``, whose layers and steps are written out.
    weights
        Whether weights take room too; files say themselves what does.
    options
        Of a workload, as `archsim.load_workload` takes them: phase, batch, prompt, context, generate, sets.

    Raises
    ------
    BadInput
        Nothing answers to it, or it has no such option.
    """
    form, _, rest = text.partition(":")
    is_file = text.endswith((".yaml", ".yml")) and _is_graph(Path(text))
    if form in ("decoder", "network") or is_file:
        chosen = [name for name, value in options.items() if value not in (None, [], ())]
        chosen += ["weights"] if weights and form != "network" else []
        if chosen:
            given = ", ".join("--set" if name == "sets" else f"--{name}" for name in chosen)
            raise BadInput(f"{text} does not take {given}", right="its tensors are given; workloads take such options")
    if form == "decoder":
        found = re.fullmatch(DECODER, rest)
        if found is None:
            raise BadInput(f"{text!r} names no decoder", right="decoder:G2F2L1: head groups, chunks, layers")
        groups, chunks, layers = (int(part or 1) for part in found.groups())
        return decoder(groups, chunks, layers)
    if form == "network":
        if rest not in NETWORKS:
            raise UnknownName("network", rest, NETWORKS)
        return network(rest, weights=weights)
    if is_file:
        return load_tensor_graph(text)
    return tensor_graph(load_workload(text, **options).expand(), weights=weights)


def capacity_of(graph: TensorGraph, text: str | int) -> int:
    """Bytes from a number, an amount such as ``1 MiB``, ``least`` or ``peak``.

    Raises
    ------
    BadInput
        It is none of these.
    """
    if isinstance(text, int):
        return text
    if text.strip().lower() == LEAST:
        return graph.least_capacity
    if text.strip().lower() == PEAK:
        from archsim.mappers.residency.footprint import least_memory

        return least_memory(graph).bytes
    right = f"bytes, an amount such as '1 MiB', {LEAST} (the largest working set) or {PEAK} (nothing need move)"
    return bytes_of(text, right=right)


def draw_plan(found: Plan, path: Path) -> None:
    """Write the picture of a plan, addresses over steps.

    Raises
    ------
    BadInput
        The name asks for no picture that can be drawn, or the file cannot be written.
    """
    from archsim.report.residency import plan_plot

    write_atomic(path, plan_plot(found, form=picture_form(path)))


def _is_graph(path: Path) -> bool:
    """Whether a YAML file has the ops of a tensor graph; a file that cannot be read is said to be one, to say why."""
    from archsim.core.yamlfile import load_document

    return "ops" in load_document(path).data
