"""What COSMA's equations leave open: each of these would be found cheaper if the gap were not closed."""

from __future__ import annotations

from archsim.ir.tensorgraph import TensorGraph, TensorOp
from archsim.mappers.residency.cosma import cosma
from archsim.mappers.residency.problem import Problem


def graph(sizes: dict[str, int], *ops: tuple[str, str, str]) -> Problem:
    made = tuple(TensorOp(name, tuple(reads.split()), tuple(writes.split())) for name, reads, writes in ops)
    return Problem.of(TensorGraph("gap", made, sizes))


def test_two_ops_never_run_in_one_step() -> None:
    """Two readers of one large input; together they would read it once, one after the other they need room."""
    problem = graph({"x": 8, "a": 4, "b": 4, "c": 2}, ("f", "x", "a"), ("g", "x", "b"), ("h", "a b", "c"))
    found = cosma(problem, max(problem.working_set))
    assert found.schedule is not None
    assert len(set(found.schedule.order)) == 3
    assert found.schedule.cost * problem.unit == 2 * 4  # a leaves while g runs


def test_nothing_is_on_chip_before_it_is_written() -> None:
    problem = graph({"x": 1, "a": 3, "b": 3, "c": 1}, ("f", "x", "a"), ("g", "a", "b"), ("h", "a b x", "c"))
    found = cosma(problem, max(problem.working_set))
    assert found.schedule is not None
    for stay in found.schedule.stays:
        writer = problem.writer[stay.tensor]
        assert writer < 0 or found.schedule.order.index(writer) <= stay.first


def test_a_tensor_that_is_kept_keeps_its_bytes_to_itself() -> None:
    """With addresses: what stays over an op shares no byte with its operands, also beyond its own last use."""
    problem = graph(
        {"x": 2, "a": 2, "b": 2, "c": 2, "d": 2}, ("f", "x", "a"), ("g", "a", "b"), ("h", "b", "c"), ("i", "a c", "d")
    )
    placed = cosma(problem, 3, addresses=True)  # units of two bytes: room for three tensors
    assert placed.schedule is not None
    assert placed.outcome.objective == 0
    at = {
        (s.tensor, t): o
        for s, o in zip(placed.schedule.stays, placed.offsets, strict=True)
        for t in range(s.first, s.last + 1)
    }
    for step in range(4):
        here = [offset for (_, t), offset in at.items() if t == step]
        assert len(here) == len(set(here))


def test_an_op_waits_also_where_no_tensor_says_so() -> None:
    """Between the op that writes `a` and its reader a large one must run, and `a` finds no room beside it."""
    ops = (
        TensorOp("write", ("x",), ("a",)),
        TensorOp("large", ("y",), ("b",), ("write",)),
        TensorOp("read", ("a",), ("c",), ("large",)),
        TensorOp("one", ("x",), ("d",)),  # two that may run at any time, so that windows of steps alone force nothing
        TensorOp("two", ("x",), ("e",)),
    )
    problem = Problem.of(TensorGraph("after", ops, {"x": 1, "y": 8, "a": 4, "b": 1, "c": 1, "d": 1, "e": 1}))
    found = cosma(problem, 10)
    assert found.schedule is not None
    assert problem.legal(found.schedule.order)
    assert found.outcome.objective == 2 * 4
