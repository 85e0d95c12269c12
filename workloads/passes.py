"""One pass of tokens through a model, op by op: what prefill and a decode step have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.ir.affine import Affine, affine
from archsim.ir.graph import DType, Item, Op, Repeat, Role, Tensor
from archsim.workloads.shape import ModelShape

LAYER = ("layer",)
"""Loops that own a copy of a layer's weights and of its part of the KV cache."""
Size = Affine | int
Dims = Mapping[str, Size]
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DTypes:
    """Element types by use. Norm gains and biases have the activations' type, since vector units consume them."""

    weight: DType
    act: DType
    kv: DType


def matrices(shape: ModelShape) -> dict[str, str]:
    """Ops of a model that have a weight matrix, and its name; a head that is tied to the embedding has none."""
    present = {
        "embed": "w_embed",
        "embed_pos": "w_pos" if shape.position == "learned" else "",
        "embed_type": "w_type" if shape.token_types else "",
        "qkv": "w_qkv",
        "proj": "w_proj",
        "ffn_up": "w_up",
        "ffn_gate": "w_gate" if shape.gated else "",
        "ffn_down": "w_down",
        "pooler": "w_pool" if shape.pooler else "",
        "lm_head": "w_head" if shape.family == "decoder" and not shape.tied else "",
    }
    return {op: matrix for op, matrix in present.items() if matrix}


@dataclass
class Tensors:
    """The tensors of a graph, collected while its ops are written down. Weights are shared by all passes."""

    dtypes: DTypes
    table: dict[str, Tensor] = field(default_factory=dict)
    widths: Mapping[str, DType] = field(default_factory=dict)
    """Weight matrix -> its own element type, where it has one."""

    def add(self, name: str, dtype: DType, dims: Dims, role: Role = Role.ACTIVATION, stacked: Names = ()) -> str:
        """Name a tensor. A later pass that names it again sets its size: the growing cache replaces the prompt's."""
        self.table[name] = Tensor(name, tuple((n, affine(size)) for n, size in dims.items()), dtype, role, stacked)
        return name

    def matrix(self, name: str, n: int, k: int, stacked: Names = ()) -> str:
        """A weight matrix with the reduction `k` contiguous, as matmul and embedding read it."""
        return self.add(name, self.widths.get(name, self.dtypes.weight), {"n": n, "k": k}, Role.WEIGHT, stacked)

    def vector(self, name: str, n: int, stacked: Names = ()) -> str:
        """A gain or bias."""
        return self.add(name, self.dtypes.act, {"n": n}, Role.WEIGHT, stacked)


