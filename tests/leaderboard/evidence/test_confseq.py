"""Confidence sequences: when they start, what they contain, and that they cover while one peeks."""

from __future__ import annotations

import bisect
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.evidence.confseq import lower_bound, median, median_interval
from leaderboard.evidence.eprocess import e_value

VALUES = st.lists(st.floats(-1e6, 1e6), max_size=60).map(sorted)


def test_finite_from_seven_on() -> None:
    assert median_interval(list(range(6)), 20) is None
    assert median_interval(list(range(7)), 20) == (0, 6)
    assert lower_bound(list(range(6)), 20) is None
    assert lower_bound(list(range(7)), 20) == 0


def test_median_of_values() -> None:
    assert median([]) is None
    assert median([1.0, 2.0, 9.0]) == 2.0
    assert median([1.0, 2.0, 4.0, 9.0]) == 3.0


@given(VALUES)
def test_the_interval_contains_the_median_and_lies_in_the_data(values: list[float]) -> None:
    interval = median_interval(values, 20)
    if interval is not None:
        low, high = interval
        assert values[0] <= low <= median(values) <= high <= values[-1]


@given(VALUES, st.floats(-10, 10))
def test_the_lower_bound_is_the_test_inverted(values: list[float], threshold: float) -> None:
    """`lower > threshold` and `E >= odds` are one statement."""
    wins = sum(value > threshold for value in values)
    bound = lower_bound(values, 20)
    assert (bound is not None and bound > threshold) == (e_value(wins, len(values) - wins) >= 20)


@given(VALUES)
def test_more_certainty_is_never_narrower(values: list[float]) -> None:
    loose, tight = lower_bound(values, 20), lower_bound(values, 2000)
    assert tight is None or (loose is not None and tight <= loose)


@pytest.mark.parametrize("heavy", [False, True])
def test_covers_under_continuous_peeking(heavy: bool) -> None:
    """400 runs of 120 seeds, looked at after every seed; a miss at any time is a miss."""
    dice = random.Random(7)
    misses = 0
    for _ in range(400):
        values: list[float] = []
        for _ in range(120):
            a, b = dice.gauss(0, 1), dice.gauss(0, 1)
            bisect.insort(values, a / b if heavy else a)
            interval = median_interval(values, 20)
            if interval is not None and not interval[0] <= 0.0 <= interval[1]:
                misses += 1
                break
    assert misses <= 0.05 * 400


def test_atoms_at_the_median_are_not_excluded() -> None:
    """Six in ten runs exactly 0 and the rest above: 0 is a median and must stay inside."""
    dice = random.Random(3)
    values: list[float] = []
    for _ in range(300):
        bisect.insort(values, 0.0 if dice.random() < 0.6 else 1.0)
        interval = median_interval(values, 20)
        assert interval is None or interval[0] <= 0.0 <= interval[1]
