"""Random and greedy search over expressions: what the embedded researcher has to beat.

Random draws from the same short expressions, with the same screen and the same weights, as the embedded
search does before it has learned anything, and never looks at a result. Greedy is the loop of the popular
autoresearch scripts: change the best thing so far at random, keep the change if one run got better.
"""

from __future__ import annotations

import random

from .candidates import Candidate, Known, Workshop
from .proposer import Briefing, Proposal

__all__ = ["Greedy", "RandomSearch"]

_ATTEMPTS = 1000  # draws before giving up on something new


class RandomSearch:
    """A new short expression, plain ones more often."""

    name = "search/random"

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe."""
        return self.choose(briefing, rng)

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The same without a loop."""
        workshop = Workshop(briefing)
        if not workshop.slots:
            return None
        for _ in range(_ATTEMPTS):
            for candidate in workshop.short(rng.randrange(len(workshop.slots)), 1, rng):
                if proposal := _proposal(candidate, briefing, self.name):
                    return proposal
        return None


class Greedy:
    """A random change of the best recipe so far, the reference at first."""

    name = "search/greedy"

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe."""
        return self.choose(briefing, rng)

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The same without a loop."""
        workshop = Workshop(briefing)
        if not workshop.slots:
            return None
        best = max([*workshop.tried, workshop.reference], key=_gain)
        for _ in range(_ATTEMPTS):
            for candidate in workshop.changed(best, rng):
                if proposal := _proposal(candidate, briefing, self.name):
                    return proposal
        return None


def _gain(known: Known) -> float:
    """One lucky run is enough for it; the reference gains nothing over itself."""
    if known.trial is None:
        return 0.0
    return float("-inf") if known.trial.effect is None else known.trial.effect


def _proposal(candidate: Candidate, briefing: Briefing, name: str) -> Proposal | None:
    recipe = candidate.recipe(briefing.track.space)
    if recipe is None or recipe.id in briefing.taken:
        return None
    slot = candidate.slot.name
    text = f"{slot} = {recipe.slot(slot)} is better than the reference: {candidate.origin}"
    return Proposal(recipe, text, None, name, candidate.parents)
