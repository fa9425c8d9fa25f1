"""Tasks of losses of chances and truth values, scores, teachers, distributions and latent variables.

References are written from the papers' formulae.  Each gives the loss of every item, or one number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from ..structure.formula import Array
from .maths import log_softmax, softplus
from .task import Answer, Input, Task

__all__ = ["LOSS_TASKS"]

_ITEMS, _WIDTH, _CLASSES = 9, 6, 4

Generator = np.random.Generator
_MARGINS = ((0.2,), (1.0,), (0.3,), (0.5,))


def _logits_and_truth(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=_ITEMS) * 2.0, (rng.permutation(_ITEMS) < 4).astype(np.float64)


def _chances_and_truth(rng: Generator) -> tuple[Input, ...]:
    return rng.uniform(0.05, 0.95, size=_ITEMS), (rng.permutation(_ITEMS) < 4).astype(np.float64)


def _margins(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=_ITEMS) * 2.0, np.where(rng.permutation(_ITEMS) < 4, 1.0, -1.0)


def _bce(p: Array, y: Array) -> Array:
    return np.asarray(-y * np.log(p) - (1 - y) * np.log(1 - p))


def _focal(p: Array, y: Array, gamma: float, alpha: float = 0.5) -> Array:
    right = np.where(y > 0, p, 1 - p)
    weight = np.where(y > 0, alpha, 1 - alpha)
    return np.asarray(-weight * (1 - right) ** gamma * np.log(right))


def _overlap(p: Array, y: Array, smooth: float) -> Array:
    return np.asarray(1 - (2 * np.sum(p * y) + smooth) / (np.sum(p) + np.sum(y) + smooth))


def _overlap_of_squares(p: Array, y: Array, smooth: float) -> Array:
    return np.asarray(1 - (2 * np.sum(p * y) + smooth) / (np.sum(p**2) + np.sum(y**2) + smooth))


def _jaccard(p: Array, y: Array, smooth: float) -> Array:
    both = np.sum(p * y)
    return np.asarray(1 - (both + smooth) / (np.sum(p) + np.sum(y) - both + smooth))


def _tversky(p: Array, y: Array, a: float, b: float) -> Array:
    both = np.sum(p * y)
    return np.asarray(1 - both / (both + a * np.sum(p * (1 - y)) + b * np.sum((1 - p) * y)))


_OF_CHANCES = (
    Answer("binary-cross-entropy", _bce),
    Answer("focal-loss", _focal, 1, ((2.0,),)),
    Answer("focal-loss", _focal, 2, ((2.0, 0.25),)),
    Answer("dice-loss", _overlap, 1, ((0.0,), (1.0,))),
    Answer("dice-loss", _overlap_of_squares, 1, ((0.0,), (1.0,)), "squared sizes"),
    Answer("dice-loss", _jaccard, 1, ((0.0,), (1.0,)), "Jaccard"),
    Answer("dice-loss", _tversky, 2, ((0.3, 0.7), (0.7, 0.3)), "Tversky"),
)


def _of_logits(answer: Answer) -> Answer:
    def value(z: Array, y: Array, *settings: float) -> Array:
        return np.asarray(answer.value(special.expit(z), y, *settings))

    return Answer(answer.technique, value, answer.settings, answer.usual, answer.mode)


_BINARY = (
    Task("chances", _chances_and_truth, _OF_CHANCES, ((0, 1), (1, 0)), loss=True),
    Task("logits", _logits_and_truth, tuple(map(_of_logits, _OF_CHANCES)), ((0, 1), (1, 0)), loss=True),
    Task(
        "margins",
        _margins,
        (
            Answer("hinge-loss", lambda z, y: np.maximum(1 - y * z, 0.0)),
            Answer("hinge-loss", lambda z, y: np.maximum(1 - y * z, 0.0) ** 2, mode="squared"),
            Answer("binary-cross-entropy", lambda z, y: softplus(-y * z), mode="labels of one and minus one"),
            Answer("perceptron-loss", lambda z, y: np.maximum(-y * z, 0.0)),
        ),
        ((0, 1), (1, 0)),
        loss=True,
    ),
)


def _scores(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=_ITEMS) + 0.4, rng.normal(size=_ITEMS)


def _teacher(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=(_ITEMS, _CLASSES)) * 1.5, rng.normal(size=(_ITEMS, _CLASSES)) * 1.5


def _divergence(p: Array, log_p: Array, log_q: Array) -> Array:
    return np.asarray(np.sum(p * (log_p - log_q), axis=-1))


def _distilled(s: Array, z: Array, heat: float) -> Array:
    log_p = log_softmax(z / heat)
    return heat**2 * _divergence(np.exp(log_p), log_p, log_softmax(s / heat))


def _distilled_cross(s: Array, z: Array, heat: float) -> Array:
    return np.asarray(-heat * heat * np.sum(special.softmax(z / heat, -1) * log_softmax(s / heat), -1))


def _middle(p: Array, q: Array) -> Array:
    middle = np.log((p + q) / 2)
    return (_divergence(p, np.log(p), middle) + _divergence(q, np.log(q), middle)) / 2


def _distributions(rng: Generator) -> tuple[Input, ...]:
    return tuple(special.softmax(rng.normal(size=(_ITEMS, _CLASSES)) * 1.2, -1) for _ in range(2))


def _on_softmax(value: Callable[..., Array]) -> Callable[..., Array]:
    def of_logits(a: Array, b: Array) -> Array:
        return np.asarray(value(special.softmax(a, -1), special.softmax(b, -1)))

    return of_logits


def _kl(p: Array, q: Array) -> Array:
    return _divergence(p, np.log(p), np.log(q))


_TAUGHT = (
    Answer("knowledge-distillation", _distilled, 1, ((2.0,), (3.0,), (4.0,))),
    Answer("knowledge-distillation", _distilled_cross, 1, ((2.0,), (3.0,), (4.0,))),
    Answer("js-divergence", _on_softmax(_middle)),
    Answer("kl-divergence", _on_softmax(_kl)),
)
_DIVERGENCES = (
    Answer("kl-divergence", _kl),
    Answer("js-divergence", _middle),
    Answer("wasserstein-loss", lambda p, q: np.sum(np.abs(np.cumsum(p - q, axis=-1)), -1), mode="on a line"),
    Answer("wasserstein-loss", lambda p, q: np.sum(np.cumsum(p - q, axis=-1) ** 2, -1), mode="squared"),
)


def _latent(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=(_ITEMS, _WIDTH)), 0.6 * rng.normal(size=(_ITEMS, _WIDTH))


def _predicted(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=_ITEMS), 0.5 * rng.normal(size=_ITEMS), rng.normal(size=_ITEMS)


_PAIR = ((0, 1), (1, 0))
LOSS_TASKS: tuple[Task, ...] = (
    *_BINARY,
    Task(
        "scores",
        _scores,
        (
            Answer("ranking-loss", lambda p, n: softplus(n - p), mode="BPR"),
            Answer("ranking-loss", lambda p, n, m: np.maximum(m - p + n, 0.0), 1, _MARGINS, "margin"),
        ),
        _PAIR,
        loss=True,
    ),
    Task("teacher", _teacher, _TAUGHT, _PAIR, loss=True),
    Task("distributions", _distributions, _DIVERGENCES, _PAIR, loss=True),
    Task(
        "latent",
        _latent,
        (
            Answer("elbo-vae", lambda m, s: np.sum(np.exp(s) + m**2 - 1 - s, axis=-1), mode="log variance"),
            Answer(
                "elbo-vae",
                lambda m, s: np.sum(np.exp(2 * s) + m**2 - 1 - 2 * s, axis=-1),
                mode="log deviation",
            ),
        ),
        _PAIR,
        loss=True,
    ),
    Task(
        "predicted",
        _predicted,
        (
            Answer("heteroscedastic-nll", lambda m, s, y: s + (y - m) ** 2 * np.exp(-s)),
            Answer(
                "heteroscedastic-nll",
                lambda m, s, y: 2 * s + (y - m) ** 2 * np.exp(-2 * s),
                mode="log deviation",
            ),
        ),
        ((0, 1, 2), (2, 0, 1), (0, 2, 1)),
        loss=True,
    ),
)
