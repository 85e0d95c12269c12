"""Drawing by hand: scales, ticks and a few shapes. Coordinates have two decimals, so that bytes repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from archsim.report.markup import Markup, el, join
from archsim.report.style import HUES

OTHERS = HUES
"""Index of the colour of what is no category of its own."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values from `low` to `high` onto pixels from `start` to `stop`, linearly or by their logarithm."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        low, high, here = (log10(v) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.start + (here - low) / (high - low) * (self.stop - self.start) if high > low else self.start

    @property
    def slope(self) -> float:
        """Pixels per decade (log) or per unit."""
        span = log10(self.high / self.low) if self.log else self.high - self.low
        return (self.stop - self.start) / span

    def ticks(self, about: int = 5) -> list[float]:
        """Round values inside the scale: powers of ten where logarithmic, else steps of 1, 2 or 5."""
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high, about)


def padded(values: Sequence[float], by: float = 1.6) -> tuple[float, float]:
    """A logarithmic range that holds all (positive) values with a factor `by` to spare on both sides."""
    return min(values) / by, max(values) * by


def n(value: float) -> str:
    """A coordinate: two decimals, no trailing zeros, no minus zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def svg(width: float, height: float, *children: object, label: str, cls: str | None = None) -> Markup:
    """A drawing that scales with its column; `label` is what a screen reader says."""
    return el(
        "svg", *children, viewBox=f"0 0 {n(width)} {n(height)}", width=n(width), role="group", aria_label=label, cls=cls
    )


def text(x: float, y: float, content: object, *, anchor: str = "start", cls: str = "s", turn: float = 0) -> Markup:
    """Text with its baseline at y; `turn` rotates it around its anchor, in degrees."""
    return el(
        "text",
        content,
        x=n(x),
        y=n(y),
        cls=cls,
        text_anchor=None if anchor == "start" else anchor,
        transform=f"rotate({n(turn)} {n(x)} {n(y)})" if turn else None,
    )


def line(x1: float, y1: float, x2: float, y2: float, cls: str = "rule") -> Markup:
    """A straight line."""
    return el("line", x1=n(x1), y1=n(y1), x2=n(x2), y2=n(y2), cls=cls)


def path(
    points: Sequence[tuple[float, float]], *, cls: str | None = None, fill: str = "none", closed: bool = False
) -> Markup:
    """A polyline, or the area inside it."""
    moves = " L".join(f"{n(x)} {n(y)}" for x, y in points)
    return el("path", d=f"M{moves}{'Z' if closed else ''}", cls=cls, fill=fill)


def hue(index: int) -> str:
    """The colour of the `index`-th category."""
    return f"var(--c{min(index, OTHERS)})"


def grey(index: int) -> str:
    """The `index`-th tone of the grey ramp, for parts of one whole that need no identity."""
    return f"var(--g{min(index, 5)})"


def swatch(fill: str, label: object) -> Markup:
    """A colour with its meaning, for a key."""
    square = el("svg", el("rect", width=11, height=11, rx=2, fill=fill), width=11, height=11, aria_hidden="true")
    return el("span", square, label)


def key(*swatches: Markup) -> Markup:
    """Colours and their meaning, in a row above a chart."""
    return el("div", join(swatches), cls="key")


def axis_x(scale: Scale, y: float, top: float, shown: Callable[[float], str], about: int = 6) -> Markup:
    """Tick labels under `y`, and thin rules up to `top`."""
    marks = [(scale(v), shown(v)) for v in scale.ticks(about)]
    rules = [line(x, top, x, y) for x, _ in marks]
    return join(
        [
            *rules,
            *(text(x, y + 15, label, anchor="middle") for x, label in marks),
            line(scale.start, y, scale.stop, y, "axis"),
        ]
    )


def axis_y(scale: Scale, x: float, right: float, shown: Callable[[float], str], about: int = 5) -> Markup:
    """Tick labels left of `x`, and thin rules to `right`."""
    marks = [(scale(v), shown(v)) for v in scale.ticks(about)]
    return join(
        [*(line(x, y, right, y) for y, _ in marks), *(text(x - 8, y + 4, label, anchor="end") for y, label in marks)]
    )


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9)
    step = max(1, ceil((last - first) / 8))
    tens = [10.0**power for power in range(first, last + 1, step)]
    if len(tens) > 2:
        return tens
    between = [m * 10.0**power for power in range(first - 1, last + 1) for m in (1, 2, 5)]
    return [value for value in between if low <= value <= high]


def _linear_ticks(low: float, high: float, about: int) -> list[float]:
    if high <= low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
