"""The sign e-process: how strongly wins over losses speak against luck, at any moment and in any order.

Null hypothesis: a seed that is not a tie is won with probability at most 1/2, where "won" means that the
effect exceeds the track's delta_min. With w wins and l losses, n = w + l,

    E(w, l) = 2^(n+1) * integral_{1/2}^{1} p^w (1-p)^l dp

is the likelihood ratio of a uniform mixture over p in [1/2, 1] to the fair coin: a test supermartingale
under the null (Robbins' method of mixtures; Ramdas, Ruf, Larsson and Koolen, arXiv 2009.03167). By Ville's
inequality P(E ever reaches x) <= 1/x however often one looks, and E depends on counts alone, never on the
order in which records arrived.

The integral is a tail of the binomial, so E is a ratio of integers,

    E(w, l) = sum_{k<=w} C(n+1, k) / ((n+1) C(n, w)),

and no two machines can disagree about it: comparisons are exact, floats appear only for people.

Ties (both runs diverged) are dropped, so the null speaks about seeds on which at least one run was finite.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

__all__ = ["e_value", "strength"]

_CACHE = 1 << 16


@lru_cache(maxsize=_CACHE)
def e_value(wins: int, losses: int) -> Fraction:
    """E(wins, losses), exactly; 1 for no data. Costs O(wins) integer steps on a miss."""
    n = wins + losses
    # Sum the shorter tail: the two tails of row n+1 of Pascal's triangle add up to 2^(n+1).
    head = wins <= n // 2
    total = _row_head(n + 1, wins) if head else (1 << (n + 1)) - _row_head(n + 1, n - wins)
    return Fraction(total, (n + 1) * math.comb(n, wins))


def strength(value: Fraction, alpha_inverse: int) -> int:
    """The largest j with value >= alpha_inverse * 2^j, exactly; negative below the uncorrected bar."""
    numerator, denominator = value.numerator, value.denominator * alpha_inverse
    j = numerator.bit_length() - denominator.bit_length()
    scaled = numerator >= denominator << j if j >= 0 else numerator << -j >= denominator
    return j if scaled else j - 1


def _row_head(row: int, last: int) -> int:
    """Sum of C(row, k) for k = 0 ... last."""
    total = term = 1
    for k in range(last):
        term = term * (row - k) // (k + 1)
        total += term
    return total
