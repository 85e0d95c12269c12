"""A rigid pipeline from combinational steps: registers where the specification wants them, one enable for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amaranth.hdl import Module, Signal, Value

Signals = Mapping[str, Any]
"""What one step hands to the next, by name."""
Step = Callable[[Module, Signals], Signals]


def handshake(m: Module, unit: Any) -> Any:
    """Connect both streams to a common enable and return it: everything moves unless an output is held up.

    The input is taken whenever the pipeline moves. `unit` has `i`, `o` and `spec`.
    """
    enable = Signal(name="enable")
    m.d.comb += enable.eq(~unit.o.valid | unit.o.ready if unit.spec.elastic else 1)
    m.d.comb += unit.i.ready.eq(enable)
    return enable


def delayed(m: Module, enable: Any, signals: Signals, *, name: str, reset: Sequence[str] = ("valid",)) -> Signals:
    """Registers behind all signals; only those named in `reset` are cleared by reset."""
    out: dict[str, Any] = {}
    for key, value in signals.items():
        register = Signal(Value.cast(value).shape(), name=f"{name}_{key}", reset_less=key not in reset)
        with m.If(enable):
            m.d.sync += register.eq(value)
        out[key] = register
    return out


def pipe(m: Module, enable: Any, signals: Signals, steps: Sequence[Step], registers: Sequence[int]) -> Signals:
    """Chain steps, with so many registers behind each.

    Parameters
    ----------
    m, enable
        The module; when the pipeline moves.
    signals
        Input of the first step. A step passes on what it does not change, such as `valid`, by returning it.
    steps, registers
        The steps, and how many registers follow each.
    """
    for index, (step, count) in enumerate(zip(steps, registers, strict=True)):
        signals = step(m, signals)
        for more in range(count):
            signals = delayed(m, enable, signals, name=f"s{index}_{more}" if count > 1 else f"s{index}")
    return signals
