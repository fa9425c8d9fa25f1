"""The bandit asks whoever has paid, and passes over whoever has nothing to say."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from experiments.recipe import Recipe
from experiments.search.calibration import calibrate
from experiments.search.portfolio import Portfolio, embedded, hybrid
from experiments.search.proposer import Briefing, Proposal, Trial
from experiments.track import Track
from leaderboard.errors import Refused

Make = Callable[..., Recipe]
MakeTrial = Callable[..., Trial]


@dataclass
class Fixed:
    """Always says the same thing."""

    name: str
    says: Recipe | None = None
    refuses: bool = False

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        if self.refuses:
            raise Refused("not now")
        return None if self.says is None else Proposal(self.says, "", None, self.name)


def test_it_prefers_what_paid(track: Track, recipe: Make, trial: MakeTrial) -> None:
    history = tuple(
        trial(recipe(f"{n}"), 1.0 if n % 2 else 0.0, proposer="good" if n % 2 else "bad")
        for n in range(1, 21)
    )
    portfolio = Portfolio("p", (Fixed("bad"), Fixed("good")))
    rng = random.Random(1)
    firsts = Counter(portfolio.order(Briefing(track, history), rng)[0].name for _ in range(100))
    assert firsts["good"] > 95


def test_it_tries_everybody_at_first(track: Track) -> None:
    portfolio = Portfolio("p", (Fixed("a"), Fixed("b")))
    rng = random.Random(1)
    firsts = Counter(portfolio.order(Briefing(track), rng)[0].name for _ in range(100))
    assert 30 < firsts["a"] < 70


async def test_it_passes_over_the_silent_and_the_refusing(track: Track, recipe: Make) -> None:
    members = (Fixed("silent"), Fixed("busy", refuses=True), Fixed("talks", recipe("a")))
    for seed in range(6):
        proposal = await Portfolio("p", members).propose(Briefing(track), random.Random(seed))
        assert proposal is not None
        assert proposal.proposer == "talks"


async def test_if_all_refuse_so_does_it(track: Track) -> None:
    with pytest.raises(Refused):
        await Portfolio("p", (Fixed("busy", refuses=True), Fixed("silent"))).propose(
            Briefing(track), random.Random(1)
        )
    assert await Portfolio("p", (Fixed("silent"),)).propose(Briefing(track), random.Random(1)) is None


async def test_the_embedded_researcher_needs_no_model(track: Track) -> None:
    proposal = await embedded().propose(Briefing(track), random.Random(1))
    assert proposal is not None
    assert proposal.proposer == "search/evolution"  # no setting is searched by default


async def test_the_hybrid_goes_on_without_its_model(track: Track) -> None:
    proposal = await hybrid(Fixed("llm/gone", refuses=True)).propose(Briefing(track), random.Random(1))
    assert proposal is not None


def test_calibration_shows_who_is_too_hopeful(recipe: Make, trial: MakeTrial) -> None:
    trials = [
        *(trial(recipe(f"{n}"), 0.1 * n, proposer="modest", predicted_effect=0.1 * n) for n in range(1, 6)),
        *(trial(recipe(f"{n}*a"), 0.0, proposer="sure", predicted_effect=1.5) for n in range(1, 4)),
        trial(recipe("b"), None, proposer="sure", predicted_effect=1.0),
        trial(recipe("a"), 1.0, proposer="silent"),
    ]
    outcomes = [(item.proposer, item.predicted_effect, item.effect) for item in trials]
    modest, sure = calibrate(outcomes, bound=2.0)
    assert (modest.proposer, modest.predictions, modest.bias, modest.right_sign) == ("modest", 5, 0.0, 1.0)
    assert modest.correlation == pytest.approx(1.0)
    assert sure.bias == pytest.approx((1.5 * 3 + 3.0) / 4)
    assert sure.right_sign == 0.0
