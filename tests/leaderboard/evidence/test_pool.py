"""Pooling: averages and minima of e-values, and costs that a crowd cannot drive up."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.evidence.effects import Count
from leaderboard.evidence.electorate import Weight
from leaderboard.evidence.eprocess import e_value
from leaderboard.evidence.policy import COMMON
from leaderboard.evidence.pool import Share, forward_e, reverse_e, spare
from leaderboard.ids import AuthorId


def share(
    number: int,
    wins: int,
    losses: int,
    *,
    overdue: int = 0,
    outstanding: int = 0,
    weight: Weight = Weight.KNOWN,
    place: str = "one",
) -> Share:
    author = AuthorId(number.to_bytes(32, "big"))
    return Share(author, weight, Count(wins, losses), overdue, outstanding, (place,))


def test_two_pool_all_their_seeds() -> None:
    assert forward_e([share(1, 8, 0), share(2, 7, 1)], COMMON) == e_value(15, 1)


def test_three_must_spare_any_one() -> None:
    assert forward_e([share(1, 8, 0), share(2, 7, 1), share(3, 2, 6)], COMMON) == e_value(9, 7)


def test_overdue_seeds_are_losses_and_outstanding_ones_half() -> None:
    assert forward_e([share(1, 8, 0, overdue=4), share(2, 8, 0)], COMMON) == e_value(16, 4)
    mixed = forward_e([share(1, 8, 0, outstanding=4), share(2, 8, 0)], COMMON)
    assert mixed == (e_value(16, 4) + e_value(16, 0)) / 2


def test_newcomers_count_in_the_strict_half_alone() -> None:
    value = forward_e([share(1, 8, 0), share(2, 8, 0, weight=Weight.NEWCOMER)], COMMON)
    assert value == (e_value(16, 0) + e_value(8, 0)) / 2


def test_large_environments_are_capped_against_each_other() -> None:
    shares = [share(i, 30, 2, place="big") for i in range(9)] + [share(10, 4, 28, place="small")]
    pooled = e_value(8 * 30 + 4, 8 * 2 + 28)
    assert forward_e(shares, COMMON) < pooled


def test_seven_must_spare_any_two() -> None:
    """Two liars among seven cannot lift a null claim, and cannot veto a true one by losses alone."""
    honest = [share(i, 4, 4) for i in range(5)]
    lifted = [*honest, share(5, 32, 0), share(6, 32, 0)]
    assert forward_e(lifted, COMMON) == e_value(20, 20)
    true = [share(i, 8, 0) for i in range(5)]
    assert forward_e([*true, share(5, 0, 8), share(6, 0, 8)], COMMON) == e_value(24, 16)


def test_how_many_are_spared() -> None:
    assert [spare(count, COMMON) for count in (0, 2, 3, 6, 7, 9, 10, 13)] == [0, 0, 1, 1, 2, 2, 3, 4]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=8))
def test_never_more_than_without_any_f(counts: list[tuple[int, int]]) -> None:
    shares = [share(i, *count) for i, count in enumerate(counts)]
    value = forward_e(shares, COMMON)
    delivered = [s for s in shares if s.delivered]
    if len(delivered) >= COMMON.removal_from:
        for gone in combinations(delivered, spare(len(delivered), COMMON)):
            rest = [s for s in shares if s not in gone]
            assert value <= e_value(sum(s.count.wins for s in rest), sum(s.count.losses for s in rest))


def test_reverse_evidence_ignores_silence() -> None:
    assert reverse_e([share(1, 0, 0, overdue=32), share(2, 0, 0, overdue=32)], COMMON) == 1
    assert reverse_e([share(1, 0, 8), share(2, 1, 7)], COMMON) == e_value(15, 1)
    assert reverse_e([share(1, 0, 8), share(2, 0, 8), share(3, 0, 8)], COMMON) == e_value(16, 0)


def test_a_thousand_replicators_are_still_cheap() -> None:
    shares = [share(i, 20, 12, place=f"env{i % 7}") for i in range(1000)]
    start = time.process_time()
    value = forward_e(shares, COMMON)
    assert time.process_time() - start < 2.0
    assert value > Fraction(1000)