@dataclass(frozen=True)
class Pass:
    """`q` new positions of each of `batch` sequences, each sequence then holding `keys` positions in all."""

    name: str
    """Phase, and so the prefix of every op and activation: prefill or decode."""
    shape: ModelShape
    batch: int
    q: int
    keys: Affine
    tensors: Tensors
    """Where the tensors of all passes of the graph are collected."""

    @property
    def rows(self) -> int:
        """Rows of all activations: new positions of all sequences."""
        return self.batch * self.q

    def items(self) -> tuple[Item, ...]:
        """The whole pass: embedding, layers, head."""
        return (*self.embedding(), Repeat("layer", self.shape.layers, self.layer()), *self.head())

    def embedding(self) -> list[Op]:
        """Token, position and token type embeddings summed into the residual stream ``x``."""
        s, rows, d = self.shape, self.rows, self.shape.d_model
        present = {
            "embed": True,
            "embed_add": s.position == "learned",
            "embed_type_add": s.token_types > 0,
            "embed_norm": s.embed_norm,
        }
        last = [name for name, here in present.items() if here][-1]
        out = {name: self._rows("x" if name == last else name, d) for name, here in present.items() if here}
        before = () if self.name == "prefill" else ("token",)  # a decode step looks up what the last step picked
        table = self.tensors.matrix("w_embed", s.vocab, d)
        x = out["embed"]
        ops = [self._op("embed", "embedding", (table, *before), (x,), self._over(d))]
        if "embed_add" in out:
            # One row per position, whatever the batch: all sequences are at the same one.
            found = self._act("embed_pos", {"m": self.q, "n": d})
            table = self.tensors.matrix("w_pos", s.max_positions + s.spare_positions, d)
            ops.append(self._op("embed_pos", "embedding", (table,), (found,), {"m": self.q, "n": d}))
            ops.append(self._op("embed_add", "add", (x, found), (x := out["embed_add"],), self._over(d)))
        if "embed_type_add" in out:
            found = self._rows("embed_type", d)
            table = self.tensors.matrix("w_type", s.token_types, d)
            ops.append(self._op("embed_type", "embedding", (table,), (found,), self._over(d)))
            ops.append(self._op("embed_type_add", "add", (x, found), (x := out["embed_type_add"],), self._over(d)))
        if "embed_norm" in out:
            ops.append(self._norm("embed_norm", x, out["embed_norm"], rows))
        return ops

    def layer(self) -> tuple[Op, ...]:
        """One layer; it reads the residual stream ``x`` and leaves the new one there."""
        d, rows, post = self.shape.d_model, self.rows, self.shape.post_norm
        x, middle = self._rows("x", d), self._rows("layer.mid", d)
        # Post-norm normalises the sums, pre-norm what enters the two blocks.
        first, second = [self._rows(f"layer.{'add' if post else 'norm'}{i}", d) for i in (1, 2)]
        attention, attended = self._attention(x if post else first)
        feed_forward, fed = self._feed_forward(middle if post else second)
        norm1 = self._norm("norm1", *((first, middle) if post else (x, first)), rows, LAYER)
        norm2 = self._norm("norm2", *((second, x) if post else (middle, second)), rows, LAYER)
        add1 = self._op("add1", "add", (x, attended), (first if post else middle,), self._over(d))
        add2 = self._op("add2", "add", (middle, fed), (second if post else x,), self._over(d))
        if post:
            return *attention, add1, norm1, *feed_forward, add2, norm2
        return norm1, *attention, add1, norm2, *feed_forward, add2

    def head(self) -> list[Op]:
        """What follows the layers: a decoder picks a token from the last position, an encoder pools the first."""
        s, d, x = self.shape, self.shape.d_model, self._rows("x", self.shape.d_model)
        act = self.tensors.dtypes.act
        ops = []
        if not s.post_norm:
            rows = self.batch if s.family == "decoder" else self.rows
            role = Role.OUTPUT if s.family == "encoder" and not s.pooler else Role.ACTIVATION
            normed = self.tensors.add(f"{self.name}.norm_f", act, {"m": rows, "n": d}, role)
            ops.append(self._norm("norm_f", x, normed, rows))
            x = normed
        if s.pooler:
            pooled = self.tensors.add(f"{self.name}.pooler", act, {"m": self.batch, "n": d}, Role.OUTPUT)
            weight, bias = self.tensors.matrix("w_pool", d, d), self.tensors.vector("b_pool", d)
            space: dict[str, Size] = {"m": self.batch, "n": d, "k": d}
            ops.append(self._op("pooler", "matmul", (x, weight), (pooled,), space, bias=bias))
        if s.family == "decoder":
            choices: dict[str, Size] = {"m": self.batch, "n": s.vocab}
            logits = self._act("logits", choices)
            token = self.tensors.add("token", DType.INT32, {"b": self.batch}, Role.OUTPUT)
            weight = self.tensors.matrix("w_embed" if s.tied else "w_head", s.vocab, d)
            ops.append(self._op("lm_head", "matmul", (x, weight), (logits,), {**choices, "k": d}))
            ops.append(self._op("pick", "argmax", (logits,), (token,), choices))
        return ops

    def _attention(self, x: str) -> tuple[list[Op], str]:
        """Ops from the normed input to the projected output, and the name of that output."""
        s, rows, kv = self.shape, self.rows, self.tensors.dtypes.kv
        wide, narrow = s.heads * s.head_dim, s.kv_heads * s.head_dim
        q, k, v = self._rows("layer.q", wide), self._rows("layer.k", narrow), self._rows("layer.v", narrow)
        ops = [self._layer_matmul("qkv", x, (q, k, v), n=s.qkv_columns, k=s.d_model, bias=s.qkv_bias)]
        if s.position == "rope":
            turned = self._rows("layer.q_rot", wide), self._rows("layer.k_rot", narrow)
            ops.append(self._op("rope", "rope", (q, k), turned, self._over(wide + narrow)))
            q, k = turned
        room: dict[str, Size] = {"b": self.batch, "kv": s.kv_heads, "t": self.keys, "d": s.head_dim}
        # An encoder keeps its keys and values no longer than the layer runs.
        kept = (Role.KV, LAYER) if s.family == "decoder" else (Role.ACTIVATION, ())
        keys, values = [self.tensors.add(name, kv, room, *kept) for name in ("k_cache", "v_cache")]
        ops.append(self._op("kv_append", "kv_append", (k, v), (keys, values), self._over(2 * narrow)))
        square: dict[str, Size] = {"b": self.batch, "h": s.heads, "q": self.q, "t": self.keys}
        space = {**square, "kv": s.kv_heads, "d": s.head_dim}
        rows_of_scores: dict[str, Size] = {"m": rows * s.heads, "n": self.keys}
        scores, probs = self._act("layer.scores", square), self._act("layer.probs", square)
        mixed, out = self._rows("layer.values", wide), self._rows("layer.proj", s.d_model)
        causal = s.family == "decoder" and self.q > 1  # a single query sees all keys either way
        ops.append(self._op("scores", "attention_scores", (q, keys), (scores,), space, causal=causal))
        ops.append(self._op("softmax", "softmax", (scores,), (probs,), rows_of_scores, causal=causal))
        ops.append(self._op("values", "attention_values", (probs, values), (mixed,), space, causal=causal))
        ops.append(self._layer_matmul("proj", mixed, (out,), n=s.d_model, k=wide, bias=s.proj_bias))
        return ops, out

    def _feed_forward(self, x: str) -> tuple[list[Op], str]:
        """Ops from the normed input to the narrowed output, and the name of that output."""
        s, d, wide = self.shape, self.shape.d_model, self.shape.d_ff
        up, hidden = self._rows("layer.ffn_up", wide), self._rows("layer.act", wide)
        ops = [self._layer_matmul("ffn_up", x, (up,), n=wide, k=d, bias=s.ffn_bias)]
        activated = up
        if s.gated:
            activated = self._rows("layer.ffn_gate", wide)
            ops.append(self._layer_matmul("ffn_gate", x, (activated,), n=wide, k=d, bias=s.ffn_bias))
        ops.append(self._op("act", s.activation, (activated,), (hidden,), self._over(wide)))
        if s.gated:
            gated = self._rows("layer.gate", wide)
            ops.append(self._op("gate", "gate", (hidden, up), (gated,), self._over(wide)))
            hidden = gated
        out = self._rows("layer.ffn_down", d)
        ops.append(self._layer_matmul("ffn_down", hidden, (out,), n=d, k=wide, bias=s.ffn_bias))
        return ops, out

    def _act(self, name: str, dims: Dims) -> str:
        return self.tensors.add(f"{self.name}.{name}", self.tensors.dtypes.act, dims)

    def _rows(self, name: str, n: int) -> str:
        return self._act(name, self._over(n))

    def _over(self, n: int) -> Dims:
        """The dims of `n` columns of all rows."""
        return {"m": self.rows, "n": n}

    def _op(
        self, name: str, kind: str, inputs: Names, outputs: Names, dims: Dims, *, causal: bool = False, bias: str = ""
    ) -> Op:
        sizes = {dim: affine(size) for dim, size in dims.items()}
        return Op(f"{self.name}.{name}", kind, sizes, inputs, outputs, causal, bias)

    def _layer_matmul(self, name: str, x: str, outputs: Names, *, n: int, k: int, bias: bool) -> Op:
        """A product of all rows with a layer's weight, named after the op: ``ffn_up`` has ``w_up`` and ``b_up``."""
        short = name.removeprefix("ffn_")
        weight = self.tensors.matrix(f"w_{short}", n, k, LAYER)
        added = self.tensors.vector(f"b_{short}", n, LAYER) if bias else ""
        return self._op(name, "matmul", (x, weight), outputs, {**self._over(n), "k": k}, bias=added)

    def _norm(self, name: str, x: str, out: str, rows: int, stacked: Names = ()) -> Op:
        d, kind = self.shape.d_model, self.shape.norm
        gains = [self.tensors.vector(f"g_{name}", d, stacked)]
        if kind == "layernorm":
            gains.append(self.tensors.vector(f"b_{name}", d, stacked))
        return self._op(name, kind, (x, *gains), (out,), {"m": rows, "n": d})
