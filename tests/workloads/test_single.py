"""Lone operators."""

from __future__ import annotations

import pytest

from archsim.core.errors import BadInput
from archsim.ir.graph import DType
from archsim.workloads import Operator
from archsim.workloads.single import FORMS, parse

MIB = 1 << 20


@pytest.mark.parametrize(
    ("text", "macs", "elements"),
    [
        ("gemm:128,768,64", 128 * 768 * 64, 128 * 64 + 768 * 64 + 128 * 768),
        ("attention:2,8,2,1,100,64", 2 * 2 * 8 * 100 * 64, 2 * (2 * 2 * 100 * 64) + 2 * (2 * 8 * 64)),
        ("attention:1,4,4,3,5,8,causal", 2 * 4 * 8 * (3 + 4 + 5), 2 * (4 * 5 * 8) + 2 * (3 * 4 * 8)),
        ("softmax:8,100", 0, 2 * 800),
        ("layernorm:8,100", 0, 2 * 800 + 200),
        ("rmsnorm:8,100", 0, 2 * 800 + 100),
        ("gelu:8,100", 0, 2 * 800),
        ("add:8,100", 0, 3 * 800),
        ("copy:1048576", 0, MIB),
    ],
)
def test_macs_and_bytes(text: str, macs: int, elements: int) -> None:
    graph = Operator(op=text, dtype=DType.BF16).expand()
    assert graph.macs == macs
    assert graph.compulsory_bytes == 2 * elements
    assert Operator(op=text, dtype=DType.FP32).expand().compulsory_bytes == (2 if "copy" in text else 4) * elements
    assert graph == Operator(op=text).expand()


def test_attention_is_three_ops() -> None:
    graph = Operator(op="attention:1,8,2,16,64,32,causal").expand()
    assert [op.kind for op, _ in graph.walk()] == ["attention_scores", "softmax", "attention_values"]
    assert all(op.causal for op, _ in graph.walk())
    assert graph.ops["softmax"][0].extents({}) == {"m": 8 * 16, "n": 64}


def test_labels() -> None:
    workload = Operator(op=" gemm:1,2,3 ")
    assert (workload.label, workload.phase_name, workload.tokens) == ("gemm:1,2,3", "op", 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gemm:128,768", "gemm:128,768: needs M,N,K, got 2 sizes"),
        ("gemm:", "needs M,N,K, got 0 sizes"),
        ("gemm", "needs M,N,K, got 0 sizes"),
        ("gemm:1,2,3,4", "needs M,N,K, got 4 sizes"),
        ("gemm:1,2,3,causal", "needs M,N,K, got 4 sizes"),
        ("gemm:1,-2,3", "N is '-2', not a whole number >= 1"),
        ("gemm:1,2,0", "K is '0', not a whole number >= 1"),
        ("gemm:1,2.5,3", "N is '2.5', not a whole number >= 1"),
        ("gemm:1,,3", "N is '', not a whole number >= 1"),
        ("copy:1e6", "BYTES is '1e6', not a whole number >= 1"),
        ("softmax:4", "needs M,N, got 1 size\n"),
        ("attention:1,8,8,1,64", "needs B,H,KV,NQ,NK,D[,causal], got 5 sizes"),
        ("attention:1,8,3,1,64,64", "8 heads cannot share 3 KV heads evenly"),
        ("attention:1,8,8,65,64,64,causal", "65 causal queries cannot be the last of 64 keys"),
        ("gem:1,2,3", "unknown operator 'gem', did you mean 'gemm'?"),
    ],
)
def test_a_wrong_text_teaches(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert says in str(caught.value) + "\n"
    assert caught.value.right


@pytest.mark.parametrize("name", FORMS)
def test_the_example_of_every_form_parses(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(f"{name}:")
    (example,) = caught.value.tries
    assert Operator(op=example).expand().name == example
