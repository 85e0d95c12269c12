"""Lone operators, so that any unit can be probed: ``gemm:128,768,768`` and the like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, field_validator

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.affine import affine
from archsim.ir.graph import DType, Graph, Op, Role, Tensor
from archsim.ir.workload import Workload

Dims = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Parsed:
    """An operator text taken apart."""

    name: str
    sizes: Dims
    """Size names as `FORMS` has them -> value."""
    causal: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """What an operator's text looks like."""

    sizes: tuple[str, ...]
    meaning: str
    causal: bool = False
    """Whether ``,causal`` may follow."""

    def __str__(self) -> str:
        return ",".join(self.sizes) + ("[,causal]" if self.causal else "")


_ROWS = Form(("M", "N"), "rows, row length")
FORMS: Mapping[str, Form] = {
    "gemm": Form(("M", "N", "K"), "rows, output columns, reduction"),
    "attention": Form(
        ("B", "H", "KV", "NQ", "NK", "D"), "batch, heads, KV heads, query length, key length, head size", causal=True
    ),
    **dict.fromkeys(("softmax", "layernorm", "rmsnorm", "gelu", "relu", "silu", "add"), _ROWS),
    "copy": Form(("BYTES",), "bytes copied"),
}
"""Operator -> its form."""


def parse(text: str) -> Parsed:
    """Take an operator text apart.

    Raises
    ------
    BadInput
        An unknown operator, a wrong number of sizes, or a size that is no positive whole number.

    >>> parse("gemm:128,768,64").sizes
    {'M': 128, 'N': 768, 'K': 64}
    """
    name, _, rest = text.strip().partition(":")
    if name not in FORMS:
        raise UnknownName("operator", name, FORMS)
    form = FORMS[name]
    parts = [part.strip() for part in rest.split(",")] if rest.strip() else []
    causal = bool(parts) and parts[-1] == "causal"
    numbers = parts[:-1] if causal and form.causal else parts
    right = f"{name}:{form} ({form.meaning}), each a whole number >= 1"
    example = f"{name}:{','.join(['128'] * len(form.sizes))}"
    if len(numbers) != len(form.sizes):
        count = f"{len(numbers)} size{'' if len(numbers) == 1 else 's'}"
        raise BadInput(f"{text}: needs {form}, got {count}", right=right, try_=example)
    for size, number in zip(form.sizes, numbers, strict=True):
        if not re.fullmatch(r"[0-9]+", number) or int(number) < 1:
            raise BadInput(f"{text}: {size} is {number!r}, not a whole number >= 1", right=right, try_=example)
    parsed = Parsed(name, {size: int(number) for size, number in zip(form.sizes, numbers, strict=True)}, causal)
    if name == "attention":
        _check_attention(text, parsed)
    return parsed


def _check_attention(text: str, parsed: Parsed) -> None:
    s = parsed.sizes
    if s["H"] % s["KV"]:
        raise BadInput(
            f"{text}: {s['H']} heads cannot share {s['KV']} KV heads evenly",
            right="KV divides H",
            try_=f"KV = {s['H']} (one per head) or 1",
        )
    if parsed.causal and s["NQ"] > s["NK"]:
        raise BadInput(
            f"{text}: {s['NQ']} causal queries cannot be the last of {s['NK']} keys",
            right="causal needs NQ <= NK: query i of the last NQ positions sees its past and itself",
            try_=("NK >= NQ", "leave out ,causal"),
        )


def _well_formed(text: str) -> str:
    parse(text)
    return text.strip()


