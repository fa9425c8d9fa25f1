"""Tasks of learning by reward and preference: advantages, clipped ratios, preferred answers."""

from __future__ import annotations

import numpy as np

from ..structure.formula import Array
from .task import Answer, Input, Task

__all__ = ["DECISION_TASKS"]

Generator = np.random.Generator


def _episode(rng: Generator) -> tuple[Input, ...]:
    ends = np.zeros(9)
    ends[5] = 1.0
    return rng.normal(size=9), rng.normal(size=10), ends


def _whole_episode(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=9), rng.normal(size=10)


def _rewards(rng: Generator) -> tuple[Input, ...]:
    return (rng.normal(size=9),)


def _advantages(r: Array, v: Array, ends: Array, gamma: float, mix: float) -> Array:
    found, kept = np.zeros(len(r)), 0.0
    for t in reversed(range(len(r))):
        surprise = r[t] + gamma * v[t + 1] * (1 - ends[t]) - v[t]
        kept = surprise + gamma * mix * (1 - ends[t]) * kept
        found[t] = kept
    return found


def _advantages_of_whole(r: Array, v: Array, gamma: float, mix: float) -> Array:
    return _advantages(r, v, np.zeros(len(r)), gamma, mix)


def _ratios(rng: Generator) -> tuple[Input, ...]:
    return rng.normal(size=12), rng.normal(size=12), rng.normal(size=12)


def _clipped(new: Array, old: Array, gain: Array, width: float) -> Array:
    ratio = np.exp(new - old)
    return np.asarray(-np.minimum(ratio * gain, np.clip(ratio, 1 - width, 1 + width) * gain))


def _preferred(rng: Generator) -> tuple[Input, ...]:
    return tuple(rng.normal(size=9) for _ in range(4))


def _direct(a: Array, b: Array, c: Array, d: Array, beta: float) -> Array:
    return np.logaddexp(0.0, -beta * ((a - c) - (b - d)))


_LOSS_WIDTHS = ((0.2,), (0.1,), (0.3,))
DECISION_TASKS: tuple[Task, ...] = (
    Task(
        "episode",
        _episode,
        (Answer("gae", _advantages, 2, ((0.99, 0.95),)),),
        ((0, 1, 2), (1, 0, 2)),
    ),
    Task(
        "episode without ends",
        _whole_episode,
        (Answer("gae", _advantages_of_whole, 2, ((0.99, 0.95),)),),
        ((0, 1), (1, 0)),
    ),
    Task(
        "ratios",
        _ratios,
        (
            Answer("ppo", _clipped, 1, _LOSS_WIDTHS),
            Answer("ppo", lambda n, o, a, w: -_clipped(n, o, a, w), 1, _LOSS_WIDTHS, "as a gain"),
        ),
        ((0, 1, 2), (1, 0, 2)),
        loss=True,
    ),
    Task(
        "preferred",
        _preferred,
        (
            Answer("dpo", _direct, 1, ((0.1,), (0.5,))),
            Answer("dpo", lambda a, c, b, d, beta: _direct(a, b, c, d, beta), 1, ((0.1,), (0.5,))),
        ),
        loss=True,
    ),
)
