"""One einsum: a tensor whose points are computed from points of other tensors, and its ranks."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.core.errors import BadInput
from archsim.core.yamlfile import KeyPath
from archsim.ir.cascade.operators import MAPS, SIGNS


class BadCascade(BadInput):
    """An einsum or a cascade that cannot mean anything; `where` names the einsum.

    Parameters
    ----------
    what
        What is wrong, with the rank or tensor.
    where
        ``"einsum SN"`` or another part of the cascade.
    key
        The same part as a key of the YAML form, so that a file's line can be named.
    right
        What would be right.
    """

    def __init__(self, what: str, *, where: str, key: KeyPath = (), right: str = "") -> None:
        super().__init__(what, where=where, right=right)
        self.key = key


@dataclass(frozen=True, slots=True)
class Index:
    """One index of an access: ``m``, ``m1+1``, ``h//G`` or ``M1``."""

    rank: str
    step: int = 0
    """1 for the state after this step of a running rank, where 0 is the state before it."""
    over: int | str = 1
    """Floor division by a number or by a size: ``h//G`` is the key head that query head h uses."""
    final: bool = False
    """Whether this is the state after the last step, written as the size of the rank: ``M1``."""

    def __str__(self) -> str:
        if self.final:
            return self.rank.upper()
        if self.step:
            return f"{self.rank}+{self.step}"
        return self.rank if self.over == 1 else f"{self.rank}//{self.over}"


@dataclass(frozen=True, slots=True)
class Access:
    """A tensor with an index for each of its ranks."""

    tensor: str
    indices: tuple[Index, ...]

    @property
    def ranks(self) -> tuple[str, ...]:
        """The ranks that it runs over, in order; a final state runs over none."""
        return tuple(index.rank for index in self.indices if not index.final)

    def __str__(self) -> str:
        return f"{self.tensor}[{','.join(map(str, self.indices))}]"


@dataclass(frozen=True, slots=True)
class Constant:
    """An operand that is the same everywhere: a number, or the size of a rank by its symbol."""

    value: float | str

    def __str__(self) -> str:
        return self.value if isinstance(self.value, str) else f"{self.value:g}"


Operand = Access | Constant


@dataclass(frozen=True, slots=True)
class Einsum:
    """``output = reduce(over) map(operands)`` at every point of the output.

    The iteration space has the ranks of the output and those in `over`. An output index ``m1+1`` makes m1 a running
    rank: its steps are taken in order, and the output is a state that each step may read.

    Raises
    ------
    BadCascade
        An output that cannot be written to, or an operator with too few or too many operands. Whether its ranks fit
        together is seen in a cascade, which knows how ranks are cut.
    """

    output: Access
    map: str
    """Name in `operators.MAPS`."""
    operands: tuple[Operand, ...]
    reduce: str = ""
    """Name in `operators.REDUCES`; empty where nothing is reduced."""
    over: tuple[str, ...] = ()
    """Reduced ranks."""

    def __post_init__(self) -> None:
        where = f"einsum {self.name}"
        self._check_output(where)
        operator = MAPS.get(self.map)
        if len(self.operands) != operator.arity and not (operator.chains and len(self.operands) > operator.arity):
            what = f"{self.map} has {len(self.operands)} operands"
            raise BadCascade(what, where=where, right=f"it takes {operator.arity}")

    def _check_output(self, where: str) -> None:
        ranks = [index.rank for index in self.output.indices]
        for index in self.output.indices:
            if index.final or index.over != 1 or index.step > 1 or index.step < 0:
                raise BadCascade(
                    f"index {index} cannot be written to", where=where, right=f"{index.rank} or {index.rank}+1"
                )
            if ranks.count(index.rank) > 1:
                raise BadCascade(f"rank {index.rank} is twice in the output", where=where)
        if len(self._running) > 1:
            raise BadCascade(
                f"runs over {' and '.join(self._running)}", where=where, right="a state has one running rank"
            )

    @property
    def name(self) -> str:
        """The tensor it produces, which names the einsum too."""
        return self.output.tensor

    @property
    def reads(self) -> tuple[Access, ...]:
        """The tensors it reads, in order, constants left out."""
        return tuple(operand for operand in self.operands if isinstance(operand, Access))

    @property
    def space(self) -> tuple[str, ...]:
        """Ranks of its iteration space: those of the output, then the reduced ones."""
        return (*self.output.ranks, *self.over)

    @property
    def running(self) -> str:
        """The rank that its state runs along; empty for an ordinary einsum."""
        return next(iter(self._running), "")

    @property
    def _running(self) -> tuple[str, ...]:
        return tuple(index.rank for index in self.output.indices if index.step)

    def __str__(self) -> str:
        """The text that reads back as this einsum."""
        reduce = f"{self.reduce}({','.join(self.over)}) " if self.reduce else ""
        return f"{self.output} = {reduce}{self._map_text()}"

    def _map_text(self) -> str:
        texts = [str(operand) for operand in self.operands]
        for sign, name in SIGNS.items():
            if name == self.map:
                return f" {sign} ".join(texts)
        if self.map == "copy":
            return texts[0]
        return f"exp({' - '.join(texts)})" if self.map == "subexp" else f"{self.map}({', '.join(texts)})"
