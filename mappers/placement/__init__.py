"""Placement: which unit, channel, bank or device each op or tensor goes to, so that the busiest has least to do."""

from archsim.mappers.placement.cases import balance_kv, place_experts
from archsim.mappers.placement.problem import Item, Link, Unit
from archsim.mappers.placement.schedule import Schedule, schedule
from archsim.mappers.placement.solve import Placement, place
from archsim.mappers.placement.steps import Result, Step

__all__ = [
    "Item",
    "Link",
    "Placement",
    "Result",
    "Schedule",
    "Step",
    "Unit",
    "balance_kv",
    "place",
    "place_experts",
    "schedule",
]
