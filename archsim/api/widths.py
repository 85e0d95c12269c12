"""Bits of every weight matrix of a model on a design, under an error budget: files and names in, a workload out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from archsim.api.cases import load_workload
from archsim.api.designs import resolve_design
from archsim.api.settings import chosen
from archsim.core.errors import BadInput, UnknownName
from archsim.core.files import write_atomic
from archsim.ir.component import Design
from archsim.ir.graph import DType, Graph
from archsim.ir.workload import Workload
from archsim.mappers.precision import Layer, Option, Precision, PrecisionTable, choose_precision
from archsim.mappers.precision.errors import Errors, read_errors
from archsim.mappers.precision.prices import Price, price, readers
from archsim.mappers.precision.table import Metric
from archsim.workloads.passes import matrices
from archsim.workloads.transformer import Transformer

METRICS: dict[str, Metric] = {"seconds": "time", "bytes": "traffic"}
"""What can be made small -> how the library calls it."""
TYPES = (DType.INT2, DType.INT4, DType.INT8, DType.BF16, DType.FP32)
"""Element types of widths that the workload does not have already."""


@dataclass(frozen=True)
class Widths:
    """What was chosen, and what it saves by the prices of the design's units, added up op by op.

    Parameters
    ----------
    found
        Bits of each op, objective and bound over the ops that were chosen from.
    workload
        The workload with these widths.
    before, after
        The whole workload as it was and with these widths: time and bytes moved.
    notes
        What to know about the answer.
    """

    design: str
    found: Precision
    workload: Transformer
    before: Price
    after: Price
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """As JSON."""
        change: dict[str, dict[str, float]] = {"moved_bytes": {"before": self.before.moved, "after": self.after.moved}}
        if self.before.time_ps is not None and self.after.time_ps is not None:
            seconds = {"before": self.before.time_ps / 1e12, "after": self.after.time_ps / 1e12}
            change["run_seconds"] = seconds
        precision = {op: str(dtype) for op, dtype in self.workload.precision.items()}
        named = {"design": self.design, "workload": self.workload.label, "precision": precision}
        return {**self.found.record(), **named, **change, "notes": list(self.notes)}

    def yaml(self) -> str:
        """The workload as a file that `archsim run` takes."""
        from archsim.workloads.catalog import load_shape, models

        data = self.workload.model_dump(mode="json", exclude_defaults=True)
        name = self.workload.model.name
        known = name in models() and load_shape(name) == self.workload.model
        data = {"kind": self.workload.kind, **data, "model": name if known else data["model"]}
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def choose_widths(
    design: str | Path | Design,
    workload: str | Path | Workload,
    errors: str | Path | Errors,
    budget: float,
    *,
    metric: str | None = None,
    set: Any = None,
    **options: Any,
) -> Widths:
    """Choose bits for every weight matrix that a table of errors names.

    A width that a matrix has already costs no error where the table says nothing else about it.

    Parameters
    ----------
    design, workload, set, options
        As in `archsim.run`; the workload is a transformer.
    errors
        A CSV file with columns op, bits and error, or what it says.
    budget
        The most that the errors may add up to, in their own unit.
    metric
        seconds or bytes; by default seconds where the design's units price ops, else bytes.

    Raises
    ------
    BadInput
        A name, a number or a file is not right; an op that has no weights, a width that no element type has.
    Infeasible
        Even the least errors exceed the budget.
    """
    named = resolve_design(design, chosen(set, "design"))
    given = load_workload(workload, set=chosen(set, "workload"), **options)
    if not isinstance(given, Transformer):
        raise BadInput(f"{given.label} has no widths to choose", right="a transformer", try_="archsim list models")
    if not 0 <= budget < float("inf"):
        raise BadInput(f"budget is {budget}", where="--budget", right="a number, 0 or more")
    graph = given.expand()
    table = errors if isinstance(errors, Mapping) else read_errors(errors)
    types = _types(given, graph, table, str(errors) if not isinstance(errors, Mapping) else "errors")
    costs = _costs(
        graph, named.design, {matrices(given.model)[op]: [t.bits for t in types[op].values()] for op in types}
    )
    before = _sum(price(graph, named.design))
    by = _metric(metric, before)
    layers = tuple(_layer(op, table[op], types[op], costs[matrices(given.model)[op]], graph, given) for op in types)
    found = choose_precision(PrecisionTable(budget=budget, metric=by, layers=layers))
    picked = {op: types[op][bits] for op, bits in found.bits.items()}
    kept = {op: dtype for op, dtype in given.precision.items() if op not in picked}
    base = given.weight_dtype or given.dtype
    changed = given.model_copy(update={"precision": kept | {op: t for op, t in picked.items() if t != base}})
    after = _sum(price(changed.expand(), named.design))
    return Widths(named.name, found, changed, before, after, _notes(by, before, after, found))


def write_widths(widths: Widths, path: Path) -> None:
    """Write the workload for `archsim run`.

    Raises
    ------
    BadInput
        The file cannot be written.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise BadInput(f"{path.name!r} is no name of a workload", where="--out", right="a name that ends in .yaml")
    write_atomic(path, widths.yaml())


