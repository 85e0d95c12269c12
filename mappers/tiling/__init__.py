"""Tiling of matrix products: tiles and loop orders for each memory of a hierarchy, with proofs of how good they are."""

from archsim.mappers.tiling.gemm import Gemm
from archsim.mappers.tiling.hierarchy import EDGE, Hierarchy, Level, SpatialArray
from archsim.mappers.tiling.result import Tiling
from archsim.mappers.tiling.solve import priced, tile

__all__ = ["EDGE", "Gemm", "Hierarchy", "Level", "SpatialArray", "Tiling", "priced", "tile"]
