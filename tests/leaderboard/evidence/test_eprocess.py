"""The e-process: published values, the integral it stands for, and the law that makes it valid."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from leaderboard.evidence.eprocess import e_value, strength

COUNTS = st.integers(0, 60)


@pytest.mark.parametrize(
    ("wins", "losses", "value"),
    [(0, 0, 1.0), (5, 0, 10.5), (7, 0, 31.9), (8, 0, 56.8), (8, 1, 11.3), (10, 1, 30.9), (12, 1, 89.9)],
)
def test_known_values(wins: int, losses: int, value: float) -> None:
    assert float(e_value(wins, losses)) == pytest.approx(value, abs=0.06)


@pytest.mark.parametrize(("wins", "losses"), [(3, 2), (0, 9), (14, 6), (30, 25)])
def test_is_the_integral(wins: int, losses: int) -> None:
    area, _ = quad(lambda p: p**wins * (1 - p) ** losses, 0.5, 1.0, epsabs=0.0, epsrel=1e-10)
    assert float(e_value(wins, losses)) == pytest.approx(2 ** (wins + losses + 1) * area, rel=1e-8)


@given(COUNTS, COUNTS)
def test_a_fair_coin_gains_nothing(wins: int, losses: int) -> None:
    """The martingale property, exactly: the next fair toss leaves the expectation where it was."""
    assert e_value(wins, losses) == (e_value(wins + 1, losses) + e_value(wins, losses + 1)) / 2


@given(COUNTS, COUNTS)
def test_wins_help_and_losses_hurt(wins: int, losses: int) -> None:
    assert e_value(wins + 1, losses) > e_value(wins, losses) > e_value(wins, losses + 1)


def test_huge_counts_are_exact() -> None:
    assert e_value(5000, 0) == Fraction(2**5001 - 1, 5001)
    assert e_value(0, 5000) == Fraction(1, 5001)


@given(st.integers(1, 10**40), st.integers(1, 10**40), st.integers(1, 1000))
def test_strength_brackets_the_value(numerator: int, denominator: int, odds: int) -> None:
    value = Fraction(numerator, denominator)
    level = strength(value, odds)
    assert odds * Fraction(2) ** level <= value < odds * Fraction(2) ** (level + 1)
