"""Whole ops on units that differ: which unit takes each op, in which order, so that all is done soonest."""

from archsim.mappers.placed.mapper import PlacedMapper

__all__ = ["PlacedMapper"]
