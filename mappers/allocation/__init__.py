"""Static allocation: buffers with known lives in one memory, by greedy rules and by search with proofs."""

from archsim.mappers.allocation.buffer import Buffer, Gap
from archsim.mappers.allocation.read import read_buffers
from archsim.mappers.allocation.result import Allocation
from archsim.mappers.allocation.solve import allocate

__all__ = ["Allocation", "Buffer", "Gap", "allocate", "read_buffers"]
