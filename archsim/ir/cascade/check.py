"""Whether a cascade means something: every value is there when it is read, and every rank is used as it was made."""

from __future__ import annotations

from archsim.core.errors import did_you_mean, nearest, some
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import Access, BadCascade, Constant, Einsum
from archsim.ir.cascade.parse import is_rank
from archsim.ir.cascade.schedule import stages
from archsim.ir.cascade.sizing import check_sizes


def check(cascade: Cascade) -> None:
    """Raise unless every einsum can be computed in the order given.

    Raises
    ------
    BadCascade
        A value read before it is produced, a tensor produced twice or never, a state without an initial value, ranks
        that do not match, a rank with two sizes, a state that needs its own last value. The error names the einsum
        and the rank or tensor.
    """
    _check_partitions(cascade)
    _check_names(cascade)
    _check_states(cascade)
    _check_ranks(cascade)
    for number, (einsum, expanded) in enumerate(zip(cascade.einsums, cascade.expanded, strict=True)):
        _check_order(cascade, number, einsum)
        for access in expanded.reads:
            _check_access(cascade, number, expanded, access)
        _check_space(cascade, number, expanded)
        if len(runs := _running_in(cascade, expanded)) > 1:
            what = f"has the running ranks {' and '.join(runs)} in its space"
            raise _wrong(number, einsum, what, "one at most: its steps are taken in order")
    _check_rest(cascade)
    check_sizes(cascade)
    if cascade.states:
        stages(cascade)


def _check_partitions(cascade: Cascade) -> None:
    made: set[str] = set()
    for cut in cascade.partitions:
        where, key = f"partition of {cut.rank}", ("partitions", cut.rank)
        for part in (cut.rank, cut.outer, cut.inner):
            if not is_rank(part):
                raise BadCascade(f"{part!r} is not a rank", where=where, key=key, right="a rank is in small letters")
        if len({cut.rank, cut.outer, cut.inner}) < 3 or {cut.outer, cut.inner} & made:
            raise BadCascade(f"{cut.outer} and {cut.inner} are not two new ranks", where=where, key=key)
        if [other.rank for other in cascade.partitions].count(cut.rank) > 1:
            raise BadCascade("is cut twice", where=where, key=key, right="cut the inner rank again")
        made |= {cut.rank, cut.outer, cut.inner}


def _check_names(cascade: Cascade) -> None:
    names: dict[str, str] = {}
    for number, access in enumerate(cascade.inputs):
        if access.tensor in names:
            raise BadCascade("is given twice", where=f"input {access.tensor}", key=("inputs", number))
        names[access.tensor] = "an input"
    for number, einsum in enumerate(cascade.einsums):
        if einsum.name in names:
            right = f"{einsum.name} is {names[einsum.name]} already; give this one a name of its own"
            raise _wrong(number, einsum, f"produces {einsum.name} a second time", right)
        names[einsum.name] = f"produced by einsum {number + 1}"
    for number, output in enumerate(cascade.outputs):
        if not names.get(output, "").startswith("produced"):
            near = did_you_mean(nearest(output, [e.name for e in cascade.einsums]))
            right = f"einsums produce {some([e.name for e in cascade.einsums])}"
            what = f"is never produced{near}"
            raise BadCascade(what, where=f"output {output}", key=("outputs", number), right=right)
    if not cascade.outputs:
        raise BadCascade("has no output", where=f"cascade {cascade.name}", key=("outputs",))


def _check_states(cascade: Cascade) -> None:
    initial = dict(cascade.initial)
    for number, einsum in enumerate(cascade.einsums):
        if einsum.running in cascade.cuts:
            right = f"run along {cascade.leaves(einsum.running)[0]}, one step per tile"
            raise _wrong(number, einsum, f"runs along {einsum.running}, which is cut into tiles", right)
        if einsum.running and einsum.name not in initial:
            what = f"the state {einsum.name} has no value before the first step of rank {einsum.running}"
            raise _wrong(number, einsum, what, f"initial: {{{einsum.name}: 0}}, or -inf for a maximum")
    for tensor in initial:
        if tensor not in cascade.states:
            states = f"states are {some(sorted(cascade.states)) or 'none'}: the output of RM[m1+1,p] = ... is one"
            raise BadCascade("is not a state", where=f"initial {tensor}", key=("initial", tensor), right=states)


