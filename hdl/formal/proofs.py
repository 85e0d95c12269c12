"""What is proven, unit by unit, and the faults that each proof must find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.core.errors import UnknownName
from archsim.hdl.body import build
from archsim.hdl.formal.bank import BankRules
from archsim.hdl.formal.contract import STALLS, Contract
from archsim.hdl.formal.mutants import Mutant
from archsim.hdl.formal.solver import Verdict, prove
from archsim.hdl.units.dual_row_bank import DualRowBankRtl
from archsim.units.cores import find
from archsim.units.cores.core import Core
from archsim.units.cores.dual_row_bank import DualRowBank


@dataclass(frozen=True)
class Claim:
    """That a unit keeps its contract: latency, handshake, no beat lost, doubled or out of order."""

    kind: str
    parameters: dict[str, object]
    """Small ones: control does not depend on widths and lanes."""
    completes: str = ""
    """Field that says whether a beat completes an output; empty where every beat does."""
    passing: Sequence[str] = ()
    """Fields that pass unchanged."""
    data: bool = True
    """Whether the fields of a held output are part of it; not where floating-point arithmetic is behind them."""

    @property
    def spec(self) -> Core:
        """The unit."""
        return find(self.kind)(**self.parameters)

    @property
    def faults(self) -> tuple[str, ...]:
        """Mutants that must be found."""
        return ("late", "lossy", "greedy") if self.spec.elastic else ("late",)


CLAIMS = {
    "systolic_pe": Claim("systolic_pe", {"sum_bits": 16}, passing=("a", "load", "swap")),
    "systolic_pe os": Claim("systolic_pe", {"dataflow": "os", "sum_bits": 16}, passing=("a", "b", "first", "last")),
    "systolic_array": Claim("systolic_array", {"rows": 2, "cols": 3, "sum_bits": 16}, completes="compute"),
    "var_mac": Claim("var_mac", {"lanes": 1}, completes="last"),
    "var_mac dsp": Claim("var_mac", {"lanes": 1, "packing": "dsp"}, completes="last"),
    "sparse_select": Claim("sparse_select", {"lanes": 1}, passing=("mode", "first", "last", "w")),
    "dot_tree": Claim("dot_tree", {"lanes": 2, "format": "int8", "depth": 3}, completes="last"),
    "gelu": Claim("gelu", {}, data=False),
}
"""By name; exp, reciprocal and rsqrt have the pipeline of gelu.

Units whose input waits for states of their own are held to their cycle model in simulation instead.
"""

SHORT = DualRowBank(
    **{"tcl": 4, "tcwl": 2, "trcdrd": 3, "trcdwr": 2, "trp": 2, "tras": 5, "trrd_s": 1, "trrd_l": 2, "tfaw": 6},
    **{"tccd_s": 1, "tccd_l": 2, "trtp": 2, "twr": 2, "twtr_s": 1, "twtr_l": 2, "trtrs": 1, "trfc": 8},
    **{"burst": 1, "gwrite": 7, "fill": 2},
)
"""A bank with timings of a few cycles, of which the proof takes seconds; that of the default ones takes minutes."""


def contract(name: str, fault: str = "") -> Verdict:
    """Prove a claim, or look for a fault.

    Parameters
    ----------
    name
        One of `CLAIMS`.
    fault
        One of the claim's faults, put into the unit; empty for the unit as it is.
    """
    if name not in CLAIMS:
        raise UnknownName("claim", name, CLAIMS)
    spec = CLAIMS[name].spec
    steps = (STALLS + 1) * spec.latency + 4  # by then all of a pipeline has moved out, each move after the longest wait
    if spec.elastic and not fault:
        verdict = _contract(name, fault, steps=steps, fair=False)
        if not verdict.holds:
            return verdict
    return _contract(name, fault, steps=steps, fair=spec.elastic)


def _contract(name: str, fault: str, *, steps: int, fair: bool) -> Verdict:
    """Any receiver within the first cycles, or for ever one that is fair, where the unit can be held up."""
    claim = CLAIMS[name]
    spec = claim.spec
    unit = Mutant(spec, fault) if fault else build(spec)
    harness = Contract(spec, unit, completes=claim.completes, passing=claim.passing, fair=fair, data=claim.data)
    return prove(harness, harness.ports, steps=steps, induction=fair or not spec.elastic)


def bank_rules(spec: DualRowBank = SHORT, unit: DualRowBankRtl | None = None) -> Verdict:
    """Prove that the bank never takes a command against a rule.

    Parameters
    ----------
    spec
        The timings.
    unit
        RTL to hold to them in place of their own: one with a fault.
    """
    harness = BankRules(spec, DualRowBankRtl(spec) if unit is None else unit, comps=spec.fill + 1)
    return prove(harness, harness.ports, steps=2, induction=True)
