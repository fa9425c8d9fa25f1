"""What the benches of search share: a portfolio that is asked without a thread."""

from __future__ import annotations

import random
from dataclasses import dataclass

from experiments.search.portfolio import Portfolio
from experiments.search.proposer import Briefing, Proposal


@dataclass(frozen=True)
class Blocking:
    """A portfolio as the other researchers are used here: without a thread."""

    portfolio: Portfolio

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        asked = (member.choose(briefing, rng) for member in self.portfolio.order(briefing, rng))
        return next((proposal for proposal in asked if proposal is not None), None)
