"""The shape of a dense transformer: everything that decides its operators and its parameter count, and nothing else."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, ValidationInfo, field_validator

from archsim.core.errors import BadInput
from archsim.core.spec import Spec

Family = Literal["decoder", "encoder"]
Activation = Literal["gelu", "relu", "silu"]
Norm = Literal["layernorm", "rmsnorm"]
Position = Literal["learned", "rope", "none"]


class ModelShape(Spec):
    """A stack of identical dense transformer layers with its embeddings and head; no mixture of experts."""

    name: str = Field(min_length=1)
    """Name in tables and reports."""
    source: str = ""
    """Where the numbers come from."""
    family: Family = "decoder"
    """A decoder is causal, has a KV cache and a vocabulary head; an encoder sees all tokens at once and has neither."""

    layers: PositiveInt
    """Transformer layers."""
    d_model: PositiveInt
    """Width of the residual stream."""
    heads: PositiveInt
    """Query heads."""
    kv_heads: NonNegativeInt = 0
    """Key and value heads, each shared by heads / kv_heads query heads; 0 stands for as many as heads."""
    head_dim: NonNegativeInt = 0
    """Size of one head; 0 stands for d_model / heads."""
    d_ff: NonNegativeInt = 0
    """Width of the feed-forward layer; 0 stands for 4 * d_model."""
    gated: bool = False
    """Whether the feed-forward has a second input matrix whose activated output gates the first (SwiGLU)."""
    activation: Activation = "gelu"
    """Nonlinearity of the feed-forward."""

    norm: Norm = "layernorm"
    """layernorm has a gain and a bias, rmsnorm a gain."""
    post_norm: bool = False
    """Normalise after each residual sum (BERT) instead of before each block; there is no final norm then."""
    embed_norm: bool = False
    """A norm after the embeddings (BERT, BLOOM)."""
    qkv_bias: bool = False
    """Bias of the query, key and value projections."""
    proj_bias: bool = False
    """Bias of the attention output projection."""
    ffn_bias: bool = False
    """Biases of the feed-forward matrices."""

    position: Position = "rope"
    """learned adds a table, rope rotates queries and keys, none does neither."""
    max_positions: PositiveInt
    """Positions the model was made for; the rows of a learned table."""
    spare_positions: NonNegativeInt = 0
    """Rows of a learned position table that no position uses (OPT: 2)."""
    vocab: PositiveInt
    """Rows of the token embedding, padding included where the checkpoint has it."""
    tied: bool = False
    """Whether the vocabulary head is the token embedding."""
    token_types: NonNegativeInt = 0
    """Rows of a token type table added to the embedding (BERT: 2)."""
    pooler: bool = False
    """A dense layer with bias on the first token (BERT)."""

    published_parameters: PositiveInt | None = None
    """Parameter count stated by the source, to check the shape against."""
    published_tolerance: NonNegativeFloat = 0.0
    """Relative distance that rounding of the stated count explains; 0 where it is the exact count of a checkpoint."""

    @field_validator("kv_heads")
    @classmethod
    def _shares_evenly(cls, kv_heads: int, info: ValidationInfo) -> int:
        heads = info.data.get("heads", 0)
        if kv_heads and heads % kv_heads:
            raise BadInput(
                f"{heads} heads cannot share {kv_heads} KV heads evenly",
                right=f"kv_heads divides heads: {', '.join(str(n) for n in range(1, heads + 1) if heads % n == 0)}",
                try_="kv_heads: 0 for as many as heads",
            )
        return kv_heads or heads

    @field_validator("head_dim")
    @classmethod
    def _splits_the_width(cls, head_dim: int, info: ValidationInfo) -> int:
        width, heads = info.data.get("d_model", 0), info.data.get("heads", 1)
        if not head_dim and width % heads:
            raise BadInput(
                f"d_model {width} does not split into {heads} heads",
                right="heads divides d_model, or head_dim says how large a head is",
                try_=f"head_dim: {max(1, round(width / heads))}",
            )
        return head_dim or width // heads

    @field_validator("d_ff")
    @classmethod
    def _widens(cls, d_ff: int, info: ValidationInfo) -> int:
        return d_ff or 4 * int(info.data.get("d_model", 0))

    @field_validator("position")
    @classmethod
    def _rotates_pairs(cls, position: Position, info: ValidationInfo) -> Position:
        head_dim = info.data.get("head_dim", 0)
        if position == "rope" and head_dim % 2:
            raise BadInput(f"rope rotates pairs of elements, head_dim {head_dim} is odd", right="an even head_dim")
        return position

    @field_validator("spare_positions")
    @classmethod
    def _spares_need_a_table(cls, spare: int, info: ValidationInfo) -> int:
        position = info.data.get("position")
        if spare and position in ("rope", "none"):
            raise BadInput(f"position {position!r} has no table that could have spare rows", right="0")
        return spare

    @field_validator("tied")
    @classmethod
    def _ties_a_head(cls, tied: bool, info: ValidationInfo) -> bool:
        if tied and info.data.get("family") == "encoder":
            raise BadInput("an encoder has no vocabulary head to tie", right="false", try_="family: decoder")
        return tied

    @field_validator("pooler")
    @classmethod
    def _pools_an_encoder(cls, pooler: bool, info: ValidationInfo) -> bool:
        if pooler and info.data.get("family") == "decoder":
            raise BadInput(
                "a decoder ends in its vocabulary head, not in a pooler", right="false", try_="family: encoder"
            )
        return pooler

    @property
    def qkv_columns(self) -> int:
        """Output columns of the fused query, key and value projection, in this order."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim

    def parameters(self) -> int:
        """Parameters of the whole model in closed form."""
        d, attended = self.d_model, self.heads * self.head_dim
        norm = d * (2 if self.norm == "layernorm" else 1)
        inner = self.d_ff * (2 if self.gated else 1)  # columns of all matrices that widen
        attention = d * self.qkv_columns + attended * d + self.qkv_bias * self.qkv_columns + self.proj_bias * d
        feed_forward = d * inner + self.d_ff * d + self.ffn_bias * (inner + d)
        positions = (self.max_positions + self.spare_positions) * d if self.position == "learned" else 0
        embeddings = (self.vocab + self.token_types) * d + positions + self.embed_norm * norm
        final_norm = 0 if self.post_norm else norm
        head = 0 if self.tied or self.family == "encoder" else self.vocab * d
        pooler = self.pooler * (d * d + d)
        return embeddings + self.layers * (attention + feed_forward + 2 * norm) + final_norm + head + pooler
