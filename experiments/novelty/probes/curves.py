"""Match a sampled curve against reference formulae: the same, a member of a family, or rescaled.

Used by the probes whose artefacts are functions of one number (activations, schedules, losses).  The distance
is `max |y - r| / (1 + |r|)` over the points where both are finite, so tails weigh as much as the centre.
Known curves agree to 1e-15 in double precision; the closest different pair of activations (GELU and its tanh
form) is 1e-4 apart, so 1e-6 (2e-5 for single precision) decides without doubt.

A fit with more free parameters is never preferred over one with fewer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from ..structure.formula import Array, Formula

__all__ = ["Curve", "CurveFit", "Reference", "distance", "fit_family", "fit_rescaled"]

Curve = Callable[[Array], Array]

_COARSE = 160  # points used while fitting; the verdict always uses all points
_STARTS = (1.0, 0.1, 3.0)  # starting values of every free parameter
_INNER = np.concatenate(
    [s * np.array([1.0, 0.25, 0.35, 0.5, 0.6, 2 / 3, 0.8, 1.25, 1.5, 1.702, 2.0, 3.0, 4.5]) for s in (1, -1)]
)
_SHIFT = np.array([0.0, -3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0])
_HOPELESS = 0.03  # share of the curve's power that the best scanned rescaling leaves unexplained
_SCAN = np.concatenate([np.geomspace(0.01, 100.0, 81), -np.geomspace(0.1, 10.0, 9), np.arange(2.0, 41.0)])
_ROUND = (
    0.001,
    0.01,
    0.05,
    0.1,
    0.125,
    0.2,
    0.25,
    0.3,
    1 / 3,
    0.5,
    0.7,
    0.75,
    1.0,
    1.5,
    2.0,
    3.0,
    4.0,
    5.0,
    6.0,
    10.0,
)
"""Values tried for a parameter on which the curve depends by jumps, where least squares is blind."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A known curve: its catalogue id and its formula over `x` and free parameters."""

    technique: str
    formula: Formula
    variable: str = "x"

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(name for name in self.formula.names if name != self.variable)

    def __call__(self, x: Array, values: Sequence[float] = ()) -> Array:
        pairs = dict(zip(self.parameters, values, strict=True))
        return np.broadcast_to(self.formula(**{self.variable: x}, **pairs), x.shape)


@dataclass(frozen=True, slots=True)
class CurveFit:
    """How a reference came to match: parameter values, and `out*f(inner*x + shift) + offset`."""

    reference: Reference
    values: tuple[float, ...]
    distance: float
    out: float = 1.0
    inner: float = 1.0
    shift: float = 0.0
    offset: float = 0.0


def distance(found: Array, reference: Array) -> float:
    """Largest relative deviation over points where both are finite; infinite if those are too few."""
    both = np.isfinite(found) & np.isfinite(reference)
    if np.count_nonzero(both) < 0.8 * found.size:
        return math.inf
    return float(np.max(np.abs(found[both] - reference[both]) / (1.0 + np.abs(reference[both]))))


def fit_family(reference: Reference, x: Array, y: Array, tolerance: float) -> CurveFit | None:
    """Fit the free parameters; None unless the whole curve agrees."""
    count = len(reference.parameters)
    if count == 0:
        gap = distance(y, reference(x))
        return CurveFit(reference, (), gap) if gap <= tolerance else None
    some = _coarse(x)

    def residual(values: Array) -> Array:
        return _residual(y[some], reference(x[some], list(values)))

    for start in _starts(residual, count):
        found = _least_squares(residual, start)
        if found is None:
            continue
        values = tuple(_snap(value) for value in found)
        for candidate in (values, tuple(float(v) for v in found)):
            gap = distance(y, reference(x, candidate))
            if gap <= tolerance:
                return CurveFit(reference, candidate, gap)
    return _fit_by_jumps(reference, x, y, tolerance) if count == 1 else None


