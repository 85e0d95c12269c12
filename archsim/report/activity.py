"""What each unit did over simulated time, from the samples at the end of each outermost iteration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsim.report.document import ReportDoc, SampleDoc
from archsim.report.markup import Markup, el, join
from archsim.report.svg import OTHERS, Scale, axis_x, hue, line, path, svg, text
from archsim.report.units import percent, seconds, tick, typeset

WIDTH, LEFT, RIGHT = 880, 150, 812
STRIP, GAP = 40, 12
STEPS = 200
"""Most steps drawn. More samples are joined, which is exact: the samples are running totals."""
UNITS = 10
"""Most units drawn, the busiest ones."""


@dataclass(frozen=True, slots=True)
class Step:
    """One or more iterations of one loop: from when to when, and how busy each unit was."""

    start: float
    end: float
    loop: str
    first: int
    last: int
    busy: Mapping[str, float]

    @property
    def each(self) -> float:
        """Seconds of one iteration."""
        return (self.end - self.start) / (self.last - self.first + 1)


def steps(samples: Sequence[SampleDoc], most: int = STEPS) -> list[Step]:
    """Differences between samples, neighbours of one loop joined until at most about `most` remain."""
    ordered = sorted(samples, key=lambda s: s["seconds"])
    group = max(1, -(-len(ordered) // most))
    out: list[Step] = []
    begin, before, done, held = 0.0, dict[str, float](), -1, 0
    for i, sample in enumerate(ordered):
        held += 1
        ends_loop = i + 1 == len(ordered) or ordered[i + 1]["loop"] != sample["loop"]
        if held < group and not ends_loop:
            continue
        if (span := sample["seconds"] - begin) > 0:
            busy = {unit: (total - before.get(unit, 0.0)) / span for unit, total in sample["busy"].items()}
            out.append(Step(begin, sample["seconds"], sample["loop"], done + 1, max(sample["index"], done + 1), busy))
        begin, before, held = sample["seconds"], sample["busy"], 0
        done = -1 if ends_loop else sample["index"]
    return out


def activity(doc: ReportDoc, colours: Mapping[str, int]) -> Markup | None:
    """Utilisation of each unit over time and the time of one iteration; None where there are fewer than two steps."""
    parts = steps(doc["samples"])
    if len(parts) < 2:
        return None
    units = sorted(doc["units"], key=lambda u: (-doc["units"][u]["utilization"], u))[:UNITS]
    x = Scale(0.0, parts[-1].end, LEFT, RIGHT)
    strips = [_latency(parts, x, 18)]
    for row, unit in enumerate(units):
        strips.append(_strip(unit, parts, x, 18 + (row + 1) * (STRIP + GAP), hue(colours.get(unit, OTHERS))))
    bottom = 18 + (len(units) + 1) * (STRIP + GAP) - GAP
    return svg(
        WIDTH,
        bottom + 26,
        axis_x(x, bottom + 4, 18, lambda v: typeset(tick(v, "s", largest=0))),
        *_changes(parts, x, bottom),
        *strips,
        label="Utilisation of each unit over simulated time",
    )


def _strip(unit: str, parts: Sequence[Step], x: Scale, top: float, fill: str) -> Markup:
    y = Scale(0.0, 1.0, top + STRIP, top)
    levels = [min(1.0, max(0.0, part.busy.get(unit, 0.0))) for part in parts]
    mean = sum(part.busy.get(unit, 0.0) * (part.end - part.start) for part in parts) / parts[-1].end
    return join(
        [
            line(LEFT, top + STRIP, RIGHT, top + STRIP, "axis"),
            _area(parts, levels, x, y, fill),
            *(_hover(part, x, top, f"{unit}: {percent(level)}") for part, level in zip(parts, levels, strict=True)),
            text(LEFT - 10, top + STRIP - 4, _short(unit), anchor="end", cls="n"),
            text(RIGHT + 8, top + STRIP - 4, typeset(percent(mean)), cls="n"),
        ]
    )


def _latency(parts: Sequence[Step], x: Scale, top: float) -> Markup:
    """How long one iteration takes, for the loop with the most steps: a token gets slower as its context grows."""
    counts = Counter(part.loop for part in parts)
    loop = max(counts, key=lambda name: (counts[name], name))
    shown = [part for part in parts if part.loop == loop]
    highest = max(part.each for part in shown)
    y = Scale(0.0, highest, top + STRIP, top)
    return join(
        [
            line(LEFT, top + STRIP, RIGHT, top + STRIP, "axis"),
            path(_outline(shown, [part.each for part in shown], x, y), cls="roof"),
            *(_hover(part, x, top, f"{seconds(part.each)} each") for part in shown),
            text(LEFT - 10, top + STRIP - 4, f"time per {_short(loop, 12)}", anchor="end", cls="n"),
            text(RIGHT + 8, top + 6, typeset(seconds(highest, digits=3)), cls="n"),
            text(RIGHT + 8, top + STRIP + 1, "0"),
        ]
    )


def _outline(parts: Sequence[Step], levels: Sequence[float], x: Scale, y: Scale) -> list[tuple[float, float]]:
    corners: list[tuple[float, float]] = []
    for part, level in zip(parts, levels, strict=True):
        corners += [(x(part.start), y(level)), (x(part.end), y(level))]
    return corners


def _area(parts: Sequence[Step], levels: Sequence[float], x: Scale, y: Scale, fill: str) -> Markup:
    points = [(x(parts[0].start), y(0.0)), *_outline(parts, levels, x, y), (x(parts[-1].end), y(0.0))]
    return path(points, fill=fill, closed=True)


def _hover(part: Step, x: Scale, top: float, what: str) -> Markup:
    which = f"{part.loop} {part.first}" if part.first == part.last else f"{part.loop} {part.first} to {part.last}"
    tip = el("title", typeset(f"{which}: {what}, until {seconds(part.end)}"))
    left, right = round(x(part.start), 2), round(x(part.end), 2)
    return el("rect", tip, x=left, y=top, width=round(right - left, 2), height=STRIP, fill="none", pointer_events="all")


def _changes(parts: Sequence[Step], x: Scale, bottom: float) -> list[Markup]:
    """Where another loop begins, if there are several: prefill, then decode."""
    if len({part.loop for part in parts}) < 2:
        return []
    starts = [(x(p.start), p.loop) for before, p in zip([None, *parts], parts, strict=False) if _begins(before, p)]
    marks = [line(at, 4, at, bottom + 4, "dash") for at, _ in starts]
    ends = [at for at, _ in starts[1:]] + [float(RIGHT)]
    named = [
        text(at + 4, 11, loop) for (at, loop), end in zip(starts, ends, strict=True) if end - at > 8 + 6 * len(loop)
    ]
    return [*marks, *named]


def _begins(before: Step | None, part: Step) -> bool:
    return before is None or before.loop != part.loop


def _short(name: str, most: int = 20) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
