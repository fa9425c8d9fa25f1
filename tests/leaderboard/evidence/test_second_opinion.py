"""The statistics worked out a second time, another way: incomplete beta functions, and exclusion by hand.

The code uses integers and order statistics; here the mixtures are integrals by SciPy, and whether a median is
excluded is decided by counting what lies on either side of it.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc, betaln

from leaderboard.evidence.confseq import lower_bound, median_interval
from leaderboard.evidence.eprocess import e_value

ODDS = 20


def log_one_sided(wins: int, losses: int) -> float:
    """log of 2^(n+1) * B(w+1, l+1) * P(Beta(w+1, l+1) > 1/2)."""
    tail = betainc(losses + 1, wins + 1, 0.5)
    return float((wins + losses + 1) * math.log(2) + betaln(wins + 1, losses + 1) + math.log(tail))


def log_two_sided(above: int, below: int) -> float:
    """log of 2^n * B(a+1/2, b+1/2) / B(1/2, 1/2)."""
    return float((above + below) * math.log(2) + betaln(above + 0.5, below + 0.5) - betaln(0.5, 0.5))


def log_e_value(wins: int, losses: int) -> float:
    value = e_value(wins, losses)
    return math.log(value.numerator) - math.log(value.denominator)


def is_excluded(values: list[float], at: float) -> bool:
    """Whether the fair coin is rejected however those equal to `at` are divided between the sides."""
    above, below = sum(v > at for v in values), sum(v < at for v in values)
    ties = len(values) - above - below
    divisions = ((above + k, below + ties - k) for k in range(ties + 1))
    return all(log_two_sided(a, b) >= math.log(ODDS) for a, b in divisions)


@pytest.mark.parametrize("n", [1, 2, 7, 16, 40, 63, 128, 200])
def test_the_e_value_is_the_integral(n: int) -> None:
    for wins in range(n + 1):
        assert log_e_value(wins, n - wins) == pytest.approx(log_one_sided(wins, n - wins), abs=1e-9)


def test_the_e_value_is_a_martingale_under_the_fair_coin() -> None:
    """Whatever was seen, the next toss leaves its expectation where it is."""
    for wins in range(30):
        for losses in range(30):
            now = math.exp(log_e_value(wins, losses))
            after = math.exp(log_e_value(wins + 1, losses)) + math.exp(log_e_value(wins, losses + 1))
            assert after / 2 == pytest.approx(now)


COARSE = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=90)
"""Few distinct values: many ties, at the median too."""
DIVERGING = st.lists(st.sampled_from([-100.0, 0.25, 0.5, 3.0, 100.0]), min_size=1, max_size=90)


@given(COARSE | DIVERGING, st.integers(-9, 9).map(lambda half: half / 2))
def test_an_interval_holds_what_is_not_excluded(values: list[float], at: float) -> None:
    interval = median_interval(sorted(values), ODDS)
    holds = interval is None or interval[0] <= at <= interval[1]
    assert holds == (not is_excluded(values, at))


@given(COARSE | DIVERGING, st.integers(-9, 9).map(lambda half: half / 2))
def test_a_lower_bound_is_the_greatest_that_is_rejected(values: list[float], at: float) -> None:
    wins = sum(v > at for v in values)
    bound = lower_bound(sorted(values), ODDS)
    rejected = log_one_sided(wins, len(values) - wins) >= math.log(ODDS)
    assert rejected == (bound is not None and bound > at)
