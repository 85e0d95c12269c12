"""A transformer in one of its phases, as a workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import NonNegativeInt, PositiveInt, ValidationInfo, field_validator

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.affine import Affine, affine
from archsim.ir.graph import DType, Graph, Item, Repeat
from archsim.ir.workload import Workload
from archsim.workloads.catalog import load_shape
from archsim.workloads.passes import DTypes, Pass, Tensors, matrices
from archsim.workloads.shape import ModelShape

Phase = Literal["prefill", "decode", "generate"]

DEFAULT_TOKENS = 512
"""Prompt of a prefill, and context of a decode step, where none is given."""


class Transformer(Workload, kind="transformer"):
    """A model shape in a phase.

    prefill takes `prompt` tokens of every sequence at once. decode makes `generate` tokens one after the other, the
    first with `context` tokens already in the cache: step s attends to context + s + 1 keys. generate is a prefill of
    `prompt` tokens, which yields the first new token, and generate - 1 decode steps after it.
    """

    model: ModelShape
    """The model: a bundled name, the path of a YAML file, or the shape itself."""
    phase: Phase | None = None
    """What is done with it; by default what the counts below ask for: decode with `context` or without any count,
    generate with `generate`, prefill with `prompt` alone, and prefill for encoders, which have nothing else."""
    batch: PositiveInt = 1
    """Sequences processed together, all equally long."""
    prompt: PositiveInt | None = None
    """Tokens per sequence that prefill takes in; by default 512, and 1 in phase generate."""
    context: NonNegativeInt | None = None
    """Tokens per sequence already in the cache when decode starts; by default 512."""
    generate: PositiveInt | None = None
    """New tokens per sequence; by default 1 in phase decode and 32 in phase generate."""

    dtype: DType = DType.BF16
    """Element type of weights, activations and KV cache alike, unless one of the next three says otherwise."""
    weight_dtype: DType | None = None
    """Element type of weight matrices and embeddings."""
    act_dtype: DType | None = None
    """Element type of activations, norm gains and biases."""
    kv_dtype: DType | None = None
    """Element type of the KV cache."""
    precision: Mapping[str, DType] = {}
    """Element types of single weight matrices, by the op that reads them: {ffn_up: int4, qkv: int8}."""

    @field_validator("model", mode="before")
    @classmethod
    def _find_model(cls, model: object) -> object:
        return load_shape(model) if isinstance(model, str) else model

    @field_validator("phase")
    @classmethod
    def _has_phase(cls, phase: Phase | None, info: ValidationInfo) -> Phase | None:
        model = info.data.get("model")
        if phase in ("decode", "generate") and isinstance(model, ModelShape) and model.family == "encoder":
            raise BadInput(
                f"{model.name} is an encoder, it has no phase {phase}",
                right="prefill: an encoder takes all tokens at once and generates none",
                try_=("--phase prefill", _DECODER),
            )
        return phase

    @field_validator("prompt", "context", "generate")
    @classmethod
    def _fits_phase(cls, count: int | None, info: ValidationInfo) -> int | None:
        model, name = info.data.get("model"), str(info.field_name)
        if not count or not isinstance(model, ModelShape) or "phase" not in info.data:
            return count  # no tokens, or a wrong value elsewhere that is reported by itself
        encodes = model.family == "encoder"
        phase = "prefill" if encodes else info.data["phase"]
        if phase is None and name == "context" and info.data.get("prompt"):
            phase = "generate"
        if (phase, name) in _MEANINGLESS:
            raise BadInput(
                f"{name} {count} has no meaning in phase {phase}",
                right=_MEANINGLESS[phase, name],
                try_=_DECODER if encodes else [text.format(count=count) for text in _INSTEAD[phase, name]],
            )
        return count

    @field_validator("precision")
    @classmethod
    def _has_matrices(cls, precision: Mapping[str, DType], info: ValidationInfo) -> Mapping[str, DType]:
        model = info.data.get("model")
        if isinstance(model, ModelShape):
            known = matrices(model)
            for op in precision:
                if op == "lm_head" and model.tied:
                    raise BadInput(
                        f"the head of {model.name} is tied to its embedding", right="embed names both", try_="embed"
                    )
                if op not in known:
                    raise UnknownName("op", op, known)
        return precision

    @property
    def label(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def phase_name(self) -> Phase:
        """The phase, whether given or by default."""
        if self.phase is not None or self.model.family == "encoder":
            return self.phase or "prefill"
        if self.context is not None and self.prompt is None:
            return "decode"
        if self.generate is not None:
            return "generate"
        return "decode" if self.prompt is None else "prefill"

    @property
    def prompt_length(self) -> int:
        """Tokens per sequence that are taken in at once; 0 in phase decode."""
        default = {"prefill": DEFAULT_TOKENS, "decode": 0, "generate": 1}[self.phase_name]
        return default if self.prompt is None else self.prompt

    @property
    def new_tokens(self) -> int:
        """Tokens per sequence that are made; 0 in phase prefill."""
        default = {"prefill": 0, "decode": 1, "generate": 32}[self.phase_name]
        return default if self.generate is None else self.generate

    @property
    def decode_steps(self) -> int:
        """How often the model runs on one new token per sequence."""
        return self.new_tokens - (self.phase_name == "generate")

    @property
    def cached(self) -> int:
        """Tokens per sequence in the cache before the first decode step."""
        if self.phase_name == "decode":
            return DEFAULT_TOKENS if self.context is None else self.context
        return self.prompt_length

    @property
    def positions(self) -> int:
        """Positions per sequence that are attended to in the end."""
        return self.cached + self.decode_steps

    @property
    def tokens(self) -> int:
        """Tokens made by all sequences; in phase prefill, tokens taken in."""
        return self.batch * (self.new_tokens or self.prompt_length)

    def expand(self) -> Graph:
        """The operators: a prefill pass, and decode passes in a loop ``t``, as the phase has them."""
        weight, act, kv = (given or self.dtype for given in (self.weight_dtype, self.act_dtype, self.kv_dtype))
        known = matrices(self.model)
        tensors = Tensors(DTypes(weight, act, kv), widths={known[op]: dtype for op, dtype in self.precision.items()})
        items: list[Item] = []
        if self.prompt_length:
            prefill = Pass("prefill", self.model, self.batch, self.prompt_length, affine(self.prompt_length), tensors)
            items += prefill.items()
        if self.decode_steps:
            keys = Affine.var("token", base=self.cached + 1)
            step = Pass("decode", self.model, self.batch, 1, keys, tensors)
            items.append(Repeat("token", self.decode_steps, step.items()))
        return Graph(self._title(), tuple(items), tensors.table, self._notes())

    def _title(self) -> str:
        counts = {"prefill": ("prompt",), "decode": ("context", "generate"), "generate": ("prompt", "generate")}
        values = {"prompt": self.prompt_length, "context": self.cached, "generate": self.new_tokens}
        shown = " ".join(f"{name}={values[name]}" for name in counts[self.phase_name])
        return f"{self.label} {self.phase_name} batch={self.batch} {shown}"

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self.positions > self.model.max_positions:
            notes.append(
                f"{self.positions} positions exceed the {self.model.max_positions} that {self.label} was made for; "
                "computed as if it took them"
            )
        if self.model.pooler:
            notes.append("the tanh after the pooler is not counted")
        if self.precision:
            notes.append(f"weights of {', '.join(f'{op} {dtype}' for op, dtype in self.precision.items())}")
        return tuple(notes)


_DECODER = "a decoder such as gpt2-small"
_MEANINGLESS = {
    ("prefill", "context"): "nothing is cached before a prefill",
    ("prefill", "generate"): "a prefill makes no tokens",
    ("decode", "prompt"): "decode starts with tokens already in the cache",
    ("generate", "context"): "nothing is cached before the prompt",
}
_INSTEAD = {
    ("prefill", "context"): ("--prompt {count}", "--phase decode"),
    ("prefill", "generate"): ("--phase generate", "--phase decode"),
    ("decode", "prompt"): ("--context {count}", "--phase generate"),
    ("generate", "context"): ("--prompt {count}", "--phase decode"),
}
