"""The rules of a standard with numbers in, one by one: the form that tests, checks and the controller start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.memory.protocol import Protocol, Rule, Scope, evaluate


@dataclass(frozen=True, slots=True)
class Bound:
    """`following` comes at least `gap` cycles after the `window`-th latest `preceding` in the scope."""

    rule: Rule
    scope: Scope
    preceding: str
    following: str
    gap: int
    window: int

    def __str__(self) -> str:
        """The rule it comes from, and its number: what a refusal quotes."""
        return f"{self.rule} = {self.gap} cycles"


@dataclass(frozen=True, slots=True)
class Shape:
    """How the banks of one channel are ordered: ranks of bank groups of banks."""

    ranks: int
    groups: int
    banks: int

    @property
    def total(self) -> int:
        """Banks of the channel."""
        return self.ranks * self.groups * self.banks

    @property
    def per_rank(self) -> int:
        """Banks of one rank."""
        return self.groups * self.banks


def bind(protocol: Protocol, timing: Mapping[str, int], shape: Shape) -> tuple[Bound, ...]:
    """Every pair of commands that a rule keeps apart, in cycles.

    Rules of bank groups need two groups, and those of other ranks two ranks: a device whose groups are switched off
    runs with the short distances alone.
    """
    absent = {Scope.BANK_GROUP: shape.groups == 1, Scope.OTHER_RANKS: shape.ranks == 1}
    bounds: list[Bound] = []
    for rule in protocol.rules:
        if not absent.get(rule.scope, False):
            gap = evaluate(rule.gap, timing)
            pairs = [(before, after) for before in rule.preceding for after in rule.following]
            bounds += [Bound(rule, rule.scope, before, after, gap, rule.window) for before, after in pairs]
    return tuple(bounds)
