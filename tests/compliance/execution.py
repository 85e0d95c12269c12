"""What every mapping must compute. Subclass, give `mapper` and `small`, and all of it is tested by executing it."""

from __future__ import annotations

import pytest

from archsim.ir.mapper import Mapper
from tests.compliance.mapper import Case

ORDERS = range(3)
"""Seeds of weights, and of orders in which units run ahead of each other."""


class ExecutionCompliance:
    """A mapping runs on arrays, tile by tile and address by address, and equals the plain graph to rounding."""

    @pytest.fixture
    def mapper(self) -> Mapper:
        """The mapper under test."""
        raise NotImplementedError

    @pytest.fixture
    def small(self) -> Case:
        """A graph and a design that the mapper accepts, small enough to be executed."""
        raise NotImplementedError

    def test_it_computes_the_graph(self, mapper: Mapper, small: Case) -> None:
        found = mapper.map(*small).execute(*small)
        assert found.ok, "\n".join(found.lines())

    @pytest.mark.parametrize("seed", ORDERS)
    def test_it_computes_the_graph_in_every_order_that_it_allows(self, mapper: Mapper, small: Case, seed: int) -> None:
        found = mapper.map(*small).execute(*small, seed=seed, order="any")
        assert found.ok, "\n".join(found.lines())
