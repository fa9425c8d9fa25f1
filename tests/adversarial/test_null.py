"""A candidate that changes nothing is not promoted beyond the stated error rate, however it is watched."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from leaderboard.evidence.effects import Count, count
from leaderboard.evidence.electorate import Weight
from leaderboard.evidence.eprocess import strength
from leaderboard.evidence.fdr import bar_level
from leaderboard.evidence.policy import COMMON
from leaderboard.evidence.pool import Share, forward_e
from leaderboard.ids import AuthorId

TRACKS = 10_000
REPLICATORS = 5
SEEDS = 16
ALPHA = 1.0 / COMMON.odds


def author(number: int) -> AuthorId:
    return AuthorId(hashlib.sha256(bytes([number])).digest())


AUTHORS = [author(number) for number in range(REPLICATORS)]


def share(number: int, effects: np.ndarray, delta_min: float) -> Share:
    counted = count(effects.tolist(), delta_min)
    return Share(AUTHORS[number], Weight.KNOWN, counted, 0, 0, ("one",))


def confirmed(effects: np.ndarray, delta_min: float) -> bool:
    """Is a claim confirmed at any moment while its replicators deliver, one after the other?

    effects: (replicators, seeds). It is the only tested claim of its track: the lowest bar there is.
    """
    shares = [share(number, row, delta_min) for number, row in enumerate(effects)]
    return any(
        strength(forward_e(shares[:heard], COMMON), COMMON.odds) >= bar_level(1, {0: 1})
        for heard in range(COMMON.least_replicators, len(shares) + 1)
    )


def promoted(draw: np.random.Generator, scale: float, delta_min: float) -> int:
    """How many of TRACKS null candidates with symmetric noise of this scale are ever confirmed."""
    return sum(
        confirmed(scale * draw.standard_normal((REPLICATORS, SEEDS)), delta_min) for _ in range(TRACKS)
    )


def bound(rate: float) -> float:
    return TRACKS * (rate + 4.0 * math.sqrt(rate * (1.0 - rate) / TRACKS))


@pytest.mark.slow
def test_pure_noise_with_no_practical_floor_is_promoted_within_the_error_rate() -> None:
    """The worst null: every seed a fair coin, and people look after every delivery."""
    found = promoted(np.random.default_rng(1), scale=1.0, delta_min=0.0)
    assert 0 < found <= bound(ALPHA)  # some luck is left in, or the simulation shows nothing


@pytest.mark.slow
def test_a_practical_floor_leaves_almost_nothing() -> None:
    """kernels: a timing noise of 2 % against delta_min 0.02 (log2)."""
    assert promoted(np.random.default_rng(2), scale=0.03, delta_min=0.02) <= TRACKS // 1000


def test_a_comment_only_change_gains_nothing_on_any_seed() -> None:
    """The same code gives the same values where a track is exact: no seed is won, ever."""
    counted = count([0.0] * 1000, 0.0)
    assert counted == Count(wins=0, losses=1000)
    assert not confirmed(np.zeros((REPLICATORS, SEEDS)), 0.0)


def test_a_real_gain_is_confirmed() -> None:
    """The same procedure does say yes: the tests above are not passed by a board that never confirms."""
    assert confirmed(np.ones((REPLICATORS, SEEDS)), 0.5)
