"""A cascade: einsums in order, the ranks they run over, and what goes in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from archsim.core.errors import UnknownName
from archsim.ir.cascade.einsum import Access, BadCascade, Einsum, Index
from archsim.ir.cascade.masks import Mask
from archsim.ir.cascade.parse import parse_access, parse_einsum
from archsim.ir.cascade.sizes import Poly


@dataclass(frozen=True, slots=True)
class Partition:
    """A rank cut into tiles: ``m = m1 * M0 + m0``. The last tile may be short."""

    rank: str
    outer: str
    """Counts tiles; its size is M over M0, rounded up."""
    inner: str
    """Counts elements of a tile; its size is the tile size."""


@dataclass(frozen=True)
class Cascade:
    """Einsums in an order in which they can be computed.

    Build one with `Cascade.of` from text, or with `file.load_cascade` from YAML; both give equal objects.

    Raises
    ------
    BadCascade
        It reads a value before that is produced, produces one twice or not at all, gives a rank two sizes, has a state
        without an initial value or an initial value without a state; see `check`.
    """

    name: str
    inputs: tuple[Access, ...]
    """Tensors with their ranks."""
    einsums: tuple[Einsum, ...]
    outputs: tuple[str, ...]
    partitions: tuple[Partition, ...] = ()
    """In an order in which a rank is there before it is cut."""
    initial: tuple[tuple[str, float], ...] = ()
    """State -> its value before the first step."""
    sizes: tuple[tuple[str, int], ...] = ()
    """Symbol -> size, where known. The size of rank m is M; a tile size is the size of the inner rank."""
    masks: tuple[Mask, ...] = ()

    def __post_init__(self) -> None:
        from archsim.ir.cascade.check import check

        check(self)

    @classmethod
    def of(
        cls,
        name: str,
        *,
        inputs: Sequence[str],
        einsums: Sequence[str],
        outputs: Sequence[str],
        partitions: Mapping[str, Sequence[str]] | None = None,
        initial: Mapping[str, float] | None = None,
        sizes: Mapping[str, int] | None = None,
        masks: Sequence[str] = (),
    ) -> Cascade:
        """A cascade from text.

        Parameters
        ----------
        name
            What to call it.
        inputs
            Tensors with their ranks: ``"Q[b,h,p,e]"``.
        einsums
            See `parse`.
        outputs
            Names of tensors.
        partitions
            Rank -> (outer, inner): ``{"m": ("m1", "m0")}``.
        initial
            State -> value before its first step.
        sizes
            Symbol -> size: ``{"M0": 256}``.
        masks
            ``"causal(m,p)"``, ``"window(m,p,4096)"``.

        Raises
        ------
        BadInput
            A text that cannot be read, or a cascade that cannot be.
        """
        return cls(
            name,
            tuple(parse_access(text) for text in inputs),
            tuple(parse_einsum(text) for text in einsums),
            tuple(outputs),
            tuple(partition_of(rank, parts) for rank, parts in (partitions or {}).items()),
            tuple(sorted((tensor, float(value)) for tensor, value in (initial or {}).items())),
            tuple(sorted((sizes or {}).items())),
            tuple(Mask.parse(text) for text in masks),
        )

    def sized(self, sizes: Mapping[str, int] | None = None, **more: int) -> Cascade:
        """The same cascade with these sizes known: ``sized(G=4, M0=128)``.

        Raises
        ------
        BadCascade
            A symbol that it does not have, or a size that contradicts another.
        """
        return replace(self, sizes=tuple(sorted({**dict(self.sizes), **(sizes or {}), **more}.items())))

    def masked(self, *masks: str) -> Cascade:
        """The same cascade with these masks instead of its own: ``masked("causal(m,p)", "window(m,p,4096)")``."""
        return replace(self, masks=tuple(Mask.parse(text) for text in masks))

    def einsum(self, name: str) -> Einsum:
        """The einsum that produces this tensor.

        Raises
        ------
        UnknownName
            None does.
        """
        for einsum in self.einsums:
            if einsum.name == name:
                return einsum
        raise UnknownName("einsum", name, [e.name for e in self.einsums], where=f"cascade {self.name}")

    @cached_property
    def cuts(self) -> Mapping[str, Partition]:
        """Rank -> how it is cut, for those that are."""
        return {cut.rank: cut for cut in self.partitions}

    def leaves(self, rank: str) -> tuple[str, ...]:
        """The ranks that a rank is cut into, outermost first; the rank itself where it is not cut."""
        if rank not in self.cuts:
            return (rank,)
        cut = self.cuts[rank]
        return (*self.leaves(cut.outer), *self.leaves(cut.inner))

    def spread(self, ranks: Iterable[str]) -> tuple[str, ...]:
        """The leaves of several ranks."""
        return tuple(leaf for rank in ranks for leaf in self.leaves(rank))

    @cached_property
    def expanded(self) -> tuple[Einsum, ...]:
        """The einsums with every cut rank replaced by its leaves: ``K[m,e]`` is short for ``K[m1,m0,e]``."""
        return tuple(
            replace(
                einsum,
                output=self.expand(einsum.output),
                operands=tuple(self.expand(o) if isinstance(o, Access) else o for o in einsum.operands),
                over=self.spread(einsum.over),
            )
            for einsum in self.einsums
        )

    def expand(self, access: Access) -> Access:
        """An access with every cut rank replaced by its leaves. ``h//G`` stays as it is: it is one coordinate."""
        out: list[Index] = []
        for index in access.indices:
            plain = str(index) == index.rank
            out += [Index(leaf) for leaf in self.leaves(index.rank)] if plain else [index]
        return Access(access.tensor, tuple(out))

    @cached_property
    def axes(self) -> Mapping[str, tuple[Index, ...]]:
        """Tensor -> its axes. A state has an index with step 1 on its running rank: one value more than steps."""
        given = {access.tensor: self.expand(access).indices for access in self.inputs}
        return given | {einsum.name: einsum.output.indices for einsum in self.expanded}

    @cached_property
    def states(self) -> Mapping[str, str]:
        """State tensor -> its running rank."""
        return {einsum.name: einsum.running for einsum in self.einsums if einsum.running}

    @cached_property
    def ranks(self) -> tuple[str, ...]:
        """Every rank that a tensor runs over, leaves only, in order of appearance."""
        found = dict.fromkeys(index.rank for axes in self.axes.values() for index in axes)
        return (*found, *(r for e in self.expanded for r in self.spread(e.space) if r not in found))

    def spaces(self, einsum: Einsum) -> tuple[str, ...]:
        """Leaf ranks of the iteration space of an expanded einsum."""
        return tuple(dict.fromkeys(self.spread(einsum.space)))

    def tile_ranks(self, access: Access) -> tuple[str, ...]:
        """Leaf ranks that an access runs over; a final state does not run over its rank."""
        return self.spread(access.ranks)

    def points(self, ranks: Iterable[str]) -> Poly:
        """How many points these ranks span. All leaves of a cut rank are its own size: short tiles count as short."""
        left = list(dict.fromkeys(ranks))
        for cut in reversed(self.partitions):
            if cut.outer in left and cut.inner in left:
                left = [rank for rank in left if rank not in (cut.outer, cut.inner)] + [cut.rank]
        return Poly.product(rank.upper() for rank in left)

    def words(self, tensor: str) -> Poly:
        """Elements of a tensor; of a state the values that exist at one time."""
        return self.points(index.rank for index in self.axes[tensor] if not index.step)


