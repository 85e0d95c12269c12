"""The mapper `cosma`: groups of ops on blocks, and activations that stay in the scratchpad between their uses."""

from archsim.mappers.cosma.mapper import CosmaMapper

__all__ = ["CosmaMapper"]
