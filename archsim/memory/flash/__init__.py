"""NAND flash: the device, its commands as a table, plain die state, and the controller of its channels."""

from __future__ import annotations

from archsim.memory.flash.device import Flash

__all__ = ["Flash"]
