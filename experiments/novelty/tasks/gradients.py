"""The task of what is done to gradients before a step: weights and gradients in, gradients out.

Every array is one flat vector: three matrices' weights, three matrices' gradients.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..structure.formula import Array
from .task import Answer, Input, Task

__all__ = ["GRADIENT_TASK", "SHAPES", "split"]

SHAPES = ((4, 3), (5, 2), (3, 6))
"""(outputs, inputs) of the weights whose gradients are changed."""


def split(flat: Array) -> list[Array]:
    """The flat vector as matrices of SHAPES."""
    ends = np.cumsum([rows * columns for rows, columns in SHAPES])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), SHAPES, strict=True)]


def _joined(parts: list[Array]) -> Array:
    return np.concatenate([part.ravel() for part in parts])


def _draw(rng: np.random.Generator) -> tuple[Input, ...]:
    size = sum(rows * columns for rows, columns in SHAPES)
    loudness = 10.0 ** rng.uniform(-1.0, 2.0)  # clipping shows in loud gradients, and is gone in quiet ones
    return rng.normal(size=size), loudness * rng.normal(size=size)


def _each(value: Callable[..., Array]) -> Callable[..., Array]:
    """The rule applied to every matrix and its gradient alone."""

    def joined(w: Array, g: Array, *settings: float) -> Array:
        return _joined([value(a, b, *settings) for a, b in zip(split(w), split(g), strict=True)])

    return joined


def _norm(x: Array) -> float:
    return float(np.sqrt(np.sum(x**2)))


def _row_norms(x: Array) -> Array:
    return np.asarray(np.linalg.norm(x, axis=1, keepdims=True))


def _by_all(_w: Array, g: Array, bound: float) -> Array:
    return np.asarray(g * min(1.0, bound / _norm(g)))


def _by_size(_w: Array, g: Array, bound: float) -> Array:
    return np.clip(g, -abs(bound), abs(bound))


def _by_rows_of_weights(w: Array, g: Array, share: float) -> Array:
    bound = np.maximum(_row_norms(w), 1e-3) * share
    return np.asarray(g * np.minimum(1.0, bound / _row_norms(g)))


def _by_weights(w: Array, g: Array, share: float) -> Array:
    return np.asarray(g * min(1.0, max(_norm(w), 1e-3) * share / _norm(g)))


def _centred(_w: Array, g: Array) -> Array:
    return np.asarray(g - g.mean(axis=1, keepdims=True))


GRADIENT_TASK = Task(
    "weights and gradients",
    _draw,
    (
        Answer("gradient-clipping-norm", _by_all, 1, ((1.0,), (0.5,))),
        Answer("gradient-clipping-norm", _each(_by_all), 1, ((1.0,),), "each array alone"),
        Answer("gradient-clipping-value", _by_size, 1, ((1.0,),)),
        Answer("agc", _each(_by_rows_of_weights), 1, ((0.01,), (0.02,))),
        Answer("agc", _each(_by_weights), 1, ((0.01,),), "each array as a whole"),
        Answer("gradient-centralization", _each(_centred)),
        Answer("gradient-centralization", _each(lambda _, g: g - g.mean(axis=0)), mode="columns"),
        Answer("normalized-gradient", lambda _, g: g / _norm(g)),
        Answer("normalized-gradient", _each(lambda _, g: g / _norm(g)), mode="each array alone"),
    ),
)
