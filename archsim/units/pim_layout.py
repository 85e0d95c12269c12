"""How tensors lie in the banks of a PIM memory, and the command phases that walk them.

Weights ``W[n, k]``: output columns are dealt over channels and banks, so that one *group* is one output per bank;
the reduction lies along the row. An input longer than the global buffer is cut into segments; segment by segment,
the groups follow each other without gaps, and every segment gives a partial sum per output.

K cache: token t lies in bank t mod (channels x banks), its key vector contiguous, cut into segments of whole heads
that fit the buffer. V cache: column-major; one output feature per row, tokens along the row in whole segments, so a
group of `banks` features shares a row number and every feature owns as many rows as the reserved token count needs.
"""

from __future__ import annotations

from functools import cache
from math import gcd

from archsim.ir.capability import PimBanks

Phase = tuple[int, int, int, int, int, int]
"""[input bursts, results per bank, columns per result, row stride, first row, first column]"""


def ceil_div(a: int, b: int) -> int:
    """A / b rounded up."""
    return -(-a // b)


def segments(total: int, longest: int) -> list[int]:
    """`total` cut into parts of at most `longest`, full ones first."""
    return [min(longest, total - start) for start in range(0, total, longest)]


def row_columns(banks: PimBanks) -> int:
    """Column accesses in one row."""
    return banks.row_bytes // (banks.lanes * banks.element_bytes)


def bursts(banks: PimBanks, elements: int) -> int:
    """Interface transfers for this many elements."""
    return ceil_div(elements * banks.element_bytes, banks.burst_bytes)


def weight_groups(banks: PimBanks, n: int) -> int:
    """Outputs per bank of a matrix with n output columns."""
    return ceil_div(n, banks.channels * banks.banks)


def weight_phases(banks: PimBanks, groups: int, k: int) -> tuple[Phase, ...]:
    """Phases of one matrix-vector product; rows are relative to the matrix."""
    phases, position, columns = [], 0, row_columns(banks)
    for part in segments(k, banks.segment):
        each = ceil_div(part, banks.lanes)
        phases.append((bursts(banks, part), groups, each, 0, position // columns, position % columns))
        position += groups * each
    return tuple(phases)


def weight_rows(banks: PimBanks, n: int, k: int) -> int:
    """Rows per bank of a weight matrix."""
    each = sum(ceil_div(part, banks.lanes) for part in segments(k, banks.segment))
    return ceil_div(weight_groups(banks, n) * each, row_columns(banks))


def partial_sums(banks: PimBanks, k: int) -> int:
    """Partial results per output that the vector unit has to add."""
    return len(segments(k, banks.segment))


def key_segments(banks: PimBanks, heads: int, head_dim: int) -> list[int]:
    """Heads per segment of a key vector: whole heads, as many as the global buffer holds."""
    return segments(heads, max(1, banks.segment // head_dim))


def key_visits(banks: PimBanks, slot: int, heads: int, head_dim: int) -> list[int]:
    """Bursts per row visit when the key of the `slot`-th token of a bank is written, segment by segment.

    Slots follow each other without gaps, so a key may go on in the next row.
    """
    columns, visits = row_columns(banks), []
    for part in key_segments(banks, heads, head_dim):
        left = part * ceil_div(head_dim, banks.lanes)
        start = slot * left % columns
        while left:
            here = min(left, columns - start)
            visits.append(ceil_div(here * banks.lanes * banks.element_bytes, banks.burst_bytes))
            left, start = left - here, 0
    return visits


def _key_segment_rows(banks: PimBanks, reserve: int, heads: int, head_dim: int) -> int:
    slots = ceil_div(reserve, banks.channels * banks.banks)
    return ceil_div(slots * heads * ceil_div(head_dim, banks.lanes), row_columns(banks))


def key_rows(banks: PimBanks, reserve: int, heads: int, head_dim: int) -> int:
    """Rows per bank of one layer's K cache for `reserve` tokens."""
    return sum(_key_segment_rows(banks, reserve, part, head_dim) for part in key_segments(banks, heads, head_dim))


def score_phases(banks: PimBanks, slots: int, reserve: int, heads: int, head_dim: int) -> tuple[Phase, ...]:
    """Phases of q . K for `slots` tokens per bank: a score per head and token."""
    phases, row, each = [], 0, ceil_div(head_dim, banks.lanes)
    for part in key_segments(banks, heads, head_dim):
        phases.append((bursts(banks, part * head_dim), slots * part, each, 0, row, 0))
        row += _key_segment_rows(banks, reserve, part, head_dim)
    return tuple(phases)


@cache
def value_groups(banks: PimBanks, heads: int, head_dim: int) -> tuple[int, ...]:
    """Groups per head on a channel that stands for all, in order.

    It has as many groups as any channel has, and as many heads: each head is an input of its own to load. Where no
    channel has both, it is a little slower than the slowest one.

    A head has ceil(head_dim / banks) groups (a group never mixes heads: all banks share one input); groups are dealt
    to channels in contiguous runs.
    """
    per_head = ceil_div(head_dim, banks.banks)
    total = heads * per_head
    best: list[int] = []
    most = 0
    for channel in range(banks.channels):
        first, stop = channel * total // banks.channels, (channel + 1) * total // banks.channels
        loads: dict[int, int] = {}
        for group in range(first, stop):
            loads[group // per_head] = loads.get(group // per_head, 0) + 1
        run = list(loads.values())
        most = max(most, len(run))
        if (sum(run), len(run)) > (sum(best), len(best)):
            best = run
    while len(best) < most:
        longest, count = max(enumerate(best), key=lambda item: item[1])
        best[longest : longest + 1] = [count - count // 2, count // 2]
    return tuple(best)


def row_tokens(banks: PimBanks) -> int:
    """Tokens in one row of the V cache: whole segments, so that no product crosses a row."""
    return banks.row_elements // banks.segment * banks.segment


def value_column_rows(banks: PimBanks, reserve: int) -> int:
    """Rows that one V column owns."""
    return ceil_div(reserve, row_tokens(banks))


def value_rows(banks: PimBanks, reserve: int, heads: int, head_dim: int) -> int:
    """Rows per bank of one layer's V cache for `reserve` tokens."""
    return sum(value_groups(banks, heads, head_dim)) * value_column_rows(banks, reserve)


def value_phases(banks: PimBanks, tokens: int, reserve: int, heads: int, head_dim: int) -> tuple[Phase, ...]:
    """Phases of p . V over `tokens` tokens on the busiest channel."""
    phases, first, stride = [], 0, value_column_rows(banks, reserve)
    for groups in value_groups(banks, heads, head_dim):
        start = 0
        for part in segments(tokens, banks.segment):
            row = first * stride + start // row_tokens(banks)
            phases.append((bursts(banks, part), groups, ceil_div(part, banks.lanes), stride, row, 0))
            start += part
        first += groups
    return tuple(phases)


def token_quantum(banks: PimBanks) -> int:
    """Token counts that round up to the same multiple of this give the same value phases."""
    whole = banks.burst_bytes % banks.element_bytes == 0
    return gcd(banks.lanes, banks.burst_bytes // banks.element_bytes) if whole else 1
