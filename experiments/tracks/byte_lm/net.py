"""The tiny GPT of byte-lm in torch: parameters by name, and the forward pass. Worker processes only.

Weights come from NumPy streams, one for each matrix, so that a change of one part leaves the others' draws
alone. There are no biases. Norm gains start at 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ...expr import Expr, ExprError
from .design import Design, Matrix
from .draws import stream

__all__ = [
    "Activation",
    "Gpt",
    "attention_bias",
    "draw_weights",
    "mix_heads",
    "normalise",
    "rotary",
    "rotary_angles",
    "std_of",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

_WEIGHTS: Final = 1  # purpose of random streams
_TINY: Final = 1e-5  # of norms, as in GPT-2
_ROTARY_BASE: Final = (
    10_000.0  # Su et al. 2021 (arXiv 2104.09864); so are the sinusoids of Vaswani et al. 2017
)


def std_of(law: Expr, matrix: Matrix, depth: int) -> float:
    """The standard deviation that a law gives a matrix; ExprError if it is none."""
    std = law.evaluate(
        {
            "fan_in": float(matrix.fan_in),
            "fan_out": float(matrix.fan_out),
            "depth": float(depth),
            "layer": float(matrix.layer),
        }
    )
    if std < 0:
        raise ExprError(f"init_std is negative for {matrix.name}")
    return std


def draw_weights(law: Expr, design: Design, seed: int) -> Iterator[tuple[Matrix, FloatArray]]:
    """Normal weights (fan_out, fan_in) of every matrix, with the standard deviation that the law says."""
    for number, matrix in enumerate(design.matrices()):
        noise = stream(seed, _WEIGHTS, number).standard_normal((matrix.fan_out, matrix.fan_in))
        yield matrix, noise * std_of(law, matrix, design.depth)


class Gpt(torch.nn.Module):
    """The model that a design says, over given matrices (fan_out, fan_in)."""

    bias: torch.Tensor
    waves: torch.Tensor
    angles: torch.Tensor

    def __init__(self, design: Design, weights: Mapping[str, FloatArray], activate: Activation) -> None:
        super().__init__()
        self._design = design
        self._activate = activate
        self.matrices = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.from_numpy(value.copy())) for name, value in weights.items()}
        )
        self.gains = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.ones(design.width)) for name in _norms(design)}
        )
        self.register_buffer("bias", attention_bias(design), persistent=False)
        if design.positions == "sinusoidal":
            self.register_buffer("waves", _sinusoids(design.context, design.width), persistent=False)
        if design.positions == "rotary":
            self.register_buffer("angles", rotary_angles(design.context, design.head_size), persistent=False)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """Logits (n, length, 256) of the next byte after each of text (n, length), int64."""
        design, length = self._design, text.shape[1]
        hidden = functional.embedding(text, self.matrices["embedding"].t())
        if design.positions == "learned":
            hidden = hidden + self.matrices["positions"].t()[:length]
        elif design.positions == "sinusoidal":
            hidden = hidden + self.waves[:length].to(hidden.dtype)
        for layer in design.blocks:
            hidden = self._part(hidden, f"attention{layer}", self._attention, layer)
            hidden = self._part(hidden, f"feed{layer}", self._feed, layer)
        if design.norm_place == "pre":
            hidden = self._normed(hidden, "last")
        head = self.matrices["embedding"].t() if design.tied else self.matrices["head"]
        logits: torch.Tensor = functional.linear(hidden, head)
        cap = design.logit_cap
        if cap > 0:
            logits = cap * torch.tanh(logits / cap)
        return logits

    def _part(
        self,
        hidden: torch.Tensor,
        name: str,
        compute: Callable[[torch.Tensor, int], torch.Tensor],
        layer: int,
    ) -> torch.Tensor:
        if self._design.norm_place == "pre":
            return hidden + compute(self._normed(hidden, name), layer)
        return self._normed(hidden + compute(hidden, layer), name)

    def _normed(self, hidden: torch.Tensor, name: str) -> torch.Tensor:
        if self._design.norm == "none":
            return hidden
        scaled: torch.Tensor = normalise(self._design.norm, hidden) * self.gains[name]
        return scaled

    def _attention(self, hidden: torch.Tensor, layer: int) -> torch.Tensor:
        design, (count, length, _) = self._design, hidden.shape

        def heads(kind: str, number: int) -> torch.Tensor:
            flat = functional.linear(hidden, self.matrices[f"{kind}{layer}"])
            return flat.view(count, length, number, design.head_size).transpose(1, 2)

        query, key = heads("query", design.heads), heads("key", design.kv_heads)
        value = heads("value", design.kv_heads)
        mixed = mix_heads(design, (query, key, value), self.bias, getattr(self, "angles", None))
        flat = mixed.transpose(1, 2).reshape(count, length, design.width)
        return functional.linear(flat, self.matrices[f"mix{layer}"])

    def _feed(self, hidden: torch.Tensor, layer: int) -> torch.Tensor:
        up = functional.linear(hidden, self.matrices[f"up{layer}"])
        if self._design.gated:
            gate = functional.linear(hidden, self.matrices[f"gate{layer}"])
            inner = self._activate(gate).to(up.dtype) * up
        else:
            inner = self._activate(up).to(up.dtype)
        return functional.linear(inner, self.matrices[f"down{layer}"])


def mix_heads(
    design: Design,
    heads: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    bias: torch.Tensor,
    angles: torch.Tensor | None,
) -> torch.Tensor:
    """Attention of queries (n, heads, length, size) over keys and values (n, kv_heads, length, size)."""
    query, key, value = heads
    length = query.shape[2]
    if design.qk_norm:
        query, key = normalise("rmsnorm", query), normalise("rmsnorm", key)
    if angles is not None:
        query, key = rotary(query, angles[:length]), rotary(key, angles[:length])
    if design.kv_heads != design.heads:
        shared = design.heads // design.kv_heads
        key, value = key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1)
    seen = bias[:, :length, :length].to(query.dtype)
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)


def normalise(kind: str, hidden: torch.Tensor) -> torch.Tensor:
    """Layer norm or root mean square norm over the last dimension, without gain."""
    if kind == "layernorm":
        return functional.layer_norm(hidden, hidden.shape[-1:], eps=_TINY)
    return functional.rms_norm(hidden, hidden.shape[-1:], eps=_TINY)


def attention_bias(design: Design) -> torch.Tensor:
    """What is added to the scores, (1 or heads, context, context): -inf where attention must not look."""
    place = torch.arange(design.context)
    back = place[:, None] - place[None, :]
    hidden = (back < 0) | (back >= design.window)
    slopes = torch.zeros(1)
    if design.positions == "alibi":  # Press et al. 2021 (arXiv 2108.12409)
        slopes = 2.0 ** (-8.0 * torch.arange(1, design.heads + 1) / design.heads)
    bias = -slopes[:, None, None] * back
    return bias.masked_fill(hidden, -math.inf)


def rotary(heads: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn each pair of channels (i, i + half) of heads (n, heads, length, size) by angles (length, half)."""
    first, second = heads.chunk(2, dim=-1)
    # Angles of hundreds of radians mean nothing in bfloat16; their cosines do.
    cos, sin = torch.cos(angles).to(heads.dtype), torch.sin(angles).to(heads.dtype)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def rotary_angles(context: int, size: int) -> torch.Tensor:
    """Angles (context, size / 2) of rotary positions."""
    half = size // 2
    speeds = _ROTARY_BASE ** (-torch.arange(half) / half)
    return torch.arange(context)[:, None] * speeds


def _sinusoids(context: int, width: int) -> torch.Tensor:
    half = (width + 1) // 2
    angles = torch.arange(context)[:, None] * _ROTARY_BASE ** (-torch.arange(half) / half)
    return torch.cat((torch.sin(angles), torch.cos(angles)), dim=1)[:, :width]


def _norms(design: Design) -> Iterator[str]:
    if design.norm == "none":
        return
    for layer in design.blocks:
        yield f"attention{layer}"
        yield f"feed{layer}"
    if design.norm_place == "pre":
        yield "last"