def _check_ranks(cascade: Cascade) -> None:
    known = {rank for access in cascade.inputs for rank in access.ranks}
    known |= {rank for einsum in cascade.einsums for rank in einsum.space}
    known |= {part for cut in cascade.partitions for part in (cut.outer, cut.inner)}
    for cut in cascade.partitions:
        if cut.rank not in known:
            where, key = f"partition of {cut.rank}", ("partitions", cut.rank)
            raise BadCascade(f"no tensor has the rank {cut.rank}", where=where, key=key)
    for number, mask in enumerate(cascade.masks):
        for rank in (mask.key, mask.query):
            if rank not in known | set(cascade.cuts):
                what = f"no tensor has the rank {rank}{did_you_mean(nearest(rank, known))}"
                raise BadCascade(what, where=f"mask {mask}", key=("masks", number))
    for access in cascade.inputs:
        if len(set(access.ranks)) < len(access.ranks):
            raise BadCascade("has a rank twice", where=f"input {access}", key=("inputs",))


def _check_space(cascade: Cascade, number: int, einsum: Einsum) -> None:
    """Every rank of an operand is a rank of the output or reduced, not both, and no rank comes from nowhere."""
    given = {rank: access for access in einsum.reads for rank in cascade.tile_ranks(access)}
    kept = einsum.output.ranks
    for rank in einsum.over:
        if rank in kept:
            raise _wrong(number, einsum, f"rank {rank} is reduced and also a rank of the output")
        if rank not in given:
            raise _wrong(number, einsum, f"rank {rank} is reduced, but no operand has it")
    for rank, access in given.items():
        if rank not in kept and rank not in einsum.over:
            right = f"reduce it, as in sum({rank}) {access}, or give {einsum.name} the rank {rank}"
            raise _wrong(number, einsum, f"rank {rank} of {access} disappears without a reduction", right)
    for rank in kept:
        if rank not in given:
            raise _wrong(number, einsum, f"rank {rank} of the output is a rank of no operand")


def _check_order(cascade: Cascade, number: int, einsum: Einsum) -> None:
    """Every value that is read has been given, produced by an earlier einsum, or is a state's earlier value."""
    given = {access.tensor for access in cascade.inputs}
    earlier = {other.name for other in cascade.einsums[:number]}
    later = {other.name for other in cascade.einsums[number:]}
    for access in einsum.reads:
        name = access.tensor
        if name in given or name in earlier:
            continue
        if name not in later:
            near = did_you_mean(nearest(name, given | earlier | later))
            right = f"inputs: {some(sorted(given))}; produced before: {some(sorted(earlier)) or 'none'}"
            raise _wrong(number, einsum, f"reads {access}, but nothing produces {name}{near}", right)
        run = cascade.states.get(name, "")
        if run and any(index.rank == run and not index.step and not index.final for index in access.indices):
            continue  # the value before this step
        right = f"move the einsum of {name} before that of {einsum.name}"
        if run:
            right += f", or read the value before the step, {name}[..{run}..]"
        raise _wrong(number, einsum, f"reads {access} before it is produced", right)


def _check_access(cascade: Cascade, number: int, einsum: Einsum, access: Access) -> None:
    axes = cascade.axes[access.tensor]
    if len(axes) != len(access.indices):
        made = Access(access.tensor, axes)
        what = f"reads {access} with {len(access.indices)} ranks, but {made} has {len(axes)}"
        raise _wrong(number, einsum, what)
    for index, axis in zip(access.indices, axes, strict=True):
        if axis.step and (index.rank != axis.rank or index.over != 1):
            right = (
                f"{axis.rank} is the value before a step, {axis.rank}+1 after it, {axis.rank.upper()} after the last"
            )
            raise _wrong(number, einsum, f"index {index} of {access} is not on the running rank {axis.rank}", right)
        if not axis.step and (index.step or index.final):
            right = f"{access.tensor} is no state: write {index.rank}"
            raise _wrong(number, einsum, f"index {index} of {access} is a step of rank {axis.rank}", right)


def _check_rest(cascade: Cascade) -> None:
    """Constants in capitals are sizes of ranks."""
    symbols = {rank.upper() for rank in (*cascade.ranks, *cascade.cuts)}
    for number, einsum in enumerate(cascade.einsums):
        for operand in einsum.operands:
            if isinstance(operand, Constant) and isinstance(operand.value, str) and operand.value not in symbols:
                near = did_you_mean(nearest(operand.value, symbols))
                right = "a size is the name of a rank in capitals; a tensor has brackets"
                raise _wrong(number, einsum, f"{operand.value} is the size of no rank{near}", right)


def _running_in(cascade: Cascade, einsum: Einsum) -> tuple[str, ...]:
    runs = set(cascade.states.values())
    return tuple(rank for rank in cascade.spaces(einsum) if rank in runs)


def _wrong(number: int, einsum: Einsum, what: str, right: str = "") -> BadCascade:
    return BadCascade(what, where=f"einsum {einsum.name}", key=("einsums", number), right=right)
