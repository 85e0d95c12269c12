"""What a simulated unit did, and how it differs from its specification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.core.errors import BadInput
from archsim.units.cores.core import Accuracy, Beat, Core
from archsim.units.cores.timing import Ready, Timing


@dataclass(frozen=True)
class Run:
    """Beats that came out, and the cycles in which everything moved."""

    outputs: tuple[Beat, ...]
    timing: Timing


class Mismatch(BadInput):
    """RTL and specification differ."""

    exit_code = 1


def check(
    spec: Core, beats: Sequence[Beat], offered: Sequence[int], ready: Ready, run: Run, *, where: str = ""
) -> None:
    """Hold a run to the golden function and to the cycle model; `where` names the run in errors.

    Raises
    ------
    Mismatch
        The first beat or cycle that differs.
    """
    name = where or repr(spec)
    _same(name, "output beat", run.outputs, tuple(spec.golden(beats)))
    expected = spec.schedule(beats, offered, ready)
    _same(name, "cycle in which input beat is taken, beat", run.timing.accepted, expected.accepted)
    _same(name, "cycle in which output beat leaves, beat", run.timing.left, expected.left)


def _same(name: str, what: str, got: Sequence[object], wanted: Sequence[object]) -> None:
    for index, (ours, theirs) in enumerate(zip(got, wanted, strict=False)):
        if ours != theirs:
            raise Mismatch(f"{what} {index}: RTL {ours}, specification {theirs}", where=name)
    if len(got) != len(wanted):
        raise Mismatch(f"{what}: RTL has {len(got)}, specification {len(wanted)}", where=name)


def accurate(spec: Core) -> Accuracy | None:
    """The measured accuracy of the golden function; None where it is exact.

    Raises
    ------
    Mismatch
        It misses its bar.
    """
    accuracy = spec.accuracy()
    if accuracy is not None and not accuracy.error <= accuracy.bar:
        raise Mismatch(
            f"error {accuracy.error:.3g} {accuracy.measure}", where=repr(spec), right=f"at most {accuracy.bar:.3g}"
        )
    return accuracy
