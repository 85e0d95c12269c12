"""Does it find what trying everything finds, and does it claim nothing that trying everything refutes?"""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.mappers import Buffer, Gap, allocate
from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.packing import Packer
from tests.mappers_allocation.reference import buffer_lists, least, packs


@settings(max_examples=150, deadline=None)
@given(buffer_lists())
def test_the_least_height_is_found_and_proved(buffers: list[Buffer]) -> None:
    found = allocate(buffers)
    found.check()
    assert found.height == least(buffers)
    assert found.proof == "optimal"


@settings(max_examples=150, deadline=None)
@given(buffer_lists(), st.integers(0, 3))
def test_a_search_alone_decides_every_height(buffers: list[Buffer], below: int) -> None:
    packer = Packer(buffers, Budget(100_000))
    height = max(0, least(buffers) - below) // packer.unit * packer.unit
    answer = packer.below(height, 100_000)
    assert (answer.offsets is not None) == packs(buffers, height)
    assert answer.infeasible == (not packs(buffers, height))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3)), max_size=14),
    st.integers(0, 2),
)
def test_what_falls_apart_in_time_is_decided_as_if_it_did_not(rows: list[tuple[int, ...]], spare: int) -> None:
    buffers = [Buffer("long", 0, 26, 1), Buffer("half", 8, 18, 2)]
    buffers += [
        Buffer(str(i), lower, lower + length, size, align) for i, (lower, length, size, align) in enumerate(rows)
    ]
    height = allocate(buffers, nodes=0).load + spare
    roof = Buffer("roof", 0, 27, 1, offset=height)  # placed last, so that the parts hang together until then
    apart = Packer(buffers, Budget(20_000)).below(height, 20_000)
    joined = Packer([*buffers, roof], Budget(20_000)).below(height + 1, 20_000)
    if (apart.offsets or apart.infeasible) and (joined.offsets or joined.infeasible):
        assert apart.infeasible == joined.infeasible


@settings(max_examples=60, deadline=None)
@given(buffer_lists(most=7, gaps=False, fixed=False), st.integers(1, 12))
def test_a_capacity_is_met_or_proved_too_small(buffers: list[Buffer], capacity: int) -> None:
    found = allocate(buffers, capacity)
    found.check()
    assert found.fits == packs(buffers, capacity)
    assert found.fits or (found.proof == "infeasible" and found.why)


@settings(max_examples=100, deadline=None)
@given(buffer_lists(most=4, windows=True))
def test_windows_are_placed_rightly_and_nothing_is_claimed_that_is_not_so(buffers: list[Buffer]) -> None:
    found = allocate(buffers, nodes=2000)
    found.check()
    best = least(buffers)
    assert found.lower_bound <= best <= found.height
    assert found.proof != "optimal" or found.height == best


@settings(max_examples=60, deadline=None)
@given(buffer_lists(most=6), st.integers(0, 2**32 - 1), st.integers(1, 16))
def test_the_order_of_the_rows_and_the_direction_of_time_do_not_matter(
    buffers: list[Buffer], seed: int, capacity: int
) -> None:
    mixed = Random(seed).sample(buffers, len(buffers))
    late = [Buffer(b.id, b.lower + 1000, b.upper + 1000, b.size, b.alignment, (), b.offset) for b in buffers]
    back = [Buffer(b.id, -b.upper, -b.lower, b.size, b.alignment, (), b.offset) for b in buffers]
    assert allocate(mixed, capacity).fits == allocate(buffers, capacity).fits
    assert allocate(mixed).height == allocate(buffers).height
    firm = [b for b in late if b.offset is not None]
    if not firm:  # without gaps fixed buffers may clash
        assert allocate(late).height == allocate(back).height


@settings(max_examples=40, deadline=None)
@given(buffer_lists(most=6))
def test_more_room_never_fits_less(buffers: list[Buffer]) -> None:
    fits = [allocate(buffers, capacity).fits for capacity in range(1, 20)]
    assert fits == sorted(fits)


@settings(max_examples=60, deadline=None)
@given(buffer_lists(most=6), st.integers(2, 1000))
def test_bytes_may_come_in_larger_units(buffers: list[Buffer], unit: int) -> None:
    large = [
        Buffer(
            b.id,
            b.lower,
            b.upper,
            b.size * unit,
            b.alignment * unit,
            b.gaps,
            None if b.offset is None else b.offset * unit,
        )
        for b in buffers
    ]
    assert allocate(large).height == allocate(buffers).height * unit


@settings(max_examples=150, deadline=None)
@given(buffer_lists(most=4, windows=True))
def test_the_least_height_is_proved_where_others_lie_between_parts_of_a_buffer(buffers: list[Buffer]) -> None:
    found = allocate(buffers)
    found.check()
    assert found.height == least(buffers)
    assert found.proof == "optimal"


def test_a_buffer_above_another_one_now_and_below_it_later() -> None:
    """Each keeps its upper half while the other begins, and its lower half later."""
    one = Buffer("one", 0, 6, 8, gaps=(Gap(1, 3, (4, 8)), Gap(3, 6, (0, 4))))
    other = Buffer("other", 1, 7, 8, gaps=(Gap(1, 3, (0, 4)), Gap(3, 6, (4, 8))))
    found = allocate([one, other])
    assert (found.height, found.proof) == (8, "optimal")
