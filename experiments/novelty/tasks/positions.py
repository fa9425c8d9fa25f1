"""Tasks of tables of positions, masks, biases and rotations.

Lengths, widths and windows are inputs; the base of the frequencies is a setting.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..structure.formula import Array
from .task import Answer, Input, Task

__all__ = ["POSITION_TASKS"]

Generator = np.random.Generator


def _length_and_width(rng: Generator) -> tuple[Input, ...]:
    return int(rng.integers(9, 14)), int(rng.choice([6, 8, 10, 12]))


def _waves(n: int, d: int, base: float, *, joined: bool) -> Array:
    angles = np.arange(n)[:, None] / base ** (np.arange(0, d, 2) / d)
    if joined:
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(n, -1)


def _length_and_size(rng: Generator) -> tuple[Input, ...]:
    return int(rng.integers(11, 15)), int(rng.integers(3, 6))


def _length(rng: Generator) -> tuple[Input, ...]:
    return (int(rng.integers(9, 14)),)


def _gaps(n: int) -> Array:
    return np.subtract.outer(np.arange(n), np.arange(n)).astype(np.float64)


def _window(n: int, w: int, *, extra: int = 0, causal: bool = True) -> Array:
    gaps = _gaps(n)
    near = gaps < w + extra if causal else np.abs(gaps) < w + extra
    return np.asarray(near & (gaps >= 0) if causal else near, dtype=np.float64)


def _prefix(n: int, p: int) -> Array:
    return np.asarray((_gaps(n) >= 0) | (np.arange(n) < p)[None, :], dtype=np.float64)


def _strided(n: int, s: int, *, extra: int = 0) -> Array:
    gaps = _gaps(n)
    return np.asarray((gaps >= 0) & ((gaps < s + extra) | (gaps % s == 0)), dtype=np.float64)


def _dilated(n: int, s: int) -> Array:
    gaps = _gaps(n)
    return np.asarray((gaps >= 0) & (gaps % s == 0), dtype=np.float64)


def _slopes(heads: int) -> Array:
    return np.asarray(2.0 ** (-8.0 * np.arange(1, heads + 1) / heads))


def _heads_and_length(rng: Generator) -> tuple[Input, ...]:
    return int(rng.choice([2, 4, 8])), int(rng.integers(9, 14))


def _heads(rng: Generator) -> tuple[Input, ...]:
    return (int(rng.choice([2, 4, 8, 16])),)


def _tokens(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(11, 8)),)


def _token_heads(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(2, 3, 11, 8)),)


def _token_batch(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(2, 11, 8)),)


def _token_heads_inner(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(2, 11, 3, 8)),)


def _placed(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=(11, 8)), np.arange(11.0)


def _turned(x: Array, base: float, *, halves: bool, axis: int = -2) -> Array:
    n, d = x.shape[axis], x.shape[-1]
    angles = np.arange(n)[:, None] / base ** (np.arange(0, d, 2) / d)
    if axis == -3:
        angles = angles[:, None]
    c, s = np.cos(angles), np.sin(angles)
    half = d // 2
    a, b = (x[..., :half], x[..., half:]) if halves else (x[..., ::2], x[..., 1::2])
    parts = (a * c - b * s, b * c + a * s)
    return np.concatenate(parts, -1) if halves else np.stack(parts, -1).reshape(x.shape)


def _turns(axis: int = -2) -> tuple[Answer, ...]:
    found = []
    for halves in (True, False):
        for sign in (1.0, -1.0):

            def value(x: Array, *rest: float, h: bool = halves, s: float = sign) -> Array:
                base = rest[-1]
                if base <= 1.0:
                    raise ValueError("no base")
                turned = _turned(x, base, halves=h, axis=axis)
                return turned if s > 0 else 2 * _even(x, base, halves=h, axis=axis) - turned

            found.append(Answer("rotary-embedding", value, 1, ((10_000.0,),)))
    return tuple(found)


def _even(x: Array, base: float, *, halves: bool, axis: int) -> Array:
    """The part of the rotation that is the same in both directions."""
    n, d = x.shape[axis], x.shape[-1]
    angles = np.arange(n)[:, None] / base ** (np.arange(0, d, 2) / d)
    if axis == -3:
        angles = angles[:, None]
    c = np.cos(angles)
    full = np.concatenate([c, c], -1) if halves else np.repeat(c, 2, axis=-1)
    return np.asarray(x * full)


def _bias(h: int, n: int, *, causal: bool) -> Array:
    gaps = np.maximum(_gaps(n), 0.0) if causal else np.abs(_gaps(n))
    return np.asarray(-_slopes(h)[:, None, None] * gaps)


_BASE = ((10_000.0,),)
POSITION_TASKS: tuple[Task, ...] = (
    Task(
        "length, width",
        _length_and_width,
        (
            Answer("sinusoidal-positions", lambda n, d, b: _waves(n, d, b, joined=False), 1, _BASE),
            Answer("sinusoidal-positions", lambda n, d, b: _waves(n, d, b, joined=True), 1, _BASE),
        ),
        ((0, 1), (1, 0)),
    ),
    Task(
        "length, window",
        _length_and_size,
        (
            Answer("prefix-lm-mask", _prefix),
            *(
                Answer("sliding-window-attention", partial(_window, extra=extra, causal=causal))
                for extra in (0, 1)
                for causal in (True, False)
            ),
            *(
                Answer("sparse-transformer", partial(_strided, extra=extra), mode="strided")
                for extra in (0, 1)
            ),
            Answer("dilated-attention", _dilated),
        ),
        ((0, 1), (1, 0)),
        mask=True,
    ),
    Task(
        "length",
        _length,
        (Answer("causal-masking", lambda n: (_gaps(n) >= 0).astype(np.float64)),),
        mask=True,
    ),
    Task("heads", _heads, (Answer("alibi", _slopes, mode="slopes"),)),
    Task(
        "heads, length",
        _heads_and_length,
        (
            Answer("alibi", lambda h, n: _bias(h, n, causal=False)),
            Answer("alibi", lambda h, n: _bias(h, n, causal=True)),
        ),
        ((0, 1), (1, 0)),
    ),
    Task("tokens", _tokens, _turns()),
    Task("tokens of a batch", _token_batch, _turns()),
    Task("tokens of heads", _token_heads, _turns()),
    Task("heads of tokens", _token_heads_inner, _turns(-3)),
    Task("tokens and places", _placed, _turns()),
)
