"""The roofline: what each op achieved against what its intensity allows, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import atan2, cos, degrees, sin, sqrt

from archsim.report.document import OpDoc, ReportDoc, RoofDoc
from archsim.report.markup import Markup, el, join
from archsim.report.svg import OTHERS, Scale, axis_x, axis_y, hue, line, n, padded, path, svg, text
from archsim.report.units import percent, plain, rate, seconds, tick, trimmed, typeset

WIDTH, HEIGHT = 880, 430
LEFT, RIGHT, TOP, BOTTOM = 76, 872, 16, 376
MOST_NAMED = 12
Box = tuple[float, float, float, float]


def dots(doc: ReportDoc) -> list[OpDoc]:
    """The ops that have a place on the plot: they multiply, they move bytes, and they took time. Longest first."""
    shown = [op for op in doc["by_op"] if op["macs"] and op["bytes"] and op["busy_seconds"]]
    return sorted(shown, key=lambda op: (-op["seconds"], op["op"]))


def roofline(doc: ReportDoc, colours: Mapping[str, int]) -> Markup | None:
    """The plot, or None where no op multiplies or no peak is known. Each dot links to its op in the table of ops."""
    ops, roof = dots(doc), doc["roof"]
    if not ops or not roof or roof["macs_per_second"] <= 0:
        return None
    x, y = _scales(ops, roof)
    roofs, kept = _roofs(roof, x, y)
    radius = {op["op"]: _radius(op, doc["seconds"]) for op in ops}
    marks = [_dot(op, doc, roof, (x(_intensity(op)), y(_achieved(op)), radius[op["op"]]), colours) for op in ops]
    return svg(
        WIDTH,
        HEIGHT,
        axis_x(x, BOTTOM, TOP, trimmed),
        axis_y(y, LEFT, RIGHT, lambda v: typeset(tick(v))),
        text((LEFT + RIGHT) / 2, BOTTOM + 40, "MACs per byte moved", anchor="middle"),
        text(LEFT - 56, (TOP + BOTTOM) / 2, "MACs per second while busy", anchor="middle", turn=-90),
        *roofs,
        *marks,
        *_labels(ops, x, y, radius, kept),
        label="Roofline of all ops that multiply; the same numbers are in the table of ops",
    )


def _intensity(op: OpDoc) -> float:
    return op["macs"] / op["bytes"]


def _achieved(op: OpDoc) -> float:
    return op["macs"] / op["busy_seconds"]


def _scales(ops: Sequence[OpDoc], roof: RoofDoc) -> tuple[Scale, Scale]:
    peak = roof["macs_per_second"]
    xs = [
        *(_intensity(op) for op in ops),
        *(peak / bandwidth for bandwidth in roof["bytes_per_second"].values() if bandwidth > 0),
    ]
    ys = [*(_achieved(op) for op in ops), peak]
    return Scale(*padded(xs, 2.5), LEFT, RIGHT, log=True), Scale(*padded(ys, 1.7), BOTTOM, TOP, log=True)


def _roofs(roof: RoofDoc, x: Scale, y: Scale) -> tuple[list[Markup], list[Box]]:
    """One slope for each memory up to where it meets the peak, named along its line; and the places the names take."""
    peak = roof["macs_per_second"]
    bandwidths = {name: bw for name, bw in roof["bytes_per_second"].items() if bw > 0}
    ridge = min((peak / bw for bw in bandwidths.values()), default=x.low)
    flat = typeset(f"peak {rate(peak, 'MAC')}")
    marks = [
        line(x(max(ridge, x.low)), y(peak), x.stop, y(peak), "roof"),
        text(x.stop - 2, y(peak) - 7, flat, anchor="end", cls="halo"),
    ]
    kept: list[Box] = [
        (x.stop - 6 * len(flat), y(peak) - 18, x.stop, y(peak)),
        (x(max(ridge, x.low)), y(peak) - 2, x.stop, y(peak) + 2),
    ]
    angle = atan2(y.slope, x.slope)
    for name, bandwidth in sorted(bandwidths.items(), key=lambda item: -item[1]):
        foot, corner = max(x.low, y.low / bandwidth), peak / bandwidth
        if corner <= foot:
            continue
        ends = (x(foot), y(foot * bandwidth)), (x(corner), y(peak))
        marks.append(path(ends, cls="roof"))
        kept += _beads(*ends)
        named = typeset(f"{name} {rate(bandwidth, 'B')}")
        px, py = x(foot) + 3, y(foot * bandwidth) - 8
        marks.append(text(px, py, named, cls="halo", turn=degrees(angle)))
        length = 6 * len(named)
        kept += _beads((px, py), (px + length * cos(angle), py + length * sin(angle)), 9)
    return marks, kept


def _beads(start: tuple[float, float], end: tuple[float, float], size: float = 2) -> list[Box]:
    """Small boxes along a line, so that names keep clear of it."""
    (x1, y1), (x2, y2) = start, end
    count = max(1, round(max(abs(x2 - x1), abs(y2 - y1)) / 6))
    places = [(x1 + (x2 - x1) * i / count, y1 + (y2 - y1) * i / count) for i in range(count + 1)]
    return [(cx - size, cy - size, cx + size, cy + size) for cx, cy in places]


def _radius(op: OpDoc, total: float) -> float:
    """Area shows the share of the run."""
    return 4 + 15 * sqrt(op["seconds"] / total) if total else 4


def _ceiling(op: OpDoc, roof: RoofDoc) -> str:
    """How close the op is to the highest roof above it, for its tooltip."""
    slopes = [_intensity(op) * bandwidth for bandwidth in roof["bytes_per_second"].values()]
    allowed = min(roof["macs_per_second"], max(slopes, default=roof["macs_per_second"]))
    return f"{percent(_achieved(op) / allowed)} of its roof"


def _dot(
    op: OpDoc, doc: ReportDoc, roof: RoofDoc, place: tuple[float, float, float], colours: Mapping[str, int]
) -> Markup:
    share = op["seconds"] / doc["seconds"] if doc["seconds"] else 0
    speed = f"{plain(_intensity(op))} MAC/B, {rate(_achieved(op), 'MAC')}, {_ceiling(op, roof)}"
    tip = f"{op['op']} on {op['unit']}: {speed}; {seconds(op['seconds'])}, {percent(share)} of the run"
    cx, cy, r = (n(value) for value in place)
    circle = el("circle", cx=cx, cy=cy, r=r, fill=hue(colours.get(op["unit"], OTHERS)), cls="dot")
    return el("a", el("title", typeset(tip)), circle, href=f"#op-{doc['by_op'].index(op)}", aria_label=tip)


def _labels(
    ops: Sequence[OpDoc], x: Scale, y: Scale, radius: Mapping[str, float], kept: Sequence[Box]
) -> Iterator[Markup]:
    """Names beside their dots, longest ops first; a name that would cover another stays in the tooltip."""
    centre = {op["op"]: (x(_intensity(op)), y(_achieved(op))) for op in ops}
    taken: list[Box] = [
        (cx - radius[name], cy - radius[name], cx + radius[name], cy + radius[name])
        for name, (cx, cy) in centre.items()
    ]
    taken += kept
    for own, op in enumerate(ops):
        name = op["op"]
        (cx, cy), r, width = centre[name], radius[name], 6.1 * len(name)
        places = (
            (cx + r + 4, cy + 4, "start", cx + r + 3),
            (cx - r - 4, cy + 4, "end", cx - r - 3 - width),
            (cx, cy + r + 13, "middle", cx - width / 2),
            (cx, cy - r - 5, "middle", cx - width / 2),
            (cx + r, cy + r + 9, "start", cx + r),
            (cx - r, cy + r + 9, "end", cx - r - width),
        )
        others = taken[:own] + taken[own + 1 :]
        for tx, ty, anchor, left in places:
            box = (left, ty - 10, left + width, ty + 3)
            if _free(box, others):
                taken.append(box)
                yield text(tx, ty, name, anchor=anchor, cls="halo")
                break


def _free(box: Box, others: Sequence[Box]) -> bool:
    inside = box[0] >= LEFT and box[2] <= RIGHT and box[1] >= TOP and box[3] <= BOTTOM
    return inside and all(box[2] <= o[0] or box[0] >= o[2] or box[3] <= o[1] or box[1] >= o[3] for o in others)


def unplotted(doc: ReportDoc) -> Markup | None:
    """The ops that have no place on the plot, in a sentence; the shortest are only counted."""
    shown = {op["op"] for op in dots(doc)}
    moving = sorted((op for op in doc["by_op"] if _moves(op)), key=lambda op: (-op["busy_seconds"], op["op"]))
    rest = [op["op"] for op in doc["by_op"] if op["op"] not in shown and not _moves(op)]
    parts = []
    if moving:
        named = [f"{op['op']} ({rate(op['bytes'] / op['busy_seconds'], 'B')})" for op in moving[:MOST_NAMED]]
        more = f" and {len(moving) - MOST_NAMED} shorter ones" if len(moving) > MOST_NAMED else ""
        parts.append(f"Without MACs, with the rate at which they move bytes: {', '.join(named)}{more}.")
    if rest:
        parts.append(f"Without traffic or time of their own: {', '.join(rest)}.")
    return el("p", join((typeset(part) for part in parts), " "), cls="soft small") if parts else None


def _moves(op: OpDoc) -> bool:
    return not op["macs"] and op["bytes"] > 0 and op["busy_seconds"] > 0