def _types(workload: Transformer, graph: Graph, table: Errors, where: str) -> dict[str, dict[int, DType]]:
    """Op -> bits -> element type, with the width that it has already."""
    known = matrices(workload.model)
    found: dict[str, dict[int, DType]] = {}
    for op, widths in table.items():
        if op not in known:
            if op == "lm_head" and workload.model.tied:
                raise BadInput("lm_head shares its table with embed", where=where, right="embed", try_="embed")
            raise UnknownName("op", op, known, where=where)
        own = graph.tensors[known[op]].dtype
        types = {dtype.bits: dtype for dtype in TYPES} | {own.bits: own}
        for bits in widths:
            if bits not in types:
                listed = ", ".join(str(one) for one in sorted(types))
                raise BadInput(f"{op} cannot have {bits} bits", where=where, right=f"an element type has {listed} bits")
        found[op] = {bits: types[bits] for bits in dict.fromkeys((own.bits, *widths))}
    return found


def _costs(graph: Graph, design: Design, widths: Mapping[str, list[int]]) -> dict[str, dict[int, Price]]:
    """Weight matrix -> bits -> what the ops that read it cost: one pricing of the graph for each number of bits."""
    found: dict[str, dict[int, Price]] = {tensor: {} for tensor in widths}
    reading = readers(graph, widths)
    for bits in sorted({bits for some in widths.values() for bits in some}):
        prices = price(graph, design, dict.fromkeys((t for t, some in widths.items() if bits in some), bits))
        for tensor, some in widths.items():
            if bits in some:
                found[tensor][bits] = _sum({op: prices[op] for op in reading[tensor]})
    return found


def _layer(
    op: str, errors: Mapping[int, float], types: Mapping[int, DType], costs: Mapping[int, Price], graph: Graph,
    workload: Transformer,
) -> Layer:  # fmt: skip
    tensor = graph.tensors[matrices(workload.model)[op]]
    copies = workload.model.layers if tensor.stacked else 1
    options = tuple(
        Option(bits=bits, error=errors.get(bits, 0.0), time_ps=costs[bits].time_ps, moved_bytes=costs[bits].moved)
        for bits in types
    )
    return Layer(name=op, elements=tensor.elements({}) * copies, options=options)


def _sum(prices: Mapping[str, Price]) -> Price:
    total = Price(0, 0)
    for one in prices.values():
        total = total + one
    return total


def _metric(name: str | None, before: Price) -> Metric:
    if name is None:
        return "traffic" if before.time_ps is None else "time"
    if name not in METRICS:
        raise BadInput(f"unknown metric {name!r}", where="--metric", right=f"one of {', '.join(METRICS)}")
    if name == "seconds" and before.time_ps is None:
        raise BadInput(
            "the design's units do not price ops by themselves", where="--metric", right="bytes", try_="--metric bytes"
        )
    return METRICS[name]


def _notes(metric: Metric, before: Price, after: Price, found: Precision) -> tuple[str, ...]:
    notes = []
    if before.time_ps is None:
        notes.append(
            "the design's units do not price ops by themselves: bytes are those of the weights, once per use, and the "
            "design's mapper may refuse weights of several widths"
        )
    elif metric == "time" and found.saved == 0:
        notes.append("no width that the budget allows makes an op faster here; --metric bytes saves memory traffic")
    if after.time_ps is not None and before.time_ps is not None and after.time_ps > before.time_ps:
        notes.append("the chosen widths are slower than before: the budget asks for more bits")
    return tuple(notes)
