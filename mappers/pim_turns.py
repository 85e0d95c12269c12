"""What of a token a PIM machine takes in turns, where the scratchpad does not hold the scores of all heads at once.

Least all-bank column accesses come first, then turns of attention before those of whole sequences, then fewest row
activations, then fewest turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.ir.capability import PimBanks
from archsim.ir.graph import Graph, Op, Role
from archsim.mappers.pim_memory import attention, last_values
from archsim.mappers.pim_slots import columns
from archsim.units import pim_layout as lay


@dataclass(frozen=True)
class Turns:
    """What is done in turns: nothing at all, sequences, groups of KV heads, query heads of one KV head."""

    sequences: int = 1
    """Turns of the sequences of a batch."""
    groups: int = 1
    """Turns of the KV heads, each with the same number of them. Their keys and values lie group by group."""
    shares: int = 1
    """Turns of the query heads that share one KV head, which then has a turn of its own."""
    whole: bool = False
    """Whether a turn of a sequence is all that is done for a token of it, not only attention."""

    @property
    def of_attention(self) -> bool:
        """Whether anything takes turns within attention."""
        return self.heads > 1 or (self.sequences > 1 and not self.whole)

    @property
    def heads(self) -> int:
        """Turns of the heads of one sequence."""
        return self.groups * self.shares

    @property
    def note(self) -> str:
        """What takes turns, for people; empty where nothing but the sequences' attention does."""
        parts = [f"{self.groups} groups of KV heads"] if self.groups > 1 else []
        parts += [f"{self.shares} parts of the query heads of a KV head"] if self.shares > 1 else []
        parts += [f"all {self.sequences} sequences from the first op to the last"] if self.whole else []
        return ", ".join(parts)


def turns(graph: Graph, banks: PimBanks) -> Iterator[Turns]:
    """All turns that a graph may take, the cheapest first.

    Everything at once, then attention sequence by sequence, which costs the banks nothing; then groups of heads, and
    all of a token sequence by sequence.
    """
    scores = attention(graph)
    yield Turns()
    if not scores:
        return
    size = scores[0][0].extents(last_values(scores[0][1]))
    batch, kv, shared = size["b"], size["kv"], size["h"] // size["kv"]
    if batch > 1:
        yield Turns(batch)
    parts = [(groups, 1) for groups in _divisors(kv)] + [(kv, shares) for shares in _divisors(shared)[1:]]
    finer = [Turns(batch, *part) for part in parts[1:]]
    if batch > 1 and _separable(graph):
        finer += [Turns(batch, *part, whole=True) for part in parts]
    costs = {cut.groups: (columns(graph, banks, cut.groups), activations(graph, banks, cut.groups)) for cut in finer}
    # Whole sequences fetch biases and gains again.
    yield from sorted(finer, key=lambda cut: (costs[cut.groups][0], cut.whole, costs[cut.groups][1], cut.heads))


def is_common(graph: Graph, op: Op) -> bool:
    """Whether an op is done once for all sequences even where each takes its turn from the first op to the last.

    Positions are the same for all.
    """
    if op.kind != "embedding":
        return False
    scores = [other for other, _ in attention(graph) if other.name.partition(".")[0] == op.name.partition(".")[0]]
    rows = scores[0].dims["b"].base * scores[0].dims["q"].base if scores else 1
    return op.dims["m"].base % rows != 0


def _separable(graph: Graph) -> bool:
    """Whether sequences can go through all ops one after the other.

    Nothing but tokens comes in and goes out, and what is looked up for all is not overwritten by the first of them.
    """
    made = {name for op, _ in graph.walk() if op.kind == "argmax" for name in op.outputs}
    ends = {name for name, tensor in graph.tensors.items() if tensor.role in (Role.INPUT, Role.OUTPUT)}
    common = {name for op, _ in graph.walk() if is_common(graph, op) for name in op.outputs}
    again = {name for op, _ in graph.walk() if not is_common(graph, op) for name in op.outputs}
    return ends <= made and not common & again


def activations(graph: Graph, banks: PimBanks, groups: int) -> int:
    """Rows that the attention of one token of one sequence opens in a layer, at the longest context."""
    scores = attention(graph)
    if not scores:
        return 0
    reserve = max(op.extents(last_values(around))["t"] for op, around in scores)
    size = scores[0][0].extents(last_values(scores[0][1]))
    heads, d, row = size["kv"] // groups, size["d"], lay.row_columns(banks)
    slots = lay.ceil_div(reserve, banks.channels * banks.banks)
    rows = 0
    for _, results, each, stride, _, _ in (
        *lay.score_phases(banks, slots, reserve, heads, d),
        *lay.value_phases(banks, reserve, reserve, heads, d),
    ):
        rows += results if stride else lay.ceil_div(results * each, row)
    return rows * groups * (size["h"] // size["kv"])


def _divisors(number: int) -> list[int]:
    return [part for part in range(1, number + 1) if number % part == 0]
