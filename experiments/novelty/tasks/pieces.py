"""Tasks of gates, halves and pieces of activations, and of what is done to the channels of maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..structure.formula import Array
from .task import Answer, Input, Task

__all__ = ["PIECE_TASKS"]

Generator = np.random.Generator


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gelu(x: Array) -> Array:
    from scipy.special import erf

    return np.asarray(x * 0.5 * (1 + erf(x / np.sqrt(2))))


_GATES: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("glu", _sigmoid),
    ("swiglu", lambda x: x * _sigmoid(x)),
    ("geglu", _gelu),
    ("geglu", lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    ("reglu", lambda x: np.maximum(x, 0.0)),
    ("bilinear-glu", lambda x: x),
)


def _wide(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(5, 8)) * 1.5,)


def _gate_answers() -> tuple[Answer, ...]:
    return tuple(
        Answer(technique, _gated(gate, odd=odd, swapped=swapped))
        for technique, gate in _GATES
        for odd in (False, True)
        for swapped in (False, True)
    )


def _gated(gate: Callable[[Array], Array], *, odd: bool, swapped: bool) -> Callable[[Array], Array]:
    def value(x: Array) -> Array:
        half = x.shape[-1] // 2
        parts = [x[..., ::2], x[..., 1::2]] if odd else [x[..., :half], x[..., half:]]
        u, v = parts[::-1] if swapped else parts
        return np.asarray(u * gate(v))

    return value


def _signs(x: Array) -> Array:
    return np.concatenate([np.maximum(x, 0.0), np.maximum(-x, 0.0)], axis=-1)


def _paired_signs(x: Array) -> Array:
    return np.stack([np.maximum(x, 0.0), np.maximum(-x, 0.0)], axis=-1).reshape(len(x), -1)


def _channel_signs(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(3, 6, 4, 5)) * 1.5,)


def _pieces(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=(4, 6)), rng.normal(size=(5, 6, 3)), rng.normal(size=(5, 3))


def _halves_max(x: Array) -> Array:
    half = x.shape[-1] // 2
    return np.maximum(x[..., :half], x[..., half:])


def _shuffle(x: Array, groups: float) -> Array:
    count = round(groups)
    if count < 2 or x.shape[1] % count:
        raise ValueError("no such groups")
    split = x.reshape(len(x), count, -1, *x.shape[2:])
    return np.asarray(np.swapaxes(split, 1, 2).reshape(x.shape))


PIECE_TASKS: tuple[Task, ...] = (
    Task(
        "halves",
        _wide,
        (
            *_gate_answers(),
            Answer("crelu", _signs),
            Answer("crelu", _paired_signs),
            Answer("max-feature-map", _halves_max),
            Answer("max-feature-map", lambda x: np.maximum(x[..., ::2], x[..., 1::2])),
        ),
    ),
    Task(
        "signs of maps",
        _channel_signs,
        (
            Answer("crelu", lambda x: np.concatenate([np.maximum(x, 0.0), np.maximum(-x, 0.0)], axis=1)),
            Answer(
                "crelu", lambda x: np.stack([np.maximum(x, 0), np.maximum(-x, 0)], 1).reshape(3, 12, 4, 5)
            ),
            Answer("max-feature-map", lambda x: np.maximum(x[:, :3], x[:, 3:])),
            Answer("global-average-pooling", lambda x: x.mean((2, 3))),
            Answer(
                "gem-pooling", lambda x, p: np.mean(np.maximum(x, 1e-6) ** p, (2, 3)) ** (1 / p), 1, ((3.0,),)
            ),
            Answer("channel-shuffle", _shuffle, 1, ((2.0,), (3.0,))),
        ),
    ),
    Task(
        "pieces",
        _pieces,
        (Answer("maxout", lambda x, w, b: np.max(np.einsum("ni,kio->kno", x, w) + b[:, None], axis=0)),),
    ),
)
