"""Recognise a loss by its values.

Two readings.  As a regression loss it is a function of the residual, sampled on a grid and matched like an
activation (families with fitted parameters, factors).  As a classification loss it takes logits (batch,
classes) and labels; values on fixed random logits are compared with references whose one parameter is fitted
(focal exponent, smoothing, poly coefficient, temperature).  References come from the papers' formulae.

Not covered: losses that compare items of a batch (contrastive ones), sequence losses, and gradients that are
stopped on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ..structure.formula import Array
from ..verdict import Evidence, Relation
from .curves import Curve, Reference, distance, fit_family
from .report import behaviour, not_probed, unmatched

__all__ = ["LOGITS", "TARGETS", "probe_classification_loss", "probe_residual_loss"]

_EXACT = 1e-6
_RESIDUALS = np.concatenate([-np.geomspace(40.0, 0.01, 60), [0.0], np.geomspace(0.01, 40.0, 60)])

LOGITS: Array = np.random.default_rng(17).normal(size=(40, 5)) * 2.0
"""Probe logits, (batch, classes)."""
TARGETS = np.random.default_rng(18).integers(0, 5, size=40)
"""Probe labels, (batch,)."""


def probe_residual_loss(function: Curve, references: tuple[Reference, ...]) -> tuple[Evidence, ...]:
    """Name a loss of the residual r = prediction - target (or its negative); best evidence first."""
    r = _RESIDUALS
    y = function(r)
    if y.shape != r.shape or np.count_nonzero(np.isfinite(y)) < 0.9 * r.size:
        return (not_probed("not a finite function of the residual"),)
    if float(np.ptp(y)) <= 1e-12:
        return (not_probed("it does not depend on the residual"),)
    for reference in sorted(references, key=lambda ref: len(ref.parameters)):
        if len(reference.parameters) <= 1:
            found = _residual_match(reference, r, y)
            if found is not None:
                return (found,)
    return (unmatched("no known loss of the residual"),)


def _residual_match(reference: Reference, r: Array, y: Array) -> Evidence | None:
    """The same up to a constant factor and the residual's sign."""
    for sign in (1.0, -1.0):
        for factor in (1.0, 0.5, 2.0):
            fit = fit_family(reference, sign * r, y / factor, _EXACT)
            if fit is None:
                continue
            named = zip(reference.parameters, fit.values, strict=True)
            differs = ", ".join(f"{name}={value:.4g}" for name, value in named)
            words = f"equal to {factor:g} * {reference.formula.text}, deviation {fit.distance:.1e}"
            relation = Relation.SPECIAL_CASE if fit.values else Relation.EQUAL
            numbers = (("deviation", fit.distance), ("factor", factor))
            return behaviour(relation, reference.technique, words, numbers=numbers, differs=differs)
    return None


# --- classification -------------------------------------------------------------------------------------

PerItem = Callable[[Array, float], Array]
"""(log-probabilities (batch, classes), parameter) to the loss of every item, for TARGETS."""


@dataclass(frozen=True, slots=True)
class _Known:
    technique: str
    value: PerItem
    parameter: str = ""
    starts: tuple[float, ...] = (0.0,)


def _own(logp: Array) -> Array:
    return logp[np.arange(len(logp)), TARGETS]


def _one_hot() -> Array:
    return np.eye(LOGITS.shape[1])[TARGETS]


def _plain(value: Callable[[Array], Array]) -> PerItem:
    return lambda logp, _: value(logp)


_KNOWN: tuple[_Known, ...] = (
    _Known("cross-entropy", _plain(lambda lp: -_own(lp))),
    _Known("brier-loss", _plain(lambda lp: np.sum((np.exp(lp) - _one_hot()) ** 2, axis=1))),
    _Known("brier-loss", _plain(lambda lp: np.mean((np.exp(lp) - _one_hot()) ** 2, axis=1))),
    _Known("mae-loss", _plain(lambda lp: 1.0 - np.exp(_own(lp)))),
    _Known("unlikelihood", _plain(lambda lp: -np.log1p(-np.exp(_own(lp))))),
    _Known(
        "label-smoothing", lambda lp, q: -(1 - q) * _own(lp) - q * lp.mean(axis=1), "smoothing", (0.1, 0.3)
    ),
    _Known("focal-loss", lambda lp, q: -((1 - np.exp(_own(lp))) ** q) * _own(lp), "gamma", (2.0, 0.5, 5.0)),
    _Known("poly-loss", lambda lp, q: -_own(lp) + q * (1 - np.exp(_own(lp))), "epsilon", (1.0, -1.0)),
    _Known("generalized-cross-entropy", lambda lp, q: (1 - np.exp(q * _own(lp))) / q, "q", (0.7, 0.3)),
    _Known(
        "confidence-penalty", lambda lp, q: -_own(lp) + q * np.sum(np.exp(lp) * lp, axis=1), "beta", (0.1,)
    ),
    _Known(
        "z-loss", lambda lp, q: -_own(lp) + q * special.logsumexp(LOGITS, axis=1) ** 2, "weight", (1e-3, 0.1)
    ),
)


def probe_classification_loss(values: Array) -> tuple[Evidence, ...]:
    """Name a loss from what it gives on LOGITS and TARGETS: one number (a mean) or one an item."""
    if not np.all(np.isfinite(values)) or values.shape not in {(), (1,), (len(TARGETS),)}:
        return (not_probed("it gives neither one finite number nor one an item"),)
    logp = LOGITS - special.logsumexp(LOGITS, axis=1, keepdims=True)
    for known in _KNOWN:
        found = _classification_match(known, logp, values)
        if found is not None:
            return (found,)
    return (unmatched("no known loss of logits and labels"),)


def _classification_match(known: _Known, logp: Array, values: Array) -> Evidence | None:
    def predicted(q: float) -> Array:
        with np.errstate(all="ignore"):
            per_item = known.value(logp, q)
        return (
            per_item if values.ndim and values.size > 1 else np.asarray(per_item.mean()).reshape(values.shape)
        )

    if known.parameter and values.size == 1:
        return None  # one number fits any one-parameter family
    for start in known.starts:
        q = start
        if known.parameter:
            q = _fitted(lambda value: predicted(value) - values, start)
        gap = distance(np.atleast_1d(values), np.atleast_1d(predicted(q)))
        if gap <= _EXACT and (not known.parameter or abs(q) > 1e-6):
            words = f"its values are those of {known.technique}, deviation {gap:.1e}"
            differs = f"{known.parameter}={q:.4g}" if known.parameter else ""
            relation = Relation.SPECIAL_CASE if known.parameter else Relation.EQUAL
            return behaviour(relation, known.technique, words, numbers=(("deviation", gap),), differs=differs)
    return None


def _fitted(gap: Callable[[float], Array], start: float) -> float:
    """The parameter that makes the gap smallest, from one start."""

    def residual(values: Array) -> Array:
        found = gap(float(values[0]))
        return np.where(np.isfinite(found), found, 1e3)

    return float(optimize.least_squares(residual, [start], xtol=1e-14, ftol=1e-14, gtol=1e-14).x[0])
