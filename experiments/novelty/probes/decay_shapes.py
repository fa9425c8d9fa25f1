"""Shapes in which a learning rate rises or falls, fitted with at most two free numbers.

A shape is a function of u = step / horizon with value 1 at u = 0.  The horizon is fitted too, so that
off-by-one conventions (T or T - 1 steps, first step 0 or 1) do not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from ..structure.formula import Array

__all__ = ["SHAPES", "Shape", "ShapeFit", "fit_shape"]


_FAR = 0.12  # root mean square from the best start, beyond which no fit has ever come close
_LEAST_HORIZON = 1.0  # log of steps: a fall within two steps is a jump
_LEAST_POWER, _MOST_POWER = 0.2, 8.0  # beyond these a polynomial imitates other curves


@dataclass(frozen=True, slots=True)
class Shape:
    """`value(u, p)`; `power` says that p is fitted, `floored` that a floor is, `ends` that it
    reaches its floor at the horizon."""

    technique: str
    value: Callable[[Array, float], Array]
    power: bool = False
    floored: bool = True
    ends: bool = True


@dataclass(frozen=True, slots=True)
class ShapeFit:
    """A shape with its fitted numbers; `misfit` is the largest deviation as a share of the peak."""

    shape: Shape
    horizon: float
    floor: float
    power: float
    misfit: float


def _cosine(u: Array, _: float) -> Array:
    return np.asarray(0.5 * (1.0 + np.cos(math.pi * np.clip(u, 0.0, 1.0))))


def _linear(u: Array, _: float) -> Array:
    return np.clip(1.0 - u, 0.0, 1.0)


def _one_minus_sqrt(u: Array, _: float) -> Array:
    return np.asarray(1.0 - np.sqrt(np.clip(u, 0.0, 1.0)))


def _exponential(u: Array, _: float) -> Array:
    return np.exp(-u)


def _inverse_sqrt(u: Array, _: float) -> Array:
    return np.asarray((1.0 + u) ** -0.5)


def _inverse_time(u: Array, _: float) -> Array:
    return np.asarray(1.0 / (1.0 + u))


def _polynomial(u: Array, power: float) -> Array:
    return np.asarray(np.clip(1.0 - u, 0.0, 1.0) ** power)


SHAPES: tuple[Shape, ...] = (
    Shape("linear-decay", _linear),
    Shape("cosine-annealing", _cosine),
    Shape("one-minus-sqrt-cooldown", _one_minus_sqrt),
    Shape("exponential-decay", _exponential, floored=False, ends=False),
    Shape("inverse-sqrt-decay", _inverse_sqrt, floored=False, ends=False),
    Shape("inverse-time-decay", _inverse_time, floored=False, ends=False),
    Shape("polynomial-decay", _polynomial, power=True, floored=False),
    Shape("cosine-annealing", lambda u, p: _cosine(u, p) ** p, power=True),
)
"""Simplest first; a later shape is used only where no earlier one fits."""


_NOWHERE = 1e3  # in units of the curve's first value


def fit_shape(shape: Shape, y: Array, *, late: float = 0.0) -> ShapeFit:
    """Fit a falling curve `y` at unit steps, whose first value lies `late` steps after the peak."""
    if not y[0] > 0.0:
        return ShapeFit(shape, math.inf, 0.0, 1.0, math.inf)
    step = np.arange(y.size, dtype=np.float64) + late
    target = y / float(y[0])

    def curve(values: Array) -> Array:
        floor = float(values[1]) if shape.floored else 0.0
        power = float(values[-1]) if shape.power else 1.0
        fall = shape.value(step / np.exp(values[0]), power)
        if not late:
            return floor + (1.0 - floor) * fall
        if not fall[0] > 0.0:  # it has ended before the first value: far from everything
            return np.full_like(step, _NOWHERE)
        shown: Array = floor + (1.0 - floor) * fall / fall[0]
        return shown

    start = _start(shape, curve, target)
    if float(np.sqrt(np.mean((curve(start) - target) ** 2))) > _FAR:
        return ShapeFit(shape, float(np.exp(start[0])), 0.0, 1.0, math.inf)
    with np.errstate(all="ignore"):
        found = optimize.least_squares(lambda v: curve(v) - target, start, xtol=1e-12, max_nfev=150)
    misfit = float(np.max(np.abs(curve(found.x) - target)))
    floor = float(found.x[1]) if shape.floored else 0.0
    if floor < -0.002:  # a floor below zero turns one shape into another (a quarter of a cosine)
        misfit = math.inf
    power = float(found.x[-1]) if shape.power else 1.0
    if not _LEAST_POWER <= power <= _MOST_POWER or (shape.ends and found.x[0] < _LEAST_HORIZON):
        misfit = math.inf
    return ShapeFit(shape, float(np.exp(found.x[0])), floor, power, misfit)


def _start(shape: Shape, curve: Callable[[Array], Array], target: Array) -> Array:
    """The best of a small lattice; horizons are measured against the curve's length."""
    length = math.log(target.size)
    last = float(target[-1])
    best, cost = np.zeros(1 + shape.floored + shape.power), math.inf
    for log_ratio in (-5.3, -4.0, -3.0, -2.0, -1.0, -0.3, 0.0, 0.05, 0.5, 1.0, 2.0):
        for floor in (0.0, last) if shape.floored else (0.0,):
            for power in (0.5, 0.9, 2.0, 4.0) if shape.power else (1.0,):
                values = [length + log_ratio]
                values += [floor] if shape.floored else []
                values += [power] if shape.power else []
                trial = np.array(values)
                error = float(np.sum((curve(trial) - target) ** 2))
                if error < cost:
                    best, cost = trial, error
    return best
