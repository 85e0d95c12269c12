"""When a unit takes its input beats and gives its output beats: the cycle model of a pipeline."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Ready = Callable[[int], bool]
"""Whether whoever takes the output does so in this cycle."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles, counted from 0, the first after reset."""

    accepted: tuple[int, ...]
    """Per input beat: the cycle at whose end the unit has it."""
    left: tuple[int, ...]
    """Per output beat: the cycle at whose end the receiver has it."""

    @property
    def cycles(self) -> int:
        """Cycles until everything has been taken and given."""
        return 1 + max((*self.accepted, *self.left), default=-1)


def always(cycle: int) -> bool:
    """A receiver that never holds anything up."""
    return True


def pipeline(
    emits: Sequence[bool],
    offered: Sequence[int],
    ready: Ready,
    *,
    latency: int,
    interval: int = 1,
    elastic: bool = True,
) -> Timing:
    """A rigid pipeline: all stages move together, and only an output that is not taken stops them.

    Parameters
    ----------
    emits
        Per input beat, whether it completes an output beat.
    offered
        Per input beat, the cycle from which it is offered; it stays so until it is taken. Beats keep their order.
    ready
        The receiver.
    latency
        Cycles in which the pipeline moves between taking a beat and offering its output.
    interval
        Such cycles from one beat taken to the next, at least.
    elastic
        False: the output is always taken, `ready` is not asked.
    """
    inside: deque[int] = deque()  # the move at which each output beat reaches the end
    accepted: list[int] = []
    left: list[int] = []
    moves = free = cycle = 0
    while len(accepted) < len(emits) or inside:
        valid = bool(inside) and inside[0] == moves
        taken = not elastic or ready(cycle)
        if valid and taken:
            left.append(cycle)
            inside.popleft()
        if not valid or taken:
            at = len(accepted)
            if at < len(emits) and offered[at] <= cycle and moves >= free:
                accepted.append(cycle)
                free = moves + interval
                if emits[at]:
                    inside.append(moves + latency)
            moves += 1
        cycle += 1
    return Timing(tuple(accepted), tuple(left))


def spread(work: Sequence[int], registers: int) -> tuple[int, ...]:
    """How many registers follow each step of a pipeline so that its stages are as even as can be.

    Parameters
    ----------
    work
        Logic levels of each step.
    registers
        How many there are; one always follows the last step. Those beyond one per step follow the first.

    >>> spread([4, 4, 8], 2), spread([4, 4, 8], 5)
    ((0, 1, 1), (3, 1, 1))
    """
    spare = max(0, registers - len(work))
    cuts = _cuts(tuple(work), registers - spare)
    return tuple(int(index in cuts) + (spare if index == 0 else 0) for index in range(len(work)))


def _cuts(work: tuple[int, ...], registers: int) -> frozenset[int]:
    """Steps with a register behind them: of all ways the one whose stages have the least sum of squares."""
    best: dict[tuple[int, int], tuple[int, frozenset[int]]] = {(0, 0): (0, frozenset())}
    for end in range(1, len(work) + 1):
        for stages in range(1, registers + 1):
            options = [
                (best[start, stages - 1][0] + sum(work[start:end]) ** 2, best[start, stages - 1][1] | {end - 1})
                for start in range(end)
                if (start, stages - 1) in best
            ]
            if options:
                best[end, stages] = min(options, key=lambda option: option[0])
    return best[len(work), registers][1]
