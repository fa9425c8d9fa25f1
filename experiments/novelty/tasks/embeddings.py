"""Tasks of losses of embeddings: pairs, labels, prototypes, triples.

References are written from the papers' formulae.  Temperatures, margins and weights are settings.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from ..structure.formula import Array
from .maths import log_softmax, rows, softplus
from .task import Answer, Input, Task

__all__ = ["EMBEDDING_TASKS"]

_ITEMS, _WIDTH, _CLASSES = 9, 6, 4

Generator = np.random.Generator
_LABEL = frozenset({"y", "label", "labels", "target", "targets", "cls", "ids"})


def _pairs(rng: Generator) -> tuple[Input, ...]:
    first = rng.normal(size=(_ITEMS, _WIDTH)) * 1.3 + 0.2
    return first, first * 0.4 + rng.normal(size=(_ITEMS, _WIDTH))


def _cross(a: Array, b: Array, heat: float) -> Array:
    return np.asarray(-np.diagonal(log_softmax(a @ b.T / heat)))


def _both_ways(a: Array, b: Array, heat: float) -> Array:
    return np.asarray(_cross(a, b, heat) + _cross(b, a, heat)) / 2


def _twins(a: Array, b: Array, heat: float) -> Array:
    z = np.concatenate([a, b])
    scores = z @ z.T / heat
    np.fill_diagonal(scores, -np.inf)
    twin = np.roll(np.arange(len(z)), len(a))
    return np.asarray(-log_softmax(scores)[np.arange(len(z)), twin])


def _signed(a: Array, b: Array, heat: float, bias: float) -> Array:
    scores = a @ b.T * heat + bias
    return np.asarray(np.sum(softplus(-(2 * np.eye(len(a)) - 1) * scores)))


def _unit(value: Callable[..., Array]) -> Callable[..., Array]:
    def of_unit(a: Array, b: Array, *settings: float) -> Array:
        return np.asarray(value(rows(a), rows(b), *settings))

    return of_unit


def _vicreg(a: Array, b: Array, ddof: int) -> Array:
    """With the paper's weights 25, 25 and 1."""
    total = 25.0 * np.mean((a - b) ** 2)
    for z in (a, b):
        centred = z - z.mean(0)
        c = centred.T @ centred / (len(z) - 1)
        total += 25.0 * np.mean(np.maximum(1 - np.sqrt(z.var(0, ddof=ddof) + 1e-4), 0.0))
        total += (np.sum(c**2) - np.sum(np.diagonal(c) ** 2)) / z.shape[1]
    return np.asarray(total)


def _barlow(a: Array, b: Array, weight: float, ddof: int) -> Array:
    a, b = ((z - z.mean(0)) / z.std(0, ddof=ddof) for z in (a, b))
    c = a.T @ b / len(a)
    rest = np.sum(c**2) - np.sum(np.diagonal(c) ** 2)
    return np.asarray(np.sum((np.diagonal(c) - 1) ** 2) + weight * rest)


def _coral(a: Array, b: Array) -> Array:
    return np.asarray(np.sum((np.cov(a.T) - np.cov(b.T)) ** 2))


def _cosine(a: Array, b: Array) -> Array:
    return np.asarray(1 - np.sum(rows(a) * rows(b), axis=-1))


def _mmd(a: Array, b: Array, width: float) -> Array:
    def kernel(x: Array, y: Array) -> float:
        return float(np.mean(np.exp(-np.sum((x[:, None] - y[None]) ** 2, -1) * width)))

    return np.asarray(kernel(a, a) + kernel(b, b) - 2 * kernel(a, b))


_HEATS = ((0.07,), (0.1,), (0.5,), (1.0,))
_PAIRED = (
    Answer("byol", lambda a, b: 2 * _cosine(a, b), mode="cosine of prediction and target"),
    Answer("coral", _coral),
    *(
        Answer("infonce", value, 1, _HEATS, mode)
        for form, mode in ((_cross, "one way"), (_both_ways, "both ways"), (_twins, "twins"))
        for value in (form, _unit(form))
    ),
    Answer("sigmoid-contrastive", _unit(_signed), 2, ((10.0, -10.0),)),
    *(Answer("vicreg", lambda a, b, d=ddof: _vicreg(a, b, d)) for ddof in (0, 1)),
    *(
        Answer("vicreg", lambda a, b, w, d=ddof: _barlow(a, b, w, d), 1, ((0.005,),), "Barlow Twins")
        for ddof in (0, 1)
    ),
    Answer("mmd", _mmd, 1, ((0.5,), (1.0,))),
)


def _labelled(rng: Generator) -> tuple[Input, ...]:
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 3])
    return rng.normal(size=(_ITEMS, _WIDTH)), rng.permutation(labels)


def _supervised(h: Array, y: Array, heat: float) -> Array:
    scores = rows(h) @ rows(h).T / heat
    np.fill_diagonal(scores, -np.inf)
    same = (y[:, None] == y[None]) & ~np.eye(len(y), dtype=bool)
    picked = np.where(same, log_softmax(scores), 0.0)
    return np.asarray(-picked.sum(1) / np.maximum(same.sum(1), 1))


