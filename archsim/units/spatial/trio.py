"""The attentions of a graph: three ops that spatial dataflows run as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.ir.graph import Graph, Op, Repeat
from archsim.units.spatial.problem import Problem


@dataclass(frozen=True)
class Trio:
    """Scores, softmax and values of one attention, with the repeats around them."""

    scores: Op
    softmax: Op
    values: Op
    around: tuple[Repeat, ...]

    @property
    def ops(self) -> tuple[str, str, str]:
        """Names of the three ops in order."""
        return self.scores.name, self.softmax.name, self.values.name

    def problem(self, env: Mapping[str, int]) -> Problem:
        """The attention for these loop variables."""
        s = self.scores.extents(env)
        return Problem(s["b"], s["h"], s["kv"], s["q"], s["t"], s["d"], self.scores.causal)


def trios(graph: Graph) -> tuple[Trio, ...]:
    """Every softmax between scores and values that nobody else reads, in program order.

    Scores that another op reads stay ops of their own, since a fused attention never has them whole.
    """
    readers: dict[str, list[Op]] = {}
    writers: dict[str, list[Op]] = {}
    for op, _ in graph.walk():
        for name in dict.fromkeys(op.inputs):
            readers.setdefault(name, []).append(op)
        for name in op.outputs:
            writers.setdefault(name, []).append(op)
    found = []
    for op, around in graph.walk():
        if op.kind != "softmax" or len(op.inputs) != 1 or len(op.outputs) != 1:
            continue
        before, after = writers.get(op.inputs[0], []), readers.get(op.outputs[0], [])
        alone = len(before) == len(after) == len(readers[op.inputs[0]]) == 1
        if alone and before[0].kind == "attention_scores" and after[0].kind == "attention_values":
            found.append(Trio(before[0], op, after[0], around))
    return tuple(found)
