"""Marks on which a model says its numbers: effects that it predicts, settings that it chooses.

A scale bounds an answer where the endpoint enforces nothing but enumerations (`experiments.llm.Scale`). Six
marks a decade are finer than any model's judgement; numeric refinement turns the numbers of good recipes
between the marks afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from experiments.llm import Scale
from experiments.space import FloatRange, IntRange

__all__ = ["effect_scale", "range_scale"]

_DECADE: Final = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_FINEST: Final = 1e-4  # of the bound: a scale stays short where a track finds everything interesting
_STEPS: Final = 20  # between the ends of a range whose order of magnitude does not matter
_MOST_INTEGERS: Final = 64  # so many are listed one by one


def effect_scale(least: float, bound: float) -> Scale:
    """Effects from minus to plus `bound`, and 0; the smallest is about a third of the least of interest."""
    up = (*_series(max(least / 3.0, bound * _FINEST), bound), bound)
    return Scale((*(-mark for mark in reversed(up)), 0.0, *up))


def range_scale(domain: FloatRange | IntRange) -> Scale:
    """Marks from the low to the high end of a setting."""
    low, high = domain.low, domain.high
    integer = isinstance(domain, IntRange)
    if integer and high - low < _MOST_INTEGERS:
        return Scale(tuple(float(mark) for mark in range(int(low), int(high) + 1)), integer=True)
    if domain.log and low > 0:
        between = list(_series(low, high))
    else:
        between = [low + (high - low) * step / _STEPS for step in range(1, _STEPS)]
    rounded = {float(round(mark)) if integer else float(f"{mark:.4g}") for mark in between}
    inside = sorted(mark for mark in rounded if low < mark < high)
    return Scale((float(low), *inside, float(high)), integer=integer)


def _series(low: float, high: float) -> Iterator[float]:
    """1, 1.5, 2, 3, 5, 7 times the powers of ten, strictly between low and high."""
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for digit in _DECADE:
            mark = float(f"{digit}e{power}")
            if low < mark < high:
                yield mark
