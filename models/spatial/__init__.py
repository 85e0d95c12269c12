"""Spatial arrays for attention: a 2D and a 1D array of processing elements around one buffer (FuseMax, FLAT)."""

from archsim.models.spatial.spec import SpatialDesign

__all__ = ["SpatialDesign"]
