"""How good predictions were: shown per proposer, so that a model which is always sure is seen through."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Calibration", "calibrate"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Predicted against measured effects of one proposer, in units of the metric."""

    proposer: str
    predictions: int
    bias: float
    """Mean of predicted minus measured: positive is too hopeful."""
    error: float
    """Mean absolute error."""
    right_sign: float
    """Share of predictions with the right direction."""
    correlation: float | None
    """Pearson's; None with fewer than three predictions or without variation."""


def calibrate(
    outcomes: Iterable[tuple[str, float | None, float | None]], bound: float
) -> tuple[Calibration, ...]:
    """One per proposer that predicted anything, by name; a divergence counts as minus `bound`.

    outcomes: (proposer, predicted effect or None, measured effect or None for a divergence).
    """
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for proposer, predicted, measured in outcomes:
        if predicted is not None:
            pairs[proposer].append((predicted, -bound if measured is None else measured))
    return tuple(_calibration(name, pairs[name]) for name in sorted(pairs))


def _calibration(name: str, pairs: list[tuple[float, float]]) -> Calibration:
    count = len(pairs)
    return Calibration(
        proposer=name,
        predictions=count,
        bias=math.fsum(p - m for p, m in pairs) / count,
        error=math.fsum(abs(p - m) for p, m in pairs) / count,
        right_sign=sum((p > 0) == (m > 0) for p, m in pairs) / count,
        correlation=_correlation(pairs),
    )


def _correlation(pairs: list[tuple[float, float]]) -> float | None:
    count = len(pairs)
    if count < 3:
        return None
    mean_p, mean_m = math.fsum(p for p, _ in pairs) / count, math.fsum(m for _, m in pairs) / count
    covariance = math.fsum((p - mean_p) * (m - mean_m) for p, m in pairs)
    spread = math.fsum((p - mean_p) ** 2 for p, _ in pairs) * math.fsum((m - mean_m) ** 2 for _, m in pairs)
    return covariance / math.sqrt(spread) if spread > 0 else None