def partition(cascade: Cascade, rank: str, size: int | str, *, outer: str = "", inner: str = "") -> Cascade:
    """The same cascade with a rank cut into tiles; the einsums stay as they are written.

    Parameters
    ----------
    cascade
        What to tile.
    rank
        A rank that is not cut yet. The inner rank of an earlier cut may be cut again.
    size
        Elements per tile, or the symbol of the inner rank, to be given later.
    outer, inner
        Names of the new ranks: of m, by default, m1 and m0.

    Raises
    ------
    BadCascade
        No such rank, a running rank, or names that are taken.
    """
    outer, inner = outer or f"{rank}1", inner or f"{rank}0"
    cuts = (*cascade.partitions, Partition(rank, outer, inner))
    if isinstance(size, str) and size != inner.upper():
        right = f"the tile size of {rank} is called {inner.upper()}"
        raise BadCascade(f"tile size {size}", where=f"partition of {rank}", right=right)
    sizes = {**dict(cascade.sizes), **({inner.upper(): size} if isinstance(size, int) else {})}
    return replace(cascade, partitions=cuts, sizes=tuple(sorted(sizes.items())))


def partition_of(rank: str, parts: Sequence[str]) -> Partition:
    """The cut of a rank into these two.

    Raises
    ------
    BadCascade
        Not two names.
    """
    if isinstance(parts, str) or len(parts) != 2:
        where, right = f"partition of {rank}", "two ranks, outer and inner: [m1, m0]"
        raise BadCascade(f"{parts!r} is not two ranks", where=where, key=("partitions", rank), right=right)
    return Partition(rank, str(parts[0]), str(parts[1]))
