"""The bar: self-consistent at every state, which is what bounds the false discovery rate."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.evidence.fdr import bar_level, doublings

LEVELS = st.lists(st.integers(-5, 40), max_size=80)


def passing(levels: list[int], bar: int) -> int:
    return sum(level >= bar for level in levels)


@given(LEVELS, st.integers(0, 5000))
def test_the_confirmed_set_is_self_consistent(levels: list[int], more: int) -> None:
    """Each confirmed claim has alpha * E >= tested / confirmed: the condition of the e-BH theorem."""
    tested = len(levels) + more
    bar = bar_level(tested, Counter(levels))
    confirmed = passing(levels, bar)
    if confirmed:
        assert Fraction(2) ** bar * confirmed >= tested


@given(LEVELS, st.integers(0, 5000))
def test_finds_no_fewer_than_half_of_what_e_bh_finds(levels: list[int], more: int) -> None:
    """Rounding to powers of two costs at most a factor of four in the bar."""
    tested = len(levels) + more
    best = 0
    for k in range(1, len(levels) + 1):
        if sum(Fraction(2) ** level * k >= 4 * tested for level in levels) >= k:
            best = k
    assert passing(levels, bar_level(tested, Counter(levels))) >= best


def test_claims_nobody_tested_raise_no_bar() -> None:
    assert bar_level(0, {}) == 0
    assert bar_level(1, {0: 1}) == 0


def test_a_thousandfold_flood_costs_ten_wins() -> None:
    assert bar_level(27_247, {}) == 15
    assert bar_level(27_247_000, {}) == 25


def test_doublings() -> None:
    assert [doublings(n) for n in (0, 1, 2, 3, 4, 5, 1024, 1025)] == [0, 0, 1, 2, 2, 3, 10, 11]
