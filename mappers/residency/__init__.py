"""Order, residency and addresses of whole tensors in a scratchpad: COSMA's problem, by heuristics and with proofs."""

from archsim.mappers.residency.part import Method
from archsim.mappers.residency.plan import Moment, Plan, Segment
from archsim.mappers.residency.solve import plan

__all__ = ["Method", "Moment", "Plan", "Segment", "plan"]
