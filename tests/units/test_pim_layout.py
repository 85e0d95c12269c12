"""Every weight, cached key and cached value has exactly one place, and the phases walk over those and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.ir.capability import PimBanks
from archsim.memory.channel import CLOSED
from archsim.models.pim_dram.build import channel, pim_banks
from archsim.models.pim_dram.spec import PimMemory
from archsim.units import pim_layout as lay
from tests.memory.cases import memories

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
Place = tuple[int, int]
"""(row, column) in every bank."""
banks_of = memories().map(pim_banks)
heads_of = st.integers(1, 6)


def walked(banks: PimBanks, phases: tuple[lay.Phase, ...]) -> Iterator[tuple[int, int, Place]]:
    """(phase, result, place) of every column that the phases multiply, as the scheduler walks them."""
    columns = lay.row_columns(banks)
    for index, (_, results, each, stride, row, column) in enumerate(phases):
        for result in range(results):
            for step in range(each):
                if stride:
                    yield index, result, (row + result * stride, step)
                else:
                    position = row * columns + column + result * each + step
                    yield index, result, divmod(position, columns)


@settings(CI, max_examples=300)
@given(banks_of, st.integers(1, 60), st.integers(1, 200))
def test_weights_fill_their_rows_without_gaps_or_overlaps(banks: PimBanks, n: int, k: int) -> None:
    """Every bank holds `groups` output columns; the reduction of each is cut into segments that fit the buffer."""
    groups = lay.weight_groups(banks, n)
    assert (groups - 1) * banks.channels * banks.banks < n <= groups * banks.channels * banks.banks
    phases = lay.weight_phases(banks, groups, k)
    places = Counter(place for _, _, place in walked(banks, phases))
    assert set(places.values()) == {1}
    columns = lay.row_columns(banks)
    assert sorted(places) == [divmod(i, columns) for i in range(len(places))]
    assert {row for row, _ in places} == set(range(lay.weight_rows(banks, n, k)))
    parts = lay.segments(k, banks.segment)
    assert sum(parts) == k
    assert len(parts) == len(phases) == lay.partial_sums(banks, k)
    for part, (loads, results, each, *_) in zip(parts, phases, strict=True):
        assert 0 < part * banks.element_bytes <= banks.buffer_bytes
        assert (loads - 1) * banks.burst_bytes < part * banks.element_bytes <= loads * banks.burst_bytes
        assert (each - 1) * banks.lanes < part <= each * banks.lanes
        assert results == groups


def key_place(
    banks: PimBanks, token: int, head: int, element: int, reserve: int, heads: int, dim: int
) -> tuple[int, ...]:
    """(bank, row, column, lane) by the layout's own words, in every size that the code does not use."""
    bank, slot = token % (banks.channels * banks.banks), token // (banks.channels * banks.banks)
    fit, row = max(1, banks.segment // dim), 0
    each, slots = -(-dim // banks.lanes), -(-reserve // (banks.channels * banks.banks))
    for first in range(0, heads, fit):
        part = min(fit, heads - first)
        if first <= head < first + part:
            column = (slot * part + head - first) * each + element // banks.lanes
            return bank, row + column // lay.row_columns(banks), column % lay.row_columns(banks), element % banks.lanes
        row += -(-slots * part * each // lay.row_columns(banks))
    raise AssertionError


@settings(CI, max_examples=200)
@given(banks_of, st.data())
def test_every_cached_key_element_has_one_place_that_scores_visit(banks: PimBanks, data: st.DataObject) -> None:
    heads, dim = data.draw(heads_of), data.draw(st.integers(1, min(banks.segment, 12)))
    reserve = data.draw(st.integers(1, 40))
    size = (reserve, heads, dim)
    every = [(t, h, e) for t in range(reserve) for h in range(heads) for e in range(dim)]
    places = {(t, h, e): key_place(banks, t, h, e, *size) for t, h, e in every}
    assert len(set(places.values())) == len(every)
    used = {place[1:3] for place in places.values()}
    assert {row for row, _ in used} <= set(range(lay.key_rows(banks, *size)))
    assert max(row for row, _ in used) == lay.key_rows(banks, *size) - 1
    for tokens in {1, reserve // 2 + 1, reserve}:
        slots = -(-tokens // (banks.channels * banks.banks))
        visited = Counter(place for _, _, place in walked(banks, lay.score_phases(banks, slots, *size)))
        assert set(visited.values()) == {1}
        wanted = {place[1:3] for (t, _, _), place in places.items() if t // (banks.channels * banks.banks) < slots}
        assert wanted == set(visited)
    token = data.draw(st.integers(0, reserve - 1))
    mine = [place for (t, _, _), place in places.items() if t == token]
    assert len({place[0] for place in mine}) == 1
    visits = lay.key_visits(banks, token // (banks.channels * banks.banks), heads, dim)
    segments = {(h // max(1, banks.segment // dim), places[token, h, e][1]) for h in range(heads) for e in range(dim)}
    assert len(visits) == len(segments)
    assert sum(visits) * banks.burst_bytes >= heads * dim * banks.element_bytes


def runs(banks: PimBanks, heads: int, dim: int) -> list[list[int]]:
    """Heads of the groups of each channel: groups of up to one feature per bank, dealt in contiguous, equal runs."""
    groups = [head for head in range(heads) for _ in range(0, dim, banks.banks)]
    ends = [c * len(groups) // banks.channels for c in range(banks.channels + 1)]
    return [groups[a:b] for a, b in pairwise(ends)]


@settings(CI, max_examples=300)
@given(banks_of, heads_of, st.integers(1, 70))
def test_value_groups_stand_for_every_channel(banks: PimBanks, heads: int, dim: int) -> None:
    groups, dealt = lay.value_groups(banks, heads, dim), runs(banks, heads, dim)
    assert sum(len(run) for run in dealt) == heads * -(-dim // banks.banks)
    assert sum(groups) == max(len(run) for run in dealt)
    assert len(groups) == max(len(set(run)) for run in dealt)
    assert min(groups) >= 1


@settings(CI, max_examples=300)
@given(memories(), heads_of, st.integers(1, 70), st.integers(1, 60))
def test_no_channel_takes_longer_than_the_one_that_stands_for_all(
    memory: PimMemory, heads: int, dim: int, tokens: int
) -> None:
    """Where a segment fills a row; in smaller ones, a head with a single group finds its row still open."""
    memory = memory.vary(buffer=memory.row_bytes)
    banks, one = pim_banks(memory), channel(memory)

    def time(groups: list[int]) -> int:
        phases, first, stride = [], 0, lay.value_column_rows(banks, tokens)
        for head in groups:
            for start in range(0, tokens, banks.segment):
                part = min(banks.segment, tokens - start)
                row = first * stride + start // (banks.row_elements // banks.segment * banks.segment)
                phases.append((lay.bursts(banks, part), head, lay.ceil_div(part, banks.lanes), stride, row, 0))
            first += head
        return one.multiply(phases, 1, CLOSED, one.fresh_timers).done

    standing = one.multiply(lay.value_phases(banks, tokens, tokens, heads, dim), 1, CLOSED, one.fresh_timers).done
    for run in runs(banks, heads, dim):
        if run:
            assert time(list(Counter(run).values())) <= standing


@settings(CI, max_examples=300)
@given(banks_of, heads_of, st.integers(1, 40), st.integers(1, 60), st.integers(0, 20))
def test_every_cached_value_has_one_place_that_products_visit(
    banks: PimBanks, heads: int, dim: int, tokens: int, spare: int
) -> None:
    """A group of features shares row numbers; its tokens lie along the row, and a segment never crosses a row."""
    reserve, groups = tokens + spare, sum(lay.value_groups(banks, heads, dim))
    stride, usable = lay.value_column_rows(banks, reserve), banks.row_elements // banks.segment * banks.segment
    places = {
        (group, token): (group * stride + token // usable, token % usable // banks.lanes, token % usable % banks.lanes)
        for group in range(groups)
        for token in range(reserve)
    }
    assert len(set(places.values())) == len(places)
    assert all(column < lay.row_columns(banks) for _, column, _ in places.values())
    assert max(row for row, _, _ in places.values()) < lay.value_rows(banks, reserve, heads, dim)
    phases = lay.value_phases(banks, tokens, reserve, heads, dim)
    visited = Counter(row for _, _, (row, _) in walked(banks, phases))
    wanted = Counter(row for row, _ in {places[g, t][:2] for g in range(groups) for t in range(tokens)})
    assert visited == wanted  # as many columns of each row as hold tokens
    assert all(each <= lay.row_columns(banks) for _, _, each, *_ in phases)


@settings(CI, max_examples=300)
@given(banks_of, heads_of, st.integers(1, 40), st.integers(1, 80))
def test_token_counts_that_round_up_alike_have_the_same_phases(
    banks: PimBanks, heads: int, dim: int, tokens: int
) -> None:
    quantum = lay.token_quantum(banks)
    rounded = lay.ceil_div(tokens, quantum) * quantum
    assert lay.value_phases(banks, tokens, 200, heads, dim) == lay.value_phases(banks, rounded, 200, heads, dim)


@given(st.integers(1, 500), st.integers(1, 50))
def test_segments_cut_without_loss_full_ones_first(total: int, longest: int) -> None:
    parts = lay.segments(total, longest)
    assert sum(parts) == total
    assert set(parts[:-1]) <= {longest}
    assert 0 < parts[-1] <= longest
