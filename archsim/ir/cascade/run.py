"""What a cascade computes: an interpreter on numpy arrays, for any cascade, tiling and mask.

It says what the einsums mean, plainly: running ranks are taken step by step, everything else in whole arrays. A point
that a mask takes out, or that lies behind a short tile, takes part in no reduction over its ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from archsim.core.errors import UnknownName, some
from archsim.ir.cascade.arrays import Where, coordinate, existing, merge, split
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import Access, BadCascade, Constant, Einsum
from archsim.ir.cascade.operators import MAPS, REDUCES, Array
from archsim.ir.cascade.schedule import Stage, stages
from archsim.ir.cascade.sizing import resolve


def run(
    cascade: Cascade,
    arrays: Mapping[str, Array],
    sizes: Mapping[str, int] | None = None,
    *,
    want: Sequence[str] = (),
) -> dict[str, Array]:
    """Compute a cascade.

    Parameters
    ----------
    cascade
        What to compute.
    arrays
        Input -> array with an axis per declared rank; float32 stays float32, everything else is float64.
    sizes
        Sizes that the arrays do not show, such as those of tiles and head groups.
    want
        Tensors to return instead of the outputs. States come with one value more than there are steps.

    Returns
    -------
    dict[str, Array]
        Tensor -> array with an axis per rank, cut ranks put together again; zero where a mask takes points out.

    Raises
    ------
    BadCascade
        Arrays whose sizes contradict each other or the cascade, or a size that nothing tells.
    UnknownName
        An array for no input, or a wanted tensor that is not there.
    """
    interpreter = _Interpreter(cascade, arrays, sizes or {})
    names = want or cascade.outputs
    for name in names:
        if name not in cascade.axes:
            raise UnknownName("tensor", name, cascade.axes, where=f"cascade {cascade.name}")
    # Points that do not exist may hold anything, also what a reduction over no keys leads to.
    with np.errstate(all="ignore"):
        interpreter.run()
    return {name: interpreter.result(name) for name in names}


class _Interpreter:
    """Tensors of one run, an axis per leaf rank; a state has one entry more along its running rank."""

    def __init__(self, cascade: Cascade, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        self.cascade = cascade
        given = {name: np.asarray(array) for name, array in arrays.items()}
        self.sizes = resolve(cascade, _shown(cascade, given, sizes))
        single = all(array.dtype == np.float32 for array in given.values())
        self.dtype: np.dtype[Any] = np.dtype(np.float32 if single else np.float64)
        self.tensors: dict[str, Array] = {
            access.tensor: split(cascade, given[access.tensor].astype(self.dtype), access.ranks, self.sizes)
            for access in cascade.inputs
        }
        self.einsums = {einsum.name: einsum for einsum in cascade.expanded}
        self.initial = dict(cascade.initial)

    def run(self) -> None:
        """Every stage, the einsums of a loop once per step."""
        for stage in stages(self.cascade):
            if stage.rank:
                self._make_room(stage)
            for step in range(self.sizes[stage.rank.upper()]) if stage.rank else (0,):
                for name in stage.einsums:
                    self._einsum(self.einsums[name], {stage.rank: step} if stage.rank else {})

    def _make_room(self, stage: Stage) -> None:
        """Arrays that the steps of a loop fill: states begin with their first value, reductions with no point."""
        for name in stage.einsums:
            einsum = self.einsums[name]
            shape = tuple(self.sizes[index.rank.upper()] + index.step for index in einsum.output.indices)
            start = self.initial.get(name, 0.0)
            if stage.rank in einsum.over:
                start = REDUCES.get(einsum.reduce).identity
            self.tensors[name] = np.full(shape, start, self.dtype)

    def result(self, name: str) -> Array:
        """A tensor as the user knows it."""
        axes = self.cascade.axes[name]
        leaves = [index.rank for index in axes]
        array = self.tensors[name]
        if name not in self.cascade.states and name in self.einsums:
            there = existing(self.cascade, leaves, leaves, self.sizes, {})
            array = array if there is None else np.where(there, array, np.zeros((), self.dtype))
        return merge(self.cascade, array, leaves, self.sizes)[0]

    def _einsum(self, einsum: Einsum, fixed: Mapping[str, int]) -> None:
        space = tuple(rank for rank in self.cascade.spaces(einsum) if rank not in fixed)
        over = tuple(rank for rank in einsum.over if rank not in fixed)
        there = existing(self.cascade, space, einsum.over, self.sizes, fixed) if einsum.reduce else None
        operands = [self._operand(operand, space, fixed) for operand in einsum.operands]
        if over and einsum.map == "mul" and einsum.reduce == "sum":
            value = self._products(operands, space, over, there)
        else:
            value = np.asarray(MAPS.get(einsum.map).apply(*operands), self.dtype)
            shape = tuple(self.sizes[rank.upper()] for rank in space)
            value = np.broadcast_to(value, shape)
            if einsum.reduce:
                value = self._reduce(einsum, value, space, over, there)
        self._store(einsum, value, fixed)

    def _products(
        self, operands: list[Array], space: tuple[str, ...], over: tuple[str, ...], there: Where | None
    ) -> Array:
        """A sum of products without an array of all the products."""
        shape = tuple(self.sizes[rank.upper()] for rank in space)
        if there is not None:
            for number, one in enumerate(operands):
                rest = operands[:number] + operands[number + 1 :]
                covers = np.broadcast_shapes(there.shape, one.shape) == one.shape
                if covers and all(np.isfinite(other).all() for other in rest):
                    operands[number] = np.where(there, one, np.zeros((), self.dtype))
                    break
            else:
                product = np.broadcast_to(MAPS.get("mul").apply(*operands), shape)
                return np.asarray(np.sum(product, axis=_axes(space, over), where=there))
        parts: list[Any] = []
        for one in operands:
            used = [axis for axis in range(len(space)) if one.ndim and one.shape[axis] == shape[axis]]
            dropped = tuple(axis for axis in range(one.ndim) if axis not in used)
            parts += [np.squeeze(one, axis=dropped), used]
        missing = [axis for axis in range(len(space)) if not any(axis in used for used in parts[1::2])]
        if missing:
            parts += [np.ones([shape[axis] for axis in missing], self.dtype), missing]
        return np.asarray(np.einsum(*parts, [axis for axis in range(len(space)) if space[axis] not in over]))

    def _reduce(
        self, einsum: Einsum, value: Array, space: tuple[str, ...], over: tuple[str, ...], there: Where | None
    ) -> Array:
        operator = REDUCES.get(einsum.reduce)
        nothing = np.asarray(operator.identity, self.dtype)
        value = value if there is None else np.where(there, value, nothing)
        return np.asarray(operator.combine.reduce(value, axis=_axes(space, over), initial=nothing))

    def _operand(self, operand: Access | Constant, space: tuple[str, ...], fixed: Mapping[str, int]) -> Array:
        """The values that an operand has at each point of the space, shaped so that they broadcast."""
        if isinstance(operand, Constant):
            known = operand.value
            return np.asarray(self.sizes[known] if isinstance(known, str) else known, self.dtype)
        array = self.tensors[operand.tensor]
        at: list[Any] = []
        for index, axis in zip(operand.indices, range(array.ndim), strict=True):
            if index.final:
                at.append(array.shape[axis] - 1)
                continue
            value = coordinate(self.cascade, index.rank, space, self.sizes, fixed) + index.step
            if index.over != 1:
                size = self.sizes[index.rank.upper()]
                over = self.sizes[index.over] if isinstance(index.over, str) else index.over
                value = np.minimum(value, size - 1) // over
            at.append(value)
        return np.asarray(array[tuple(at)])

    def _store(self, einsum: Einsum, value: Array, fixed: Mapping[str, int]) -> None:
        indices = einsum.output.indices
        if not fixed:
            self.tensors[einsum.name] = value
            return
        (rank, step), *_ = fixed.items()
        held = self.tensors[einsum.name]
        if rank in einsum.over:
            self.tensors[einsum.name] = REDUCES.get(einsum.reduce).combine(held, value)
            return
        held[tuple(step + i.step if i.rank == rank else slice(None) for i in indices)] = value


def _axes(space: tuple[str, ...], over: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(space.index(rank) for rank in over)


def _shown(cascade: Cascade, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes as given and as the arrays show them."""
    names = {access.tensor for access in cascade.inputs}
    for name in arrays:
        if name not in names:
            raise UnknownName("input", name, names, where=f"cascade {cascade.name}")
    known = dict(sizes)
    for access in cascade.inputs:
        where = f"input {access}"
        if access.tensor not in arrays:
            raise BadCascade("no array is given", where=where, right=f"inputs are {some(sorted(names))}")
        shape = arrays[access.tensor].shape
        if len(shape) != len(access.ranks):
            raise BadCascade(f"the array has {len(shape)} axes", where=where, right="one axis per rank")
        for rank, size in zip(access.ranks, shape, strict=True):
            if known.setdefault(rank.upper(), size) != size:
                raise BadCascade(f"rank {rank} has two sizes, {known[rank.upper()]} and {size}", where=where)
    return known