def fit_rescaled(reference: Reference, x: Array, y: Array, tolerance: float) -> CurveFit | None:
    """Fit `out*f(inner*x + shift) + offset` for a reference without parameters."""
    some = _coarse(x)
    start = _scan_rescaling(reference, x[some[::3]], y[some[::3]])
    if start is None:
        return None

    def residual(values: Array) -> Array:
        out, inner, shift, offset = values
        return _residual(y[some], out * reference(inner * x[some] + shift) + offset)

    found = _least_squares(residual, start)
    for values in () if found is None else (start, found):
        out, inner, shift, offset = (_snap(float(value)) for value in values)
        gap = distance(y, out * reference(inner * x + shift) + offset)
        if gap <= tolerance and abs(out) > 1e-3 and abs(inner) > 1e-3:
            return CurveFit(reference, (), gap, out, inner, shift, offset)
    return None


def _scan_rescaling(reference: Reference, x: Array, y: Array) -> Array | None:
    """The best of a grid of inner scales and shifts, the outer ones by least squares; None if hopeless."""
    inner, shift = (part.reshape(-1, 1) for part in np.meshgrid(_INNER, _SHIFT))
    with np.errstate(all="ignore"):
        curves = reference((inner * x + shift).ravel()).reshape(inner.size, x.size)
    weight = 1.0 / (1.0 + np.abs(y)) * np.isfinite(y)
    usable = np.all(np.isfinite(curves), axis=1)
    curves, y = np.where(usable[:, None], curves, 0.0), np.where(np.isfinite(y), y, 0.0)
    total = np.sum(weight)
    middle = curves @ weight / total
    centred, target = curves - middle[:, None], y - float(y @ weight / total)
    power = (centred**2) @ weight
    out = np.divide((centred * target) @ weight, power, out=np.zeros_like(power), where=power > 1e-12)
    left = ((target - out[:, None] * centred) ** 2) @ weight
    left[~usable] = np.inf
    scale = float((target**2) @ weight)
    best = int(np.argmax(left <= np.min(left) + 1e-12 * scale))  # the plainest among equals comes first
    if left[best] > _HOPELESS * scale:
        return None
    offset = float(y @ weight / total) - out[best] * middle[best]
    return np.array([out[best], float(inner[best, 0]), float(shift[best, 0]), offset])


def _starts(residual: Callable[[Array], Array], count: int) -> Sequence[Array]:
    """Where to begin a fit: the best of a scan for one parameter, a small lattice for more."""
    if count == 1:
        with np.errstate(all="ignore"):
            costs = [float(np.sum(residual(np.array([value])) ** 2)) for value in _SCAN]
        return [_SCAN[[at]] for at in np.argsort(costs)[:2]]
    return [np.array(start) for start in itertools.product(_STARTS, repeat=count)]


def _coarse(x: Array) -> Array:
    return np.unique(np.linspace(0, x.size - 1, _COARSE).astype(int)).astype(np.intp)


def _residual(found: Array, reference: Array) -> Array:
    gap = (found - reference) / (1.0 + np.abs(found))
    return np.clip(np.where(np.isfinite(gap), gap, 10.0), -1e3, 1e3)


def _least_squares(residual: Callable[[Array], Array], start: Array) -> Array | None:
    """Levenberg-Marquardt to the last digit, or None where it is hopeless from this start."""
    first = residual(start)
    if not np.any(np.isfinite(first)):
        return None
    with np.errstate(all="ignore"):
        found = optimize.least_squares(
            residual, start, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=200
        )
    return np.asarray(found.x) if found.cost < 1e-3 else None


def _fit_by_jumps(reference: Reference, x: Array, y: Array, tolerance: float) -> CurveFit | None:
    gaps = [(distance(y, reference(x, (value,))), value) for value in _ROUND]
    gap, value = min(gaps)
    return CurveFit(reference, (value,), gap) if gap <= tolerance else None


def _snap(value: float) -> float:
    """A nearby short decimal, so that 0.2000000001 is reported as 0.2."""
    short = float(f"{value:.6g}")
    if abs(value) < 1e-9:
        return 0.0
    return short if abs(short - value) <= 1e-7 * (1.0 + abs(value)) else float(value)
