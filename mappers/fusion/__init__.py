"""Fusion: which neighbouring ops of a layer run as one group, so that what lies between them stays on chip."""

from archsim.mappers.fusion.chain import Chain, chain_of
from archsim.mappers.fusion.solve import Fusion, Group, fuse, fuse_chain

__all__ = ["Chain", "Fusion", "Group", "chain_of", "fuse", "fuse_chain"]