class Operator(Workload, kind="op"):
    """One operator on tensors that start and end in memory."""

    op: Annotated[str, AfterValidator(_well_formed)]
    """The operator with its sizes, such as 'gemm:128,768,768' (rows, output columns, reduction)."""
    dtype: DType = DType.BF16
    """Element type of all its tensors."""

    @field_validator("dtype")
    @classmethod
    def _copies_whole_elements(cls, dtype: DType, info: ValidationInfo) -> DType:
        text = info.data.get("op", "")
        parsed = parse(text) if text else None
        if parsed is not None and parsed.name == "copy" and parsed.sizes["BYTES"] * 8 % dtype.bits:
            raise BadInput(
                f"{text} is no whole number of {dtype} elements",
                right=f"a multiple of {dtype.bits // 8} bytes",
                try_=(f"copy:{parsed.sizes['BYTES'] // 4 * 4 + 4}", "dtype: int8"),
            )
        return dtype

    @property
    def label(self) -> str:
        """The text it was given as."""
        return self.op

    def expand(self) -> Graph:
        """One op; attention is scores, softmax and values."""
        parsed = parse(self.op)
        tensors = _Bench(self.dtype)
        ops = _BUILDERS.get(parsed.name, _rows)(parsed, tensors)
        return Graph(self.op, ops, tensors.table)


class _Bench:
    """Names tensors of one element type."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype
        self.table: dict[str, Tensor] = {}

    def add(self, name: str, role: Role, **dims: int) -> str:
        """Keep a tensor and return its name."""
        sizes = tuple((dim, affine(size)) for dim, size in dims.items())
        self.table[name] = Tensor(name, sizes, self.dtype, role)
        return name


def _op(name: str, kind: str, inputs: tuple[str, ...], output: str, *, causal: bool = False, **dims: int) -> Op:
    return Op(name, kind, {dim: affine(size) for dim, size in dims.items()}, inputs, (output,), causal)


def _gemm(parsed: Parsed, tensors: _Bench) -> tuple[Op, ...]:
    m, n, k = parsed.sizes.values()
    a = tensors.add("a", Role.INPUT, m=m, k=k)
    w = tensors.add("w", Role.WEIGHT, n=n, k=k)
    return (_op("gemm", "matmul", (a, w), tensors.add("out", Role.OUTPUT, m=m, n=n), m=m, n=n, k=k),)


def _attention(parsed: Parsed, tensors: _Bench) -> tuple[Op, ...]:
    b, h, kv, nq, nk, d = parsed.sizes.values()
    q = tensors.add("q", Role.INPUT, m=b * nq, n=h * d)
    keys = tensors.add("k_cache", Role.KV, b=b, kv=kv, t=nk, d=d)
    values = tensors.add("v_cache", Role.KV, b=b, kv=kv, t=nk, d=d)
    scores = tensors.add("scores", Role.ACTIVATION, b=b, h=h, q=nq, t=nk)
    probs = tensors.add("probs", Role.ACTIVATION, b=b, h=h, q=nq, t=nk)
    out = tensors.add("out", Role.OUTPUT, m=b * nq, n=h * d)
    space = {"b": b, "h": h, "kv": kv, "q": nq, "t": nk, "d": d}
    causal = parsed.causal
    return (
        _op("scores", "attention_scores", (q, keys), scores, causal=causal, **space),
        _op("softmax", "softmax", (scores,), probs, causal=causal, m=b * h * nq, n=nk),
        _op("values", "attention_values", (probs, values), out, causal=causal, **space),
    )


def _rows(parsed: Parsed, tensors: _Bench) -> tuple[Op, ...]:
    name = parsed.name
    m, n = parsed.sizes.values()
    inputs = [tensors.add("a", Role.INPUT, m=m, n=n)]
    if name == "add":
        inputs.append(tensors.add("b", Role.INPUT, m=m, n=n))
    if name in ("layernorm", "rmsnorm"):
        inputs.append(tensors.add("gain", Role.WEIGHT, n=n))
    if name == "layernorm":
        inputs.append(tensors.add("bias", Role.WEIGHT, n=n))
    return (_op(name, name, tuple(inputs), tensors.add("out", Role.OUTPUT, m=m, n=n), m=m, n=n),)


def _copy(parsed: Parsed, tensors: _Bench) -> tuple[Op, ...]:
    n = parsed.sizes["BYTES"] * 8 // tensors.dtype.bits
    a, out = tensors.add("a", Role.INPUT, m=1, n=n), tensors.add("out", Role.OUTPUT, m=1, n=n)
    return (_op("copy", "copy", (a,), out, m=1, n=n),)


_BUILDERS: Mapping[str, Callable[[Parsed, _Bench], tuple[Op, ...]]] = {
    "gemm": _gemm,
    "attention": _attention,
    "copy": _copy,
}
