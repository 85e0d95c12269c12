"""Matrix products on the 2D array: C[m,n] = sum over k of A[m,k] B[n,k], output-stationary.

A tile of C lies in the PEs while the reduction passes, A along one side of the array and B along the other, whichever
way takes fewer tiles. What stays in the buffer decides how often DRAM is read:

| kept | in the buffer | reads of A, of B |
|---|---|---|
| a | a panel of tiles of A, whole reductions; all tiles of B pass by it | 1, panels |
| b | the same with A and B exchanged | panels, 1 |
| c | sums of a block of tiles of C; its tiles of A and B pass by in chunks of the reduction | blocks along n, along m |

Chunks are long enough that sums pass the buffer no more often than operands do. The fastest order is taken, sums in the
buffer only where that makes it faster, and then the one with the least traffic.
Results leave past the buffer; a bias is added to them on the 1D array.

Checked against FPSG-UIUC/micro24-fusemax-artifact@218ce19f workspace/outputs/pregenerated/results (linear layers): same
cycles; same traffic wherever its mapper moves every word once. For XLM it moves more than this best order does.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Steady
from archsim.units.spatial.room import no_room

KEPT = ("a", "b", "c")
"""What stays in the buffer."""


@dataclass(frozen=True, slots=True)
class Gemm:
    """`instances` products of `m` x `k` by `k` x `n`, none of which shares an operand with another."""

    m: int
    n: int
    k: int
    instances: int = 1
    bias: bool = False
    """Whether a vector of `n` is added to every row of the result."""
    name: str = "GEMM"
    """What errors and einsums call it."""

    def __post_init__(self) -> None:
        if min(self.m, self.n, self.k, self.instances) < 1:
            raise BadInput(
                f"{self.name}: {self.instances} products of {self.m} x {self.n} x {self.k}", right="all >= 1"
            )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all instances."""
        return self.instances * self.m * self.n * self.k

    @property
    def compulsory_words(self) -> int:
        """Words that any order moves: operands, bias and result once."""
        return self.instances * (self.m * self.k + self.n * self.k + self.m * self.n + (self.n if self.bias else 0))


