from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim import BadInput, Component, Cost, Design, DoesNotFit, OpCall, load_design, load_workload, map
from archsim.ir.component import MainMemory
from archsim.ir.main_memory import check_main_memory, resident

SIZES = {"systolic": "array.memory_size", "t4": "processor.memory_size", "fusemax": "dram.size"}


@pytest.mark.parametrize("model", ["gpt2-small", "llama-2-7b", "llama-3.2-1b", "bert-base"])
def test_weights_are_the_parameters(model: str) -> None:
    graph = load_workload(model, phase="prefill", prompt=16).expand()
    assert resident(graph).weights == 2 * graph.parameters
    assert resident(graph, 4).weights == -(-graph.parameters // 2)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_the_cache_counts_at_its_longest(prompt: int, generate: int, batch: int) -> None:
    graph = load_workload("llama-3.2-1b", phase="generate", prompt=prompt, generate=generate, batch=batch).expand()
    kept, heads, size, layers = resident(graph).cache, 8, 64, 16
    # The last token is made, but its keys and values serve nobody.
    assert kept == batch * layers * 2 * heads * size * (prompt + generate - 1) * 2


@pytest.mark.parametrize(("design", "field"), SIZES.items())
def test_the_last_byte_decides(design: str, field: str) -> None:
    graph = load_workload("gpt2-small", phase="decode", context=100).expand()
    need = resident(graph, 32 if design == "t4" else 16).nbytes
    check_main_memory(graph, load_design(design, set={field: f"{need} B"}))
    with pytest.raises(DoesNotFit) as caught:
        check_main_memory(graph, load_design(design, set={field: f"{need - 1} B"}))
    assert (caught.value.need, caught.value.have, caught.value.where) == (need, need - 1, field)
    assert sum(caught.value.terms.values()) == need


def test_what_is_advised_fits() -> None:
    options = {"phase": "decode", "context": 1024}
    with pytest.raises(DoesNotFit, match=r"processor.dtype of at most 16 bits \| --set processor.memory_size=null"):
        map("t4", "llama-2-7b", **options)
    map("t4", "llama-2-7b", set={"processor.dtype": "fp16"}, **options)
    map("t4", "llama-2-7b", set={"processor.memory_size": None}, **options)
    with pytest.raises(DoesNotFit, match="a shorter context or a smaller batch"):
        map("t4", "gpt2-xl", phase="decode", context=1000, batch=20)
    map("t4", "gpt2-xl", phase="decode", context=1000, batch=2)


def test_a_width_that_is_not_that_of_all_tensors_is_no_advice() -> None:
    mixed = {"workload.precision.qkv": "int8", "array.memory_size": "62 MiB"}
    with pytest.raises(DoesNotFit) as caught:
        map("systolic", "gpt2-small", phase="decode", context=100, set=mixed)
    assert "workload.dtype" not in str(caught.value)


def test_what_is_no_memory_is_an_error_of_who_wrote_it() -> None:
    class Wrong(Component, kind="test_wrong_memory"):
        def cost(self, op: OpCall) -> Cost:
            return Cost(1)

        @property
        def stores(self) -> MainMemory | None:
            return 1000  # type: ignore[return-value]

    class Machine(Design, kind="test_machine_of_a_wrong_memory"):
        unit: Wrong = Wrong()

    with pytest.raises(BadInput, match="stores is 1000, not a MainMemory"):
        map(Machine(), "gemm:8,8,8")


def test_nothing_is_as_good_as_no_memory() -> None:
    with pytest.raises(BadInput):
        load_design("systolic", set={"array.memory_size": 0})


class Half(Component, kind="test_half_of_the_memory"):
    """A unit with a part of the memory, or one that does not say."""

    room: int = 0

    def cost(self, op: OpCall) -> Cost:
        return Cost(1)

    @property
    def stores(self) -> MainMemory | None:
        return MainMemory("room", self.room) if self.room else None


class Halves(Design, kind="test_halves_of_the_memory"):
    """Two units that share the weights."""

    left: Half = Half()
    right: Half = Half()


def test_units_share_their_memories_if_all_say_how_much() -> None:
    graph = load_workload("gemm:64,64,64").expand()
    need = resident(graph).nbytes
    assert need == 64 * 64 * 2
    check_main_memory(graph, Halves(left=Half(room=1)))
    check_main_memory(graph, Halves(left=Half(room=1), right=Half(room=need - 1)))
    with pytest.raises(DoesNotFit) as caught:
        check_main_memory(graph, Halves(left=Half(room=1), right=Half(room=need - 2)))
    assert caught.value.where == "left.room, right.room"
