"""Mappings run on numpy arrays, task by task, and compared with the plain graph."""

from archsim.ir.execute.result import Execution
from archsim.ir.execute.run import execute

__all__ = ["Execution", "execute"]
