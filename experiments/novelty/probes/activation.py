"""Recognise an activation function by its values.

The candidate is sampled at 807 points: a dense centre and thin tails out to 60, because a clip at 20 is
invisible to a grid that stops at 6.  It must act on each element alone (its value at a point must not move
when other points do) and give the same values twice.  Then, simplest first: the same as a reference, a member
of a one- or two-parameter family, a reference rescaled or shifted, a sum of two references.

References come from the catalogue's formulae.  A gate of two inputs is recognised by fixing one of them.
Not covered: learned (spline, rational) activations, and anything that looks at several elements at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from ..structure.formula import Array
from ..verdict import Evidence, Relation
from .curves import Curve, CurveFit, Reference, distance, fit_family, fit_rescaled
from .report import behaviour, not_probed, unmatched

__all__ = ["ACTIVATION_GRID", "probe_activation", "probe_gate"]

_DENSE = np.linspace(-6.0, 6.0, 601)
_TAIL = np.linspace(6.1, 60.0, 103)
ACTIVATION_GRID: Array = np.concatenate([-_TAIL[::-1], _DENSE, _TAIL])
"""807 points: spacing 0.02 in the centre, 0.53 in the tails."""

_EXACT = 1e-6
_EXACT_SINGLE = 2e-5  # artefacts that compute in float32
_MAX_FREE = 2  # free parameters of a family that is still a statement
_NEAR = 0.005  # informational; without affine freedom
_PLAIN = 1e-9  # a straight line is no activation
_RESCALE_PARTS = 3  # of the four affine numbers that may differ from doing nothing


def probe_activation(
    function: Curve, references: Sequence[Reference], *, single: bool = False
) -> tuple[Evidence, ...]:
    """Name an elementwise function; `single` allows for float32 arithmetic.  Best evidence first."""
    x = ACTIVATION_GRID
    y = function(x)
    problem = _unfit(function, x, y)
    if problem:
        return (not_probed(problem),)
    tolerance = _EXACT_SINGLE if single else _EXACT
    line = np.polynomial.polynomial.polyfit(x, y, 1)
    if distance(y, line[0] + line[1] * x) <= _PLAIN:
        return (unmatched(f"a straight line, {line[1]:.4g}*x{line[0]:+.4g}: no non-linearity"),)
    found = (
        _same_or_family(references, x, y, tolerance)
        or _rescaled(references, x, y, tolerance)
        or _sum_of_two(references, x, y, tolerance)
    )
    return found or (_closest(references, x, y),)


def probe_gate(
    function: Callable[[Array, Array], Array], gates: Sequence[Reference], *, single: bool = False
) -> tuple[Evidence, ...]:
    """Name a gate of two inputs, `g(u, v)`, in either order of its inputs."""
    u, v = (part.ravel() for part in np.meshgrid(np.linspace(-4, 4, 41), np.linspace(-3, 3, 13)))
    y = function(u, v)
    if y.shape != u.shape or not np.all(np.isfinite(y)):
        return (not_probed("not a finite function of two equal inputs"),)
    tolerance = _EXACT_SINGLE if single else _EXACT
    for gate in gates:
        for first, second in ((u, v), (v, u)):
            gap = distance(y, np.broadcast_to(gate.formula(u=first, v=second), y.shape))
            if gap <= tolerance:
                words = f"equal to {gate.formula.text} at {y.size} points, largest deviation {gap:.1e}"
                return (behaviour(Relation.EQUAL, gate.technique, words, numbers=(("deviation", gap),)),)
    return (unmatched("a function of two inputs unlike every known gate"),)


def _unfit(function: Curve, x: Array, y: Array) -> str:
    """Why this cannot be an activation, or ""."""
    if y.shape != x.shape:
        return f"its output has shape {y.shape} for an input of shape {x.shape}"
    if np.count_nonzero(np.isfinite(y)) < 0.8 * y.size:
        return "its values are not finite on most of the grid"
    if not np.array_equal(function(x), y, equal_nan=True):
        return "it gives other values each time (random or with state)"
    if distance(function(x[::4]), y[::4]) > 1e-6:
        return "it depends on how many elements there are, so it is no activation"
    half = np.arange(x.size) % 2 == 0
    if distance(function(np.where(half, x, 0.5 - x))[half], y[half]) > 1e-6:
        return "it looks at several elements at once, so it is no activation"
    return ""


def _same_or_family(
    references: Sequence[Reference], x: Array, y: Array, tolerance: float
) -> tuple[Evidence, ...]:
    found: list[CurveFit] = []
    for count in range(_MAX_FREE + 1):
        for reference in references:
            if len(reference.parameters) == count:
                fit = fit_family(reference, x, y, tolerance)
                if fit is not None:
                    found.append(fit)
        if found:
            break
    return tuple(_family_evidence(fit) for fit in found)


def _family_evidence(fit: CurveFit) -> Evidence:
    reference = fit.reference
    words = (
        f"equal to {reference.formula.text} at {ACTIVATION_GRID.size} points, deviation {fit.distance:.1e}"
    )
    numbers = (("deviation", fit.distance), *zip(reference.parameters, fit.values, strict=True))
    if not fit.values:
        return behaviour(Relation.EQUAL, reference.technique, words, numbers=numbers)
    differs = ", ".join(f"{n}={v:.4g}" for n, v in zip(reference.parameters, fit.values, strict=True))
    return behaviour(Relation.SPECIAL_CASE, reference.technique, words, numbers=numbers, differs=differs)


def _rescaled(references: Sequence[Reference], x: Array, y: Array, tolerance: float) -> tuple[Evidence, ...]:
    found = []
    for reference in references:
        if not reference.parameters:
            fit = fit_rescaled(reference, x, y, tolerance)
            if fit is not None and _moved(fit) <= _RESCALE_PARTS:
                found.append(fit)
    found.sort(key=_moved)
    return tuple(_rescaled_evidence(fit) for fit in found)


def _moved(fit: CurveFit) -> int:
    moved = (fit.out != 1.0, fit.inner != 1.0, fit.shift != 0.0, fit.offset != 0.0)
    return sum(moved)


def _rescaled_evidence(fit: CurveFit) -> Evidence:
    words = (
        f"{fit.out:.4g} * f({fit.inner:.4g}*x {fit.shift:+.4g}) {fit.offset:+.4g} with "
        f"f = {fit.reference.formula.text}, deviation {fit.distance:.1e}"
    )
    parts = {
        "scaled": fit.out - 1.0,
        "inner scale": fit.inner - 1.0,
        "shift": fit.shift,
        "offset": fit.offset,
    }
    base = {"scaled": 1.0, "inner scale": 1.0}
    differs = ", ".join(f"{n} {v + base.get(n, 0.0):.4g}" for n, v in parts.items() if v != 0.0)
    numbers = (("deviation", fit.distance), ("out", fit.out), ("inner", fit.inner), ("shift", fit.shift))
    return behaviour(
        Relation.REPARAMETRISATION, fit.reference.technique, words, numbers=numbers, differs=differs
    )


def _sum_of_two(
    references: Sequence[Reference], x: Array, y: Array, tolerance: float
) -> tuple[Evidence, ...]:
    """`a*f + b*g` of two plain references.  Only even mixtures count: any two curves fit something."""
    plain = [(ref, ref(x)) for ref in references if not ref.parameters]
    centre = np.abs(x) <= 6.0
    for (one, first), (other, second) in combinations(plain, 2):
        design = np.column_stack([first[centre], second[centre]])
        if not np.all(np.isfinite(design)):
            continue
        weights = np.linalg.lstsq(design, y[centre], rcond=None)[0]
        if not all(min(abs(abs(w) - c) for c in (0.5, 1.0)) < 1e-5 for w in weights):
            continue
        gap = distance(y, weights[0] * first + weights[1] * second)
        if gap <= tolerance:
            words = (
                f"{weights[0]:.3g}*{one.technique} {weights[1]:+.3g}*{other.technique}, deviation {gap:.1e}"
            )
            parts = (one.technique, other.technique)
            return (behaviour(Relation.COMBINATION, one.technique, words, parts=parts),)
    return ()


def _closest(references: Sequence[Reference], x: Array, y: Array) -> Evidence:
    gaps = [(distance(y, ref(x)), ref.technique) for ref in references if not ref.parameters]
    gap, technique = min(gaps, default=(np.inf, ""))
    numbers = (("deviation from the closest", gap),)
    if gap <= _NEAR:
        return behaviour(Relation.NEAR, technique, f"within {gap:.2g} of {technique}", numbers=numbers)
    return unmatched(f"the closest plain reference, {technique}, is off by {gap:.2g}", numbers)
