"""Several proposers and a bandit that asks the one whose ideas have paid.

Theory of operation: Thompson sampling. Each proposer's record is read from the briefing (own trials carry
the name of who proposed them), so it survives a restart. The reward of a trial is its effect relative to the
best effect known, between 0 and 1; with a uniform prior the posterior of a mean reward is taken as a Beta
distribution (Agrawal and Goyal 2012, arXiv 1111.1797, section on general rewards). A proposer that has
nothing to say, or no budget, is passed over for the next one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from leaderboard.errors import Refused

from .elite import Elite
from .evolution import Evolution
from .numeric import TpeSettings
from .proposer import Briefing, Proposal, Proposer, Trial
from .refine import Refine

__all__ = ["Portfolio", "embedded", "hybrid"]

_MEMORY: Final = 60  # latest trials of each proposer that count: what paid at first may be exhausted


class Portfolio:
    """Asks one of several proposers, the more often the more its proposals yielded."""

    def __init__(self, name: str, proposers: Sequence[Proposer]) -> None:
        self.name = name
        self._proposers = tuple(proposers)

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe; its `proposer` is the member that had the idea."""
        refusal: Refused | None = None
        for proposer in self.order(briefing, rng):
            try:
                proposal = await proposer.propose(briefing, rng)
            except Refused as error:
                refusal = error
                continue
            if proposal is not None:
                return proposal
        if refusal is not None:
            raise refusal
        return None

    def order(self, briefing: Briefing, rng: random.Random) -> list[Proposer]:
        """The proposers in the order in which this draw of the bandit asks them."""
        best = max((trial.effect or 0.0 for trial in briefing.known), default=0.0)
        draws = [_draw(_rewards(briefing.history, member.name, best), rng) for member in self._proposers]
        return [
            self._proposers[place] for place in sorted(range(len(draws)), key=lambda place: -draws[place])
        ]


def _rewards(history: Sequence[Trial], name: str, best: float) -> list[float]:
    own = [trial for trial in history if trial.proposer == name][-_MEMORY:]
    return [min(max((trial.effect or 0.0) / best, 0.0), 1.0) if best > 0 else 0.0 for trial in own]


def _draw(rewards: Sequence[float], rng: random.Random) -> float:
    won = sum(rewards)
    return rng.betavariate(1.0 + won, 1.0 + len(rewards) - won)


def embedded() -> Portfolio:
    """The researcher that needs no model: evolution over expressions, the elite and TPE over settings.

    A member whose part of the space is not searched has nothing to say and costs nothing.
    """
    return Portfolio("search/embedded", (Evolution(), Elite, TpeSettings))


def hybrid(model: Proposer) -> Portfolio:
    """A language model's ideas, an optimiser for the numbers in them, and evolution beside them."""
    return Portfolio("search/hybrid", (model, Refine(), Evolution(), Elite, TpeSettings))
