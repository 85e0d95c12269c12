"""Text and einsums say the same, and a text that is wrong is told where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.cascade.einsum import Access, Constant, Einsum, Index, Operand
from archsim.ir.cascade.masks import Mask
from archsim.ir.cascade.parse import parse_access, parse_call, parse_einsum

ranks = st.from_regex(r"[a-z][a-z0-9_]{0,2}", fullmatch=True)
tensors = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,3}", fullmatch=True)
indices = st.one_of(
    st.builds(Index, ranks),
    st.builds(Index, ranks, step=st.just(1)),
    st.builds(Index, ranks, over=st.integers(2, 9) | st.sampled_from(["G", "G2"])),
    st.builds(Index, ranks, final=st.just(True)),
)
accesses = st.builds(Access, tensors, st.lists(indices, max_size=4).map(tuple))
constants = st.builds(Constant, st.integers(-99, 99).map(float) | st.sampled_from(["M", "D0"]))


@st.composite
def einsums(draw: st.DrawFn) -> Einsum:
    """Of every form; whether the ranks fit together is another question."""
    output = Access(draw(tensors), tuple(Index(rank) for rank in draw(st.lists(ranks, unique=True, max_size=4))))
    operands: list[Operand] = [draw(accesses)]
    name = draw(st.sampled_from(["copy", "mul", "add", "sub", "div", "max", "exp", "subexp", "sqrt", "rsqrt", "log"]))
    extra = {"copy": 0, "exp": 0, "sqrt": 0, "rsqrt": 0, "log": 0}.get(name, 1)
    extra += draw(st.integers(0, 2)) if name in ("mul", "add") else 0
    operands += [draw(accesses | constants) for _ in range(extra)]
    over = tuple(draw(st.lists(ranks, unique=True, max_size=2)))
    return Einsum(output, name, tuple(operands), draw(st.sampled_from(["sum", "max"])) if over else "", over)


@given(einsums())
def test_text_reads_back(einsum: Einsum) -> None:
    assert parse_einsum(str(einsum)) == einsum
    assert parse_einsum(str(einsum).replace(" ", "")) == einsum


@given(st.text(alphabet="QKm1p[],=+-*/() exsum.", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        einsum = parse_einsum(text)
    except BadInput as error:
        place = error.where
    else:
        place = f"einsum {einsum.name}"
        assert parse_einsum(str(einsum)) == einsum
    assert place.startswith("einsum")


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        ("QK[m,p = Q[p]", "expected ']', found '='", 8),
        ("QK[m,p] Q[p]", "expected '=', found 'Q'", 9),
        ("QK[m,p] =", "expected a tensor, found the end", 10),
        ("QK[m,p] = sum(e) q", "expected a tensor, found 'q'", 18),
        ("A[m] = B[m] + C[m] * D[m]", "an einsum has one operator", 20),
        ("A[m] = B[m] - C[m] - D[m]", "an einsum has one operator", 26),
        ("A[m] = exp(B[m]) * C[m]", "an einsum has one operator", 18),
        ("A[m] = sqrt(B[m] - C[m])", "only exp takes a difference", 18),
        ("A[m+2] = B[m]", "a step of 2", 5),
        ("A[m] = B[m//0]", "divided by '0'", 13),
        ("A[Mm] = B[m]", "'Mm' is not a rank", 3),
        ("A[m] = B[m] !", "expected the end, found '!'", 13),
    ],
)
def test_errors_show_the_place(text: str, what: str, at: int) -> None:
    with pytest.raises(BadInput) as error:
        parse_einsum(text)
    assert error.value.what == f"{what}, at character {at}"
    assert error.value.right.startswith(f"{text}\n{' ' * (at - 1)}^")


def test_unknown_operators() -> None:
    with pytest.raises(UnknownName, match="einsum A  unknown operator 'expp', did you mean 'exp'"):
        parse_einsum("A[m] = expp(B[m])")
    with pytest.raises(UnknownName, match="einsum A  unknown reduce operator 'prod'"):
        parse_einsum("A[p] = prod(m) B[m,p]")


def test_inputs_are_declared_with_plain_ranks() -> None:
    assert parse_access("Q[b,h]") == Access("Q", (Index("b"), Index("h")))
    for text in ("K[h//G]", "K[m1+1]", "K[M]"):
        with pytest.raises(BadInput, match="plain ranks"):
            parse_access(text)


@pytest.mark.parametrize("text", ["causal(m,p)", "window(m,p,128)", "window(m,p,W)"])
def test_masks_read_back(text: str) -> None:
    assert str(Mask.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["causal(m)", "causal(m,p,3)", "window(m,p)", "window(m,p,0)", "window(m,p,w)", "sink(m,p)"]
)
def test_masks_that_are_none(text: str) -> None:
    with pytest.raises(BadInput) as error:
        Mask.parse(text)
    assert error.value.where == f"mask {text}"


def test_calls() -> None:
    assert parse_call("f(a, 2)") == ("f", ("a", "2"))
    with pytest.raises(BadInput, match="expected '\\)'"):
        parse_call("f(a")
