"""Small models that both learned channels are made of: a conditional logit, a calibration, a threshold.

The ranking's coefficients are a conditional logit's, so the difference of two scores is the log odds between
two techniques.  The calibration is a logistic regression.  Both have a ridge and are fitted by L-BFGS.
Nothing here runs when claims or programs are checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

__all__ = ["Pool", "fit_calibration", "fit_ranking", "lowest_threshold"]

_Table: TypeAlias = npt.NDArray[np.float64]
_Mask: TypeAlias = npt.NDArray[np.bool_]

Pool: TypeAlias = tuple[_Table, _Mask, float]
"""Candidates by columns, which of them are right (one at least), and what the case weighs."""


def fit_ranking(pools: Sequence[Pool], used: _Mask, ridge: float) -> _Table:
    """Coefficients of the columns, none negative; those not `used` are zero."""

    def loss(theta: _Table) -> tuple[float, _Table]:
        total, slope = ridge * float(theta @ theta), 2.0 * ridge * theta
        for table, right, weight in pools:
            scores = table @ (theta * used)
            total += weight * float(_log_sum(scores) - _log_sum(scores[right]))
            slope += weight * used * (_mean_row(table, scores) - _mean_row(table[right], scores[right]))
        return total, slope

    start = np.where(used, 5.0, 0.0)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(start))
    weights: _Table = found.x * used
    return weights


def fit_calibration(seen: _Table, truth: _Mask, weight: _Table, ridge: float) -> tuple[_Table, float]:
    """Coefficients and intercept of the chance of `truth`, from signs of shape (cases, signs)."""
    centre, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-6)
    scaled = (seen - centre) / spread
    sign = np.where(truth, 1.0, -1.0)

    def loss(theta: _Table) -> tuple[float, _Table]:
        odds = sign * (scaled @ theta[:-1] + theta[-1])
        miss = -weight * sign / (1.0 + np.exp(np.clip(odds, -50.0, 50.0)))
        slope = np.append(miss @ scaled + 2.0 * ridge * theta[:-1], miss.sum())
        total = weight @ np.logaddexp(0.0, -odds) + ridge * (theta[:-1] @ theta[:-1])
        return float(total / weight.sum()), slope / weight.sum()

    theta = minimize(loss, np.zeros(seen.shape[1] + 1), jac=True, method="L-BFGS-B").x
    coefficients: _Table = theta[:-1] / spread
    return coefficients, float(theta[-1] - coefficients @ centre)


def lowest_threshold(
    chance: _Table, right: _Mask, odd: _Mask, weight: _Table, *, precision: float, false_flags: float
) -> float:
    """The lowest probability from which precision and the share of odd ones flagged keep their limits."""
    order = np.argsort(-chance)
    flagged = np.cumsum(weight[order])
    named = np.cumsum(weight[order] * right[order])
    odd_ones = np.cumsum(weight[order] * odd[order])
    kept = (named >= precision * flagged) & (odd_ones <= false_flags * max(weight[odd].sum(), 1e-9))
    kept &= np.append(chance[order][1:] < chance[order][:-1], True)  # equal chances are flagged together
    last = np.flatnonzero(kept)
    return (
        round(float(chance[order][last[-1]]), 4) if len(last) and right[order][: last[-1] + 1].any() else 1.0
    )


def _log_sum(scores: _Table) -> float:
    most = float(scores.max())
    return most + float(np.log(np.exp(scores - most).sum()))


def _mean_row(table: _Table, scores: _Table) -> _Table:
    """Mean of the rows under the softmax of their scores."""
    share = np.exp(scores - _log_sum(scores))
    mean: _Table = share @ table
    return mean
