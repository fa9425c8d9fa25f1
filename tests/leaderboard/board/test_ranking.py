"""The order of confirmed claims: against a model that recomputes everything, and rules one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.board.ranking import Margin, Placed, Ranking
from leaderboard.ids import ContentId

TIE = 1.0


def placed(number: int, lower: float, median: float, upper: float, size: int = 50) -> Placed:
    return Placed(ContentId(bytes([number]) * 32), Margin(lower, median, upper, chained=False), size)


def model(claims: list[Placed]) -> list[tuple[int, Placed]]:
    """Peel tiers as the module's docstring says, from nothing."""
    left = sorted(claims, key=lambda item: item.by_lower)
    rows: list[tuple[int, Placed]] = []
    tier = 0
    while left:
        tier += 1
        leader = left[0]
        tied = [item for item in left if item.ties_with(leader, TIE)]
        rows += [(tier, item) for item in sorted(tied, key=lambda item: item.in_tier)]
        left = [item for item in left if item not in tied]
    return rows


LEVELS = st.integers(-3, 12).map(float)
PLACED = st.tuples(st.integers(0, 15), LEVELS, LEVELS, LEVELS, st.integers(10, 13)).map(
    lambda t: placed(t[0], *sorted(t[1:4]), size=t[4])
)


@given(st.lists(st.one_of(PLACED, st.integers(0, 15)), max_size=40), st.integers(1, 20))
def test_equals_the_model_after_any_changes(steps: list[Placed | int], peek: int) -> None:
    ranking = Ranking(TIE)
    current: dict[ContentId, Placed] = {}
    for step in steps:
        if isinstance(step, Placed):
            assert ranking.put(step) == (current.get(step.claim) != step)
            current[step.claim] = step
        else:
            claim = ContentId(bytes([step]) * 32)
            assert ranking.remove(claim) == (current.pop(claim, None) is not None)
        assert ranking.top(peek) == model(list(current.values()))[:peek]
        assert ranking.leader == next(iter(sorted(current.values(), key=lambda item: item.by_lower)), None)


def order(*claims: Placed) -> list[int]:
    ranking = Ranking(TIE)
    for claim in claims:
        ranking.put(claim)
    return [item.claim[0] for _, item in ranking.top(10)]


def test_certainty_beats_a_greater_estimate() -> None:
    assert order(placed(1, 1.0, 9.0, 9.5), placed(2, 10.0, 11.0, 12.0)) == [2, 1]


def test_among_equals_the_shorter_recipe_comes_first() -> None:
    table = placed(1, 5.1, 6.0, 7.0, size=300)
    law = placed(2, 5.0, 6.0, 7.0, size=30)
    assert order(table, law) == [2, 1]


def test_a_wide_interval_alone_is_no_tie() -> None:
    """Few seeds reach far up, but the median must come near the leader's as well."""
    vague = placed(1, 0.1, 2.0, 100.0, size=10)
    leader = placed(2, 5.0, 6.0, 7.0, size=90)
    assert order(vague, leader) == [2, 1]


def test_ties_are_with_the_leader_not_with_a_chain_of_neighbours() -> None:
    a, b, c = placed(1, 9.0, 10.0, 11.0, 90), placed(2, 8.5, 9.5, 10.5, 80), placed(3, 8.0, 8.9, 9.6, 10)
    ranking = Ranking(TIE)
    for claim in (a, b, c):
        ranking.put(claim)
    assert [(tier, item.claim[0]) for tier, item in ranking.top(3)] == [(1, 2), (1, 1), (2, 3)]
