"""Tasks of normalisations: maps, rows and vectors, with and without gain and shift.

References are written from the papers' formulae; numbers of groups and windows are settings.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..structure.formula import Array
from .task import Answer, Input, Task

__all__ = ["NORM_TASKS"]

Generator = np.random.Generator
_GAIN = frozenset({"g", "gamma", "gain", "scale"})
_SHIFT = frozenset({"b", "beta", "bias", "shift"})


def _centred(x: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(x - x.mean(axis=axes, keepdims=True))


def _standard(*axes: int) -> Callable[..., Array]:
    def value(x: Array) -> Array:
        return np.asarray(_centred(x, axes) / x.std(axis=axes, keepdims=True))

    return value


def _standard_unbiased(*axes: int) -> Callable[..., Array]:
    def value(x: Array) -> Array:
        return np.asarray(_centred(x, axes) / x.std(axis=axes, keepdims=True, ddof=1))

    return value


def _by_rms(axis: int) -> Callable[..., Array]:
    return lambda x: np.asarray(x / np.sqrt(np.mean(x**2, axis=axis, keepdims=True)))


def _by_length(axis: int) -> Callable[..., Array]:
    return lambda x: np.asarray(x / np.linalg.norm(x, axis=axis, keepdims=True))


def _grouped(x: Array, groups: float) -> Array:
    count = round(groups)
    if count < 2 or x.shape[1] % count or count == x.shape[1] or count != groups:
        raise ValueError("no such groups")
    split = x.reshape(len(x), count, -1)
    return np.asarray(_centred(split, (2,)) / split.std(axis=2, keepdims=True)).reshape(x.shape)


def _response(x: Array, space: tuple[int, int], channel: int) -> Array:
    size = np.sqrt(np.sum(x**2, axis=space, keepdims=True))
    return np.asarray(size / size.mean(axis=channel, keepdims=True))


def _by_neighbours(x: Array, size: float, alpha: float, k: float) -> Array:
    n = round(size)
    if n != size or not 2 <= n <= x.shape[1]:
        raise ValueError("no such window")
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - n // 2) : c + n // 2 + 1]
        out[:, c] = x[:, c] / (k + alpha * np.sum(near**2, axis=1)) ** 0.75
    return out


def _maps(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(3, 6, 4, 5)) * 3.0 + rng.normal(size=(1, 6, 1, 1)) + 1.0,)


def _scaled_maps(rng: Generator) -> tuple[Input, ...]:
    """Channels last, with a gain and a shift a channel."""
    return (rng.normal(size=(3, 4, 5, 6)) * 3.0 + 1.0, rng.normal(size=6), rng.normal(size=6))


def _scaled_maps_first(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(3, 6, 4, 5)) * 3.0 + 1.0, rng.normal(size=(6, 1, 1)), rng.normal(size=(6, 1, 1)))


def _vector(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=8) * 2.0 + 0.7,)


def _scaled_vector(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=8) * 3.0 + 0.7, rng.normal(size=8), rng.normal(size=8))


def _gained_vector(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=8) * 3.0 + 0.7, rng.normal(size=8))


def _scaled_rows(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(5, 8)) * 3.0 + 0.7, rng.normal(size=8), rng.normal(size=8))


def _gained_rows(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(5, 8)) * 3.0 + 0.7, rng.normal(size=8))


def _gain(value: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda x, g: np.asarray(value(x) * g)


def _affine(value: Callable[[Array], Array]) -> Callable[[Array, Array, Array], Array]:
    return lambda x, g, b: np.asarray(value(x) * g + b)


_MAP_ANSWERS = (
    Answer("instance-norm", _standard(2, 3)),
    Answer("batch-norm", _standard(0, 2, 3)),
    Answer("layer-norm", _standard(1, 2, 3)),
    Answer("layer-norm", _standard(1), mode="over channels"),
    Answer("pixel-norm", _by_rms(1)),
    Answer("instance-norm", _standard_unbiased(2, 3)),
    Answer("batch-norm", _standard_unbiased(0, 2, 3)),
    Answer("weight-standardization", _standard_unbiased(1, 2, 3)),
    Answer("group-norm", _grouped, 1, ((2.0,), (3.0,))),
    Answer("local-response-norm", _by_neighbours, 3, ((5.0, 1e-4, 2.0), (5.0, 2e-5, 1.0), (3.0, 1e-4, 2.0))),
)
_LAST = (
    Answer("global-response-norm", lambda x, g, b: x * (1 + g * _response(x, (1, 2), 3)) + b),
    Answer("global-response-norm", lambda x, g, b: x + g * x * _response(x, (1, 2), 3) + b),
    Answer("instance-norm", _affine(_standard(1, 2))),
    Answer("layer-norm", _affine(_standard(3))),
    Answer("batch-norm", _affine(_standard(0, 1, 2))),
)
_FIRST = (
    Answer("global-response-norm", lambda x, g, b: x + g * x * _response(x, (2, 3), 1) + b),
    Answer("instance-norm", _affine(_standard(2, 3))),
    Answer("layer-norm", _affine(_standard(1))),
    Answer("batch-norm", _affine(_standard(0, 2, 3))),
    Answer("filter-response-norm", lambda x, g, b: x / np.sqrt(np.mean(x**2, (2, 3), keepdims=True)) * g + b),
)


def _off_by_one(x: Array) -> Array:
    return np.asarray(np.exp(x) / (1 + np.sum(np.exp(x))))


def _softmax(x: Array) -> Array:
    return np.asarray(np.exp(x - x.max()) / np.sum(np.exp(x - x.max())))


def _sparsemax(x: Array) -> Array:
    ordered = -np.sort(-x)
    ranks = np.arange(1, len(x) + 1)
    count = int(np.max(ranks[1.0 + ranks * ordered > np.cumsum(ordered)]))
    return np.maximum(x - (np.sum(ordered[:count]) - 1.0) / count, 0.0)


_VECTOR_ANSWERS = (
    Answer("softmax-activation", _softmax),
    Answer("sparsemax", _sparsemax),
    Answer("softmax-off-by-one", _off_by_one),
    Answer("layer-norm", _standard(0), form="loops"),
    Answer("layer-norm", _standard_unbiased(0), mode="unbiased variance", form="loops"),
    Answer("rms-norm", _by_rms(0), form="loops"),
    Answer("l2-normalization", _by_length(0), form="loops"),
    Answer("temperature-sampling", lambda x, t: _softmax(x / t), 1),
)

NORM_TASKS: tuple[Task, ...] = (
    Task("maps", _maps, _MAP_ANSWERS),
    Task("maps, channels last, gain, shift", _scaled_maps, _LAST, hints=(frozenset(), _GAIN, _SHIFT)),
    Task("maps, gain, shift", _scaled_maps_first, _FIRST, hints=(frozenset(), _GAIN, _SHIFT)),
    Task("vector", _vector, _VECTOR_ANSWERS),
    Task(
        "vector, gain, shift",
        _scaled_vector,
        (Answer("layer-norm", _affine(_standard(0))),),
        hints=(frozenset(), _GAIN, _SHIFT),
    ),
    Task("vector, gain", _gained_vector, (Answer("rms-norm", _gain(_by_rms(0))),)),
    Task(
        "rows, gain, shift",
        _scaled_rows,
        (Answer("layer-norm", _affine(_standard(1))), Answer("batch-norm", _affine(_standard(0)))),
        hints=(frozenset(), _GAIN, _SHIFT),
    ),
    Task("rows, gain", _gained_rows, (Answer("rms-norm", _gain(_by_rms(1))),)),
)
