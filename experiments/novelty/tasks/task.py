"""A task and how an answer to it is judged.

A task draws inputs of a kind (two sets of embeddings, boxes, a sequence of rewards) and knows what a number
of techniques compute from them.  Foreign code is run on three draws.  Its answer must be a technique's on
all of them, within `EXACT` of the largest value (epsilons differ from code to code), with the same settings.
Settings are not fitted: they are taken from the numbers that stand in the code, and from usual ones.

A loss may come as one number an item, as their mean or sum, and times a constant (its weight).  Everything
else must be equal entry by entry.  So a program that does something else around a known formula is not
matched, and no threshold decides between "known" and "odd".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..structure.formula import Array

__all__ = ["DRAWS", "EXACT", "Answer", "Input", "Match", "Task", "draws_of", "match_answers"]

DRAWS = 3
EXACT = 2e-4
_FACTOR = 1e-4  # relative difference of a loss's factor between draws
_MOST_NUMBERS = (0, 24, 9, 5)  # of the code's numbers tried for each of 0, 1, 2, 3 settings

Input = NDArray[np.float64] | NDArray[np.int64] | int | float
"""An array of numbers, of labels, or a size."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a technique computes from a task's inputs; `settings` numbers more are taken from the code.

    `usual` are values that are always tried.  `mode` says which of several forms it is.
    """

    technique: str
    value: Callable[..., Array]
    settings: int = 0
    usual: tuple[tuple[float, ...], ...] = ()
    mode: str = ""
    form: str = ""
    """How the code must be made to count: "one pass" for what others compute by looking twice, "loops" where
    code for whole arrays has a meaning of its own on matrices."""


@dataclass(frozen=True, slots=True)
class Task:
    """Inputs in a fixed order, and the known answers, plainest first.

    `orders` are the orders in which code may ask for the inputs.  `loss` allows means, sums and a factor;
    `mask` compares which entries are kept.  `hints` are words of parameter names, one set an input: a name
    with a hint for one input is not given another.
    """

    name: str
    draw: Callable[[np.random.Generator], tuple[Input, ...]]
    answers: tuple[Answer, ...]
    orders: tuple[tuple[int, ...], ...] = ()
    loss: bool = False
    mask: bool = False
    hints: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """An answer that fits: how far off it is at most, its settings, and a loss's factor."""

    answer: Answer
    deviation: float
    settings: tuple[float, ...] = ()
    factor: float = 1.0


def draws_of(task: Task) -> list[tuple[Input, ...]]:
    """The inputs on which code is compared; the same every time."""
    return [task.draw(np.random.default_rng(2_026 + at)) for at in range(DRAWS)]


def match_answers(
    task: Task, inputs: Sequence[tuple[Input, ...]], given: Sequence[Array], numbers: Sequence[float]
) -> Match | None:
    """The plainest known answer that is what the code gave on every draw, or None.

    Code that gives the same on all draws does not look at its inputs: it answers nothing.
    """
    if len(given) > 1 and all(np.array_equal(given[0], other) for other in given[1:]):
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers of other code make no sense as settings
        for answer in task.answers:
            for settings in _settings(answer, numbers):
                fits = _fits(task, answer, settings, inputs, given)
                if fits is not None:
                    return Match(answer, fits[0], settings, fits[1])
    return None


def _settings(answer: Answer, numbers: Sequence[float]) -> Iterator[tuple[float, ...]]:
    if not answer.settings:
        yield ()
        return
    yield from answer.usual
    yield from product(numbers[: _MOST_NUMBERS[answer.settings]], repeat=answer.settings)


def _fits(
    task: Task,
    answer: Answer,
    settings: tuple[float, ...],
    inputs: Sequence[tuple[Input, ...]],
    given: Sequence[Array],
) -> tuple[float, float] | None:
    """(largest deviation, factor) if the answer fits all draws."""
    factors: list[float] = []
    deviation = 0.0
    for values, got in zip(inputs, given, strict=True):
        try:
            want = np.asarray(answer.value(*values, *settings), dtype=np.float64)
        except (ValueError, IndexError, ZeroDivisionError, OverflowError, np.linalg.LinAlgError):
            return None
        found = _loss(got, want) if task.loss else _same(got, want, mask=task.mask)
        if found is None:
            return None
        deviation = max(deviation, found[0])
        factors.append(found[1])
    if max(factors) - min(factors) > _FACTOR * abs(factors[0]):
        return None
    return deviation, factors[0]


def _same(got: Array, want: Array, *, mask: bool) -> tuple[float, float] | None:
    if mask:
        return _same_mask(got, want)
    got, want = np.squeeze(got), np.squeeze(want)
    if got.shape != want.shape or not np.all(np.isfinite(want)):
        return None
    gap = float(np.max(np.abs(got - want), initial=0.0))
    size = float(np.max(np.abs(want), initial=0.0))
    return (gap / size, 1.0) if size > 0.0 and gap <= EXACT * size else None


def _same_mask(got: Array, want: Array) -> tuple[float, float] | None:
    """Kept entries are true, or zero where the others are at minus infinity or a large penalty."""
    got = np.squeeze(got)
    if got.shape != want.shape:
        return None
    low = float(np.min(got))
    kept = got > low / 2 if low < -1e3 else got > 0.5
    if low >= -1e3 and not set(np.unique(got).tolist()) <= {0.0, 1.0}:
        return None
    return (0.0, 1.0) if np.array_equal(kept, want > 0.5) or np.array_equal(~kept, want > 0.5) else None


def _loss(got: Array, want: Array) -> tuple[float, float] | None:
    """(deviation, factor) of a loss against the reference's loss of every item."""
    got = np.squeeze(got)
    if got.size == 1:
        target = np.array([float(np.mean(want))])
    elif got.shape == np.squeeze(want).shape:
        target = np.squeeze(want).ravel()
    else:
        return None
    values = got.ravel()
    scale = float(target @ target)
    if not np.all(np.isfinite(values)) or not np.isfinite(scale) or scale == 0.0:
        return None
    factor = float(target @ values) / scale
    gap = float(np.max(np.abs(values - factor * target)))
    size = float(np.max(np.abs(values)))
    return (gap / size, factor) if size > 0.0 and factor > 0.0 and gap <= EXACT * size else None
