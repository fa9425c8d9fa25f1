"""Recognise a penalty on weights by how it grows.

The artefact maps a matrix to one number.  Its values on matrices of growing size against references, up to
one factor (the strength), say which it is; its degree of homogeneity describes the rest.

Not covered: penalties on activations or gradients, and stochastic regularisers (masks are probed as maps).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..structure.formula import Array
from ..verdict import Evidence, Relation
from .report import behaviour, not_probed, unmatched

__all__ = ["probe_penalty"]

Penalty = Callable[[Array], float]

_TRIALS = 6
_EXACT = 1e-6


def _norm(w: Array) -> float:
    return float(np.sqrt(np.sum(w**2)))


_REFERENCES: tuple[tuple[str, Penalty], ...] = (
    ("l2-regularization", lambda w: float(np.sum(w**2))),
    ("l1-regularization", lambda w: float(np.sum(np.abs(w)))),
    ("group-lasso", lambda w: float(np.sum(np.sqrt(np.sum(w**2, axis=1))))),
    ("group-lasso", lambda w: float(np.sum(np.sqrt(np.sum(w**2, axis=0))))),
    ("orthogonal-regularization", lambda w: _norm(w.T @ w - np.eye(w.shape[1])) ** 2),
    ("orthogonal-regularization", lambda w: _norm(w @ w.T - np.eye(w.shape[0])) ** 2),
    ("spectral-regularization", lambda w: float(np.linalg.svd(w, compute_uv=False)[0]) ** 2),
    ("spectral-regularization", lambda w: float(np.linalg.svd(w, compute_uv=False)[0])),
)


def probe_penalty(function: Penalty) -> tuple[Evidence, ...]:
    """Name a penalty of one matrix; best evidence first."""
    rng = np.random.default_rng(1970)
    trials = [rng.normal(size=(7, 5)) * size for size in np.linspace(0.3, 2.0, _TRIALS)]
    values = np.array([function(w) for w in trials])
    if not np.all(np.isfinite(values)) or float(np.ptp(values)) == 0.0:
        return (not_probed("it gives no finite number that depends on the weights"),)
    for technique, reference in _REFERENCES:
        found = _compare(technique, reference, trials, values)
        if found is not None:
            return (found,)
    parts = np.array([[np.sum(np.abs(w)), np.sum(w**2)] for w in trials])
    weights = np.linalg.lstsq(parts, values, rcond=None)[0]
    if np.all(weights > 0.0) and np.max(np.abs(parts @ weights - values)) <= _EXACT * np.max(values):
        words = f"{weights[0]:.3g} * sum |w| + {weights[1]:.3g} * sum w^2"
        numbers = (("L1", float(weights[0])), ("L2", float(weights[1])))
        return (behaviour(Relation.EQUAL, "elastic-net", words, numbers=numbers),)
    degree = float(np.log2(abs(function(2.0 * trials[2]) / function(trials[2]))))
    return (unmatched(f"no known penalty; doubled weights cost 2^{degree:.2f} times as much"),)


def _compare(technique: str, reference: Penalty, trials: list[Array], values: Array) -> Evidence | None:
    target = np.array([reference(w) for w in trials])
    factor = float(target @ values) / float(target @ target)
    if factor <= 0.0 or float(np.max(np.abs(values - factor * target))) > _EXACT * float(
        np.max(np.abs(values))
    ):
        return None
    words = f"{factor:.4g} times the penalty of {technique} on {len(trials)} matrices"
    return behaviour(Relation.EQUAL, technique, words, numbers=(("strength", factor),))
