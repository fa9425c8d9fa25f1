"""Tasks of votes over workers, statistics of streams and of maps, and crossed features."""

from __future__ import annotations

import numpy as np

from ..structure.formula import Array
from .task import Answer, Input, Task

__all__ = ["VOTE_TASKS"]

Generator = np.random.Generator


def _workers(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=(7, 5)),)


def _workers_and_liars(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=(8, 5)), 2


def _most_central(x: Array, liars: int) -> Array:
    gaps = np.sum((x[:, None] - x[None]) ** 2, -1)
    near = np.sort(gaps, axis=1)[:, 1 : len(x) - liars - 1]
    return np.asarray(x[np.argmin(np.sum(near, axis=1))])


def _trimmed(x: Array, cut: int) -> Array:
    return np.asarray(np.sort(x, axis=0)[cut : len(x) - cut].mean(0))


def _features(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=7), float(rng.normal()), rng.normal(size=7), rng.normal(size=(7, 3))


def _crossed(x: Array, b: float, w: Array, v: Array) -> Array:
    return np.asarray(b + w @ x + 0.5 * np.sum((v.T @ x) ** 2 - (v.T**2) @ x**2))


def _contents(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=(2, 6, 4, 5)) * 2.0 + 1.0, rng.normal(size=(2, 6, 4, 5)) * 3.0 - 0.5


def _restyled(c: Array, s: Array, ddof: int) -> Array:
    means = [x.mean(axis=(2, 3), keepdims=True) for x in (c, s)]
    spreads = [x.std(axis=(2, 3), keepdims=True, ddof=ddof) for x in (c, s)]
    return np.asarray((c - means[0]) / spreads[0] * spreads[1] + means[1])


def _variance(x: Array, ddof: int) -> Array:
    return np.asarray(np.var(x, ddof=ddof))


def _stream(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=9) * 2.0 + 3.0,)


VOTE_TASKS: tuple[Task, ...] = (
    Task(
        "contents, styles",
        _contents,
        tuple(Answer("adain", lambda c, s, d=ddof: _restyled(c, s, d)) for ddof in (0, 1)),
    ),
    Task(
        "stream",
        _stream,
        tuple(
            Answer("welford-variance", lambda x, d=ddof: _variance(x, d), form="one pass") for ddof in (0, 1)
        ),
    ),
    Task(
        "workers",
        _workers,
        (
            Answer("coordinate-median", lambda x: np.median(x, axis=0)),
            Answer("majority-vote", lambda x: np.sign(np.sum(np.sign(x), axis=0))),
            Answer(
                "coordinate-median", lambda x, k: _trimmed(x, round(k)), 1, ((1.0,), (2.0,)), "trimmed mean"
            ),
        ),
    ),
    Task(
        "workers, liars",
        _workers_and_liars,
        (Answer("krum", _most_central), Answer("coordinate-median", _trimmed, mode="trimmed mean")),
    ),
    Task("features", _features, (Answer("factorization-machine", _crossed),), ((0, 1, 2, 3), (0, 2, 3, 1))),
)
