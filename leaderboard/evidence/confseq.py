"""How large is the effect? An anytime-valid confidence sequence for the median of paired effects.

No finite-sample interval exists for an unbounded mean, and seeds that diverge make means meaningless; the
median needs no assumption on tails at all. If m is a median of the effect, then "above m" is a coin of
probability at most 1/2 on either side, so every m that a fair-coin martingale rejects can be excluded
(quantile confidence sequences: Howard and Ramdas, arXiv 1906.09712). The two-sided interval uses the
Krichevsky-Trofimov mixture, Beta(1/2, 1/2),

    K(a, b) = (2a-1)!! (2b-1)!! / (a+b)!,

which has the shortest start of the simple mixtures: finite from n = 7 on at 95 %. The lower bound alone
inverts the one-sided mixture of leaderboard.evidence.eprocess, so that "confirmed" and "the lower bound
exceeds delta_min" are one statement.

Atoms are handled by closed intervals between order statistics: however the values equal to m are divided
between the two sides, m is excluded only if every division is. Coverage holds over all n at once, for
seeds that are independent draws; bench/evidence.py measures it under continuous peeking.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache

from .eprocess import e_value

__all__ = ["lower_bound", "median", "median_interval"]


def median(ordered: Sequence[float]) -> float | None:
    """Median of values in ascending order; None for none. One rounding, equal on all IEEE machines."""
    n = len(ordered)
    if n == 0:
        return None
    if n % 2:
        return ordered[n // 2]
    return (ordered[n // 2 - 1] + ordered[n // 2]) / 2.0


def median_interval(ordered: Sequence[float], odds: int) -> tuple[float, float] | None:
    """Closed interval with anytime coverage 1 - 1/odds from values in ascending order; None if infinite."""
    ordered = _thinned(ordered)
    n = len(ordered)
    count = _two_sided_count(n, odds)
    return None if count is None else (ordered[n - count], ordered[count - 1])


def lower_bound(ordered: Sequence[float], odds: int) -> float | None:
    """Anytime lower bound of the median at level 1/odds from ascending values; None if infinite."""
    ordered = _thinned(ordered)
    n = len(ordered)
    count = _one_sided_count(n, odds)
    return None if count is None else ordered[n - count]


_MOST_VALUES = 4_096
"""Beyond this many values evenly spaced order statistics stand for all: bounds the cost, widens results."""


def _thinned(ordered: Sequence[float]) -> Sequence[float]:
    n = len(ordered)
    if n <= _MOST_VALUES:
        return ordered
    return [ordered[(2 * i + 1) * n // (2 * _MOST_VALUES)] for i in range(_MOST_VALUES)]


@lru_cache(maxsize=1 << 14)
def _two_sided_count(n: int, odds: int) -> int | None:
    """Smallest majority of n that the two-sided mixture rejects at 1/odds."""
    return _first(n, lambda count: _krichevsky_trofimov(count, n - count) >= odds)


@lru_cache(maxsize=1 << 14)
def _one_sided_count(n: int, odds: int) -> int | None:
    return _first(n, lambda count: e_value(count, n - count) >= odds)


def _first(n: int, rejected: Callable[[int], bool]) -> int | None:
    """Bisect for the smallest rejected count above n/2; rejection is monotone there."""
    low, high = n // 2 + 1, n
    if n == 0 or not rejected(n):
        return None
    while low < high:
        middle = (low + high) // 2
        if rejected(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _krichevsky_trofimov(above: int, below: int) -> Fraction:
    return Fraction(
        _double_factorial(2 * above - 1) * _double_factorial(2 * below - 1), math.factorial(above + below)
    )


def _double_factorial(odd: int) -> int:
    """1 * 3 * 5 * ... * odd, written with factorials, which are fast for large arguments."""
    half = (odd + 1) // 2
    return math.factorial(2 * half) // (math.factorial(half) << half)