def tile_extents(gemm: Gemm, arrays: SpatialArrays) -> tuple[int, int]:
    """(m, n) of a full tile of C: rows of the array take the side that leaves fewer tiles."""
    upright, turned = (arrays.rows, arrays.cols), (arrays.cols, arrays.rows)
    return min((upright, turned), key=lambda extents: -(-gemm.m // extents[0]) * -(-gemm.n // extents[1]))


def plan(gemm: Gemm, arrays: SpatialArrays) -> Plan:
    """The best order.

    Its parts: ``kept`` (a, b or c), the ``m_tiles`` of A and ``n_tiles`` of B that are in the buffer together, the
    ``chunk`` of the reduction that they are there for, and how often DRAM is read for each word of A and of B:
    ``a_reads``, ``b_reads``.

    Raises
    ------
    Infeasible
        The buffer does not hold one word for every row and every column of the array.
    BadInput
        An array lacks an operator.
    """
    cycles = max(_cycles(gemm, arrays))
    grid = _Grid.of(gemm, arrays)
    if grid.words < grid.m + grid.n:
        raise no_room(f"einsum {gemm.name}", {"m": grid.m, "n": grid.n, "k": 1}, {"A": grid.m, "B": grid.n}, arrays)

    def cost(order: Plan) -> tuple[Fraction, bool, int]:
        words = sum(_read(gemm, order)) + gemm.instances * gemm.m * gemm.n
        moving = Fraction(words * arrays.word_bytes, arrays.bandwidth)
        return max(cycles / arrays.clock, moving), _waiting(gemm, order) > 0, words

    orders = (grid.panel("a"), grid.panel("b"), grid.block(whole=True), grid.block(whole=False))
    return min((order for order in orders if order is not None), key=cost)


def steady(gemm: Gemm, arrays: SpatialArrays, order: Plan) -> Steady:
    """The closed form: the longer of DRAM, products and bias. Copies of the arrays share the tiles of C evenly."""
    array, vector = _cycles(gemm, arrays)
    a_words, b_words, bias_words = _read(gemm, order)
    read, written = a_words + b_words + bias_words, gemm.instances * gemm.m * gemm.n
    m, n = tile_extents(gemm, arrays)
    einsums = {gemm.name: (ARRAY, array)} | ({f"{gemm.name}.bias": (VECTOR, vector)} if gemm.bias else {})
    cycles = max(array, vector)
    again = _waiting(gemm, order)
    operands = gemm.instances * gemm.k * (gemm.m * -(-gemm.n // n) + gemm.n * -(-gemm.m // m))
    counts = {
        ARRAY: {"mac": gemm.macs, "buffer_read": operands + again, "buffer_write": a_words + b_words + again},
        VECTOR: {"add": written, "buffer_read": written, "buffer_write": bias_words} if gemm.bias else {},
    }
    bytes_read, bytes_written = read * arrays.word_bytes, written * arrays.word_bytes
    return Steady(
        cycles=cycles,
        seconds=max(cycles / arrays.clock, Fraction(bytes_read + bytes_written, arrays.bandwidth)),
        busy={ARRAY: array, VECTOR: vector},
        einsums=einsums,
        read=Fraction(bytes_read),
        written=Fraction(bytes_written),
        counts=counts,
    )


def _cycles(gemm: Gemm, arrays: SpatialArrays) -> tuple[Fraction, Fraction]:
    """Cycles of the 2D and the 1D array of one copy."""
    m, n = tile_extents(gemm, arrays)
    tiles = gemm.instances * -(-gemm.m // m) * -(-gemm.n // n)
    array = -(-tiles // arrays.copies) * gemm.k * operator_cycles(arrays, ARRAY, "mac", gemm.name, "m,n,k")
    if not gemm.bias:
        return Fraction(array), Fraction(0)
    lanes = arrays.lanes * arrays.copies
    bias = operator_cycles(arrays, VECTOR, "add", f"{gemm.name}.bias", "m,n")
    adds = -(-gemm.instances * gemm.m * gemm.n // lanes) * bias
    return Fraction(array), Fraction(adds)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Tiles of a product, and the words of the buffer."""

    m: int
    """Rows of A in a tile, and of B below."""
    n: int
    k: int
    m_tiles: int
    n_tiles: int
    words: int
    sharers: int
    """Copies of the arrays that share an instance."""

    @staticmethod
    def of(gemm: Gemm, arrays: SpatialArrays) -> _Grid:
        m, n = tile_extents(gemm, arrays)
        return _Grid(
            min(m, gemm.m),
            min(n, gemm.n),
            gemm.k,
            -(-gemm.m // m),
            -(-gemm.n // n),
            arrays.buffer_bytes // arrays.word_bytes,
            -(-arrays.copies // gemm.instances),
        )

    def panel(self, kept: str) -> Plan | None:
        """As many tiles of one operand as fit beside a tile of the other, all of them for whole reductions."""
        mine, other, tiles = (self.m, self.n, self.m_tiles) if kept == "a" else (self.n, self.m, self.n_tiles)
        resident = min(tiles, (self.words - other * self.k) // (mine * self.k))
        if resident < 1:
            return None
        # Copies that share an instance have panels of their own.
        panels = max(-(-tiles // resident), min(tiles, self.sharers))
        if kept == "a":
            return self._plan(kept, (resident, 1), self.k, (1, panels))
        return self._plan(kept, (1, resident), self.k, (panels, 1))

    def block(self, *, whole: bool) -> Plan:
        """The block of C with the least traffic, of one tile (whose sums stay in the PEs) where `whole`."""
        sides = [(1, 1)]
        turned = self.n_tiles > self.m_tiles  # count along the shorter side of C
        for along in range(1, 1 if whole else min(self.m_tiles, self.n_tiles) + 1):
            across = self._widest(along, turned)
            if across < 1:
                break
            sides.append((along, across) if turned else (across, along))
        best = min(sides, key=self._streamed)
        height, width = best
        sums = height * width * self.m * self.n if height * width > 1 else 0
        chunk = min(self.k, (self.words - sums) // (height * self.m + width * self.n))
        blocks = -(-self.n_tiles // width), max(-(-self.m_tiles // height), min(self.m_tiles, self.sharers))
        return self._plan("c", best, chunk, blocks)

    def _widest(self, along: int, turned: bool) -> int:
        """Tiles across a block so that sums fit beside chunks for which they pass the buffer as often as operands."""
        mine, other, tiles = (self.m, self.n, self.n_tiles) if turned else (self.n, self.m, self.m_tiles)
        chunk = min(self.k, -(-2 * self.m * self.n // (self.m + self.n)))
        return min(tiles, (self.words - along * mine * chunk) // (along * self.m * self.n + other * chunk))

    def _streamed(self, block: tuple[int, int]) -> int:
        height, width = block
        a, b = self.m_tiles * self.m, self.n_tiles * self.n
        return a * -(-self.n_tiles // width) + b * -(-self.m_tiles // height)

    def _plan(self, kept: str, tiles: tuple[int, int], chunk: int, reads: tuple[int, int]) -> Plan:
        choices = {"m_tiles": tiles[0], "n_tiles": tiles[1], "chunk": chunk, "a_reads": reads[0], "b_reads": reads[1]}
        return Plan("gemm", {"kept": kept, **choices})


def _waiting(gemm: Gemm, order: Plan) -> int:
    """Words of sums that the buffer takes and gives back: those of a single tile stay in the PEs."""
    if order.number("m_tiles") * order.number("n_tiles") == 1:
        return 0
    return gemm.instances * gemm.m * gemm.n * (-(-gemm.k // order.number("chunk")) - 1)


def _read(gemm: Gemm, order: Plan) -> tuple[int, int, int]:
    """Words of A, of B and of the bias from DRAM."""
    a = gemm.instances * gemm.m * gemm.k * order.number("a_reads")
    b = gemm.instances * gemm.n * gemm.k * order.number("b_reads")
    return a, b, gemm.instances * gemm.n if gemm.bias else 0
