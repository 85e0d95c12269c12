"""Placement: which unit, channel, bank or device each op or tensor goes to, so that the busiest has least to do."""

from archsim.mappers.placement.cases import balance_kv, place_experts
from archsim.mappers.placement.problem import Item, Link, Unit
from archsim.mappers.placement.solve import Placement, place

__all__ = ["Item", "Link", "Placement", "Unit", "balance_kv", "place", "place_experts"]