def _supervised_with_friends(h: Array, y: Array, heat: float) -> Array:
    per_item = _supervised(h, y, heat)
    friends = np.array([np.sum(y == label) > 1 for label in y])
    return np.asarray(per_item[friends])


def _hardest(h: Array, y: Array, margin: float) -> Array:
    gaps = np.linalg.norm(h[:, None] - h[None], axis=-1)
    same = y[:, None] == y[None]
    far = np.max(np.where(same, gaps, -np.inf), axis=1)
    near = np.min(np.where(same, np.inf, gaps), axis=1)
    return np.asarray(np.maximum(far - near + margin, 0.0))


def _prototypes(rng: Generator) -> tuple[Input, ...]:
    return (
        rng.normal(size=(_ITEMS, _WIDTH)),
        rng.normal(size=(_CLASSES, _WIDTH)),
        rng.integers(0, _CLASSES, size=_ITEMS),
    )


def _with_margin(kind: str) -> Callable[..., Array]:
    def value(h: Array, w: Array, y: Array, scale: float, margin: float) -> Array:
        cosines = rows(h) @ rows(w).T
        own = np.arange(len(y)), y
        if kind == "angle":
            cosines[own] = np.cos(np.arccos(cosines[own]) + margin)
        else:
            cosines[own] -= margin
        return np.asarray(-log_softmax(scale * cosines)[own])

    return value


def _centres(h: Array, w: Array, y: Array) -> Array:
    return np.asarray(np.sum((h - w[y]) ** 2, axis=-1))


def _proxies(h: Array, w: Array, y: Array, heat: float) -> Array:
    gaps = np.sum((rows(h)[:, None] - rows(w)[None]) ** 2, -1) * heat
    own = gaps[np.arange(len(y)), y]
    others = np.where(np.eye(len(w))[y] > 0, -np.inf, -gaps)
    return np.asarray(own + special.logsumexp(others, axis=1))


def _normed_softmax(h: Array, w: Array, y: Array, scale: float) -> Array:
    return np.asarray(-log_softmax(scale * rows(h) @ rows(w).T)[np.arange(len(y)), y])


def _triples(rng: Generator) -> tuple[Input, ...]:
    a = rng.normal(size=(_ITEMS, _WIDTH))
    return a, a + 1.3 * rng.normal(size=a.shape), a * 0.2 + rng.normal(size=a.shape)


def _gap(a: Array, b: Array) -> Array:
    return np.asarray(np.linalg.norm(a - b, axis=-1))


def _ranked(u: Array, i: Array, j: Array) -> Array:
    return softplus(-np.sum(u * (i - j), axis=-1))


_MARGINS = ((0.2,), (1.0,), (0.3,), (0.5,))
_TRIPLED = (
    Answer("triplet-loss", lambda a, p, n, m: np.maximum(_gap(a, p) - _gap(a, n) + m, 0.0), 1, _MARGINS),
    Answer(
        "triplet-loss",
        lambda a, p, n, m: np.maximum(_gap(a, p) ** 2 - _gap(a, n) ** 2 + m, 0.0),
        1,
        _MARGINS,
        "squared distances",
    ),
    Answer(
        "triplet-loss",
        lambda a, p, n, m: np.maximum(m - np.sum(rows(a) * (rows(p) - rows(n)), axis=-1), 0.0),
        1,
        _MARGINS,
        "cosines",
    ),
    Answer("triplet-loss", lambda a, p, n: softplus(_gap(a, p) - _gap(a, n)), mode="soft margin"),
    Answer("ranking-loss", _ranked, mode="BPR"),
    Answer("ranking-loss", lambda u, j, i: _ranked(u, i, j), mode="BPR"),
)


_PAIR = ((0, 1), (1, 0))
EMBEDDING_TASKS: tuple[Task, ...] = (
    Task("pairs", _pairs, _PAIRED, _PAIR, loss=True),
    Task(
        "labelled",
        _labelled,
        (
            Answer("supcon", _supervised, 1, _HEATS),
            Answer("supcon", _supervised_with_friends, 1, _HEATS),
            Answer("triplet-loss", _hardest, 1, _MARGINS, "hardest of the batch"),
        ),
        _PAIR,
        loss=True,
        hints=(frozenset(), _LABEL),
    ),
    Task(
        "prototypes",
        _prototypes,
        (
            Answer("center-loss", _centres),
            Answer("arcface", _with_margin("angle"), 2, ((64.0, 0.5), (30.0, 0.5))),
            Answer("arcface", _with_margin("cosine"), 2, ((30.0, 0.35),), "CosFace"),
            Answer("proxy-nca", _proxies, 1, ((1.0,),)),
            Answer("arcface", _normed_softmax, 1, ((16.0,),), "NormFace"),
        ),
        ((0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1)),
        loss=True,
        hints=(frozenset(), frozenset(), _LABEL),
    ),
    Task("triples", _triples, _TRIPLED, ((0, 1, 2), (1, 2, 0), (1, 0, 2)), loss=True),
)
