"""What follows from a cascade's einsums, as facts: what `archsim explain` says about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from archsim.api.designs import Sets, bundled_names, load_design
from archsim.core.errors import BadInput, some
from archsim.core.merge import parse_set
from archsim.ir.capability import SpatialArrays
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.counts import counts, counts_at, refuse_unsupported
from archsim.ir.cascade.einsum import BadCascade
from archsim.ir.cascade.file import bundled_file, load_cascade
from archsim.ir.cascade.live import footprint
from archsim.ir.cascade.text import main_ranks, summary
from archsim.ir.report import Fact

DERIVED = "from its einsums, see archsim/ir/cascade"
OPERATIONS = {"mac": {"mac"}, "mul": {"mul"}, "add": {"add", "sub"}, "max": {"max"}, "sub_exp": {"exp"}, "div": {"div"}}
"""Operator of a PE -> the operations of einsums that it does; sub_exp also takes the subtraction before it along."""


def cascade_facts(name: str, set: Sets = None) -> tuple[Fact, ...]:
    """Einsums with their operations, passes with reasons, what must be kept, and the machines whose PEs can do it.

    Parameters
    ----------
    name
        A bundled cascade, or a YAML file.
    set
        Sizes of ranks, ``M=65536``: operations are then numbers, without the points that masks take out.

    Raises
    ------
    BadInput
        The file is not right, a size that is no whole number, of no rank, or too few of them.
    """
    cascade = load_cascade(name)
    path = bundled_file(name) or Path(name).expanduser()
    known = _sizes(set)
    operations = counts_at(cascade, known) if known else counts(cascade)
    facts = [Fact("cascade", summary(cascade), DERIVED, "derived")]
    for einsum in cascade.einsums:
        done = ", ".join(f"{_number(count)} {unit}" for unit, count in operations.get(einsum.name, {}).items())
        facts.append(Fact(einsum.name, done or "moves only", str(einsum), "derived"))
    about = Fact("source", _comment(path) or "none given", path.name)
    return (*facts, *_passes(cascade), *_machines(cascade), about)


def _sizes(set: Sets) -> dict[str, int]:
    if isinstance(set, Mapping):
        given = [(str(key), value) for key, value in set.items()]
    else:
        given = [(".".join(map(str, key)), value) for key, value in map(parse_set, set or ())]
    for key, value in given:
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadInput(
                f"{key}: {value!r} is not a whole number", where=f"--set {key}={value}", right="like M=65536"
            )
    return {key: int(str(value)) for key, value in given}


def _passes(cascade: Cascade) -> Iterator[Fact]:
    for rank in main_ranks(cascade):
        foot = footprint(cascade, rank)
        why = "; ".join(foot.passes.reasons) or "nothing waits for all of the rank"
        yield Fact(f"passes over {rank}", f"{foot.passes.count}: {why}", DERIVED, "derived")
        row = f"per ({','.join(foot.fiber)})" if foot.fiber else "in all"
        kept = f"{foot.carried_per_row} ({', '.join(foot.carried)}) {row}"
        yield Fact(f"words kept from tile to tile of {rank}", kept, DERIVED, "derived")
        if foot.live:
            words = f"{foot.live_per_row} {row}, or spilled or computed again"
            yield Fact(f"words kept from pass to pass of {rank}", words, DERIVED, "derived")


def _machines(cascade: Cascade) -> Iterator[Fact]:
    """Bundled spatial arrays whose PEs have every operation, and what others lack."""
    able, lacking = [], list[str]()
    for name in bundled_names("designs"):
        arrays = next((c for c in load_design(name).capabilities() if isinstance(c, SpatialArrays)), None)
        if arrays is None:
            continue
        known = {arrays.array: arrays.array_cycles, arrays.vector: arrays.vector_cycles}
        try:
            refuse_unsupported(
                cascade, {unit: {o for op in ops for o in OPERATIONS[op]} for unit, ops in known.items()}
            )
        except BadCascade as error:
            lacking.append(f"{name}: {error.where}: {error.what}")
        else:
            able.append(name)
    yield Fact("spatial arrays that have its operations", ", ".join(able) or "none", DERIVED, "derived")
    if lacking:
        yield Fact("spatial arrays that lack some", some(lacking), DERIVED, "derived")
    yield Fact("not modelled", "how it is mapped: dataflows do that, `archsim list designs`", DERIVED, "derived")


def _comment(path: Path) -> str:
    """The comment that the file begins with: where its einsums come from."""
    lines = path.read_text(encoding="utf-8").splitlines()
    count = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.lstrip("# ") for line in lines[:count])


def _number(count: object) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count)
