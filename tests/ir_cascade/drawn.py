"""Random cascades over a few fibers, and how many sweeps they need, found by playing every element one by one."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from archsim.ir.cascade.cascade import Cascade

INDEX = {"element": "p,m1,m0", "tile": "p,m1", "whole": "p"}


@st.composite
def cascades(draw: st.DrawFn, inputs: tuple[str, ...] = ("X",)) -> Cascade:
    """Up to nine einsums on values per element, per tile and per row; reductions over either; running states."""
    kinds = dict.fromkeys(inputs, "element")
    texts: list[str] = []
    initial: dict[str, float] = {}

    def recent(names: list[str]) -> str:
        """One of the last, mostly: long chains are what needs many passes."""
        return draw(st.sampled_from(names if draw(st.integers(0, 3)) == 0 else names[-1:]))

    def pick(*wanted: str) -> str:
        name = recent([name for name, kind in kinds.items() if kind.removeprefix("state ") in wanted])
        if kinds[name].startswith("state "):
            return f"{name}[p,{draw(st.sampled_from(['m1', 'm1+1']))}]"
        return f"{name}[{INDEX[kinds[name]]}]"

    def whole() -> str:
        name = recent([name for name, kind in kinds.items() if kind in ("whole", "state tile")])
        return f"{name}[p,M1]" if kinds[name] == "state tile" else f"{name}[p]"

    for number in range(draw(st.integers(1, 9) | st.just(9))):
        name = f"T{number}"
        there = set(kinds.values())
        forms = ["element", "fold tile", "fold all"]
        forms += ["tile", "fold tiles", "state"] if there & {"tile", "state tile"} else []
        forms += ["row", "element by row", "state by row"] if there & {"whole", "state tile"} else []
        forms += ["tile by row"] if there & {"tile", "state tile"} and there & {"whole", "state tile"} else []
        form = draw(st.sampled_from(forms))
        if form == "element":
            kinds[name], text = "element", f"{pick('element')} - {pick('element', 'tile')}"
        elif form == "element by row":
            kinds[name], text = "element", f"{pick('element')} - {whole()}"
        elif form == "tile":
            kinds[name], text = "tile", f"{pick('tile')} * {pick('tile')}"
        elif form == "tile by row":
            kinds[name], text = "tile", f"exp({pick('tile')} - {whole()})"
        elif form == "fold tile":
            kinds[name], text = "tile", f"max(m0) {pick('element')}"
        elif form == "fold all":
            kinds[name], text = "whole", f"sum(m1,m0) {pick('element')} * {pick('element', 'tile')}"
        elif form == "fold tiles":
            kinds[name], text = "whole", f"max(m1) {pick('tile')}"
        elif form == "row":
            kinds[name], text = "whole", f"{whole()} + {whole()}"
        else:
            after = f"max({name}[p,m1], {pick('tile')})" if form == "state" else f"{name}[p,m1] - {whole()}"
            kinds[name], text, initial[name] = "state tile", after, 0.0
        index = "p,m1+1" if kinds[name] == "state tile" else INDEX[kinds[name]]
        texts.append(f"{name}[{index}] = {text}")
    sizes = {"M": 6, "M0": 2, "P": 1}
    last = f"T{len(texts) - 1}"
    made = {"inputs": [f"{name}[p,m]" for name in inputs], "einsums": texts, "outputs": [last]}
    return Cascade.of("drawn", **made, initial=initial, partitions={"m": ("m1", "m0")}, sizes=sizes)


Time = tuple[int, int]
"""(sweep, tile) when a value is there."""


def sweeps(cascade: Cascade, fiber: str = "", tiles: int = 12) -> int:
    """Sweeps over the tiles, in order, in which every value per element is computed as early as it can be.

    With a fiber, the sweeps that are needed for what comes from that input tile by tile; all else is free. What is
    per tile or per row only is computed as soon as what it needs is there: it needs no sweep. The last tile of a
    sweep is still at hand when the sweep is over, which saves one tile per sweep: there are more tiles than einsums,
    so that this never adds up to a sweep.
    """
    einsums = {einsum.name: einsum for einsum in cascade.expanded}
    over = _computed_from(cascade, fiber)
    known: dict[tuple[str, tuple[int, ...]], Time] = {}
    most = 0

    def at(name: str, tile: tuple[int, ...]) -> Time:
        """When a tensor's part of one tile is there; of a row's value, when all of it is."""
        nonlocal most
        if name not in einsums:
            return (0, -1)  # from the start
        if (name, tile) in known:
            return known[name, tile]
        einsum = einsums[name]
        if einsum.running and tile == (0,):
            return (0, 0)
        spread = product(range(tiles)) if "m1" in einsum.over else [tile]
        times = []
        for step in spread:
            # A state's value after a step is number step + 1.
            here = step[0] - 1 if einsum.running else step[0] if step else -1
            needed: list[Time] = []
            for access in einsum.reads:
                run = [index for index in access.indices if index.rank == "m1"]
                if not run:
                    needed.append(at(access.tensor, ()))
                elif run[0].final:
                    needed.append(at(access.tensor, (tiles,)))
                elif access.tensor in cascade.states:
                    needed.append(at(access.tensor, (here + run[0].step,)))
                else:
                    needed.append(at(access.tensor, (here,)))
            time = max(needed)
            if "m0" in einsum.space and name in over:
                time = (time[0] + (time[1] > here), here)
                most = max(most, time[0] + 1)
            times.append(time)
        known[name, tile] = max(times)
        return known[name, tile]

    for name, einsum in einsums.items():
        per_tile = "m1" in einsum.output.ranks
        for tile in range(tiles + bool(einsum.running)) if per_tile else [None]:
            at(name, () if tile is None else (tile,))
    return most


def _computed_from(cascade: Cascade, fiber: str) -> set[str]:
    """The einsums that use the tiles of an input at the same tile, themselves or through others; without one all."""
    if not fiber:
        return {einsum.name for einsum in cascade.expanded}
    found: set[str] = {fiber}
    while True:
        more = {
            einsum.name
            for einsum in cascade.expanded
            for access in einsum.reads
            if access.tensor in found and "m1" in access.ranks
        }
        if more <= found:
            return found
        found |= more
