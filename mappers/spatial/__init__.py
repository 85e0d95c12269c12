"""Transformer layers on a 2D and a 1D array of processing elements: attention as one, everything else in panels."""

from archsim.mappers.spatial.mapper import SpatialMapper

__all__ = ["SpatialMapper"]
