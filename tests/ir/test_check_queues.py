"""What tasks hand on in queues is proven entry by entry."""

from __future__ import annotations

import pytest

from archsim.ir.affine import affine
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.check_queues import Queues
from archsim.ir.mapping import After, Loop, Node, Task
from archsim.ir.queue import Queue, queue_of
from archsim.ir.unrolled import unrolled


def task(name: str, unit: str, *after: After, reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()) -> Task:
    return Task(name, "op", "work", unit, {"n": affine(1)}, {}, reads, writes, after)


def passes(*body: Node, placed: tuple[str, ...] = ()) -> None:
    queues = Queues(placed)
    for instance in unrolled(body):
        queues.pass_by(instance)


def test_names() -> None:
    for queue in (Queue("a.b"), Queue("gains", 1)):
        assert queue_of(str(queue)) == queue
    assert queue_of("a") is None


def streamed(distance: int) -> tuple[Node, ...]:
    """A load of the next panel before the work on each one."""
    first = task("first", "dram", writes=("x>",))
    load = task("load", "dram", writes=("x>",))
    work = task("work", "array", After("first"), After("load", distance), reads=("x>",))
    last = task("last", "array", After("load"), reads=("x>",))
    return first, Loop("i", 4, (load, work)), last


def test_each_reader_waits_for_its_own_entry() -> None:
    passes(*streamed(1))
    passes(*streamed(0))
    with pytest.raises(BadMapping, match=r"task work  reads x at i=1 but does not wait until load at i=0"):
        passes(*streamed(2))


def test_what_was_never_put_in_is_missed() -> None:
    with pytest.raises(BadMapping, match="takes entry 2 out of x, into which 1 were put"):
        passes(task("a", "u", writes=("x>",)), task("b", "u", reads=("x>",)), task("c", "u", reads=("x>",)))


@pytest.mark.parametrize(("waits", "fine"), [((After("use"),), True), ((), False)])
def test_an_entry_is_not_written_over_before_it_was_read(waits: tuple[After, ...], fine: bool) -> None:
    fetch = task("fetch", "banks", *waits, writes=("gains>1",))
    use = task("use", "lanes", After("fetch", 1), reads=("gains>1",))
    body = Loop("layer", 4, (fetch, use))
    passes(body)
    if fine:
        passes(body, placed=("gains",))
        return
    with pytest.raises(BadMapping, match=r"fetch at layer=1 may write over what use at layer=0 still reads"):
        passes(body, placed=("gains",))
