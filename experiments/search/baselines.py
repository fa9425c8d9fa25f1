"""Random and greedy search over expressions: what the embedded researcher has to beat.

Random draws from the same short expressions, with the same screen and the same weights, as the embedded
search does before it has learned anything, and never looks at a result. Greedy is the loop of the popular
autoresearch scripts: change one thing of the best so far at random, an expression or a setting, and keep the
change if one run got better.
"""

from __future__ import annotations

import random

from experiments.space import Choice, Switch

from .candidates import Candidate, Known, Workshop
from .dials import Dials
from .numeric import place, value_at
from .proposer import Briefing, Proposal

__all__ = ["Greedy", "RandomSearch"]

_ATTEMPTS = 1000  # draws before giving up on something new
_STEP = 0.15  # of a setting's range: the standard deviation of a change; a guess


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
        dials = Dials(briefing.track, briefing.searched, laws=False)
        if not (workshop.slots or dials.all):
            return None
        best = max([*workshop.tried, workshop.reference], key=_gain)
        for _ in range(_ATTEMPTS):
            if rng.randrange(len(workshop.slots) + len(dials.all)) >= len(workshop.slots):
                proposal = _moved(best, dials, briefing, rng)
            else:
                changed = workshop.changed(best, rng)
                proposal = next((p for c in changed if (p := _proposal(c, briefing, self.name))), None)
            if proposal is not None:
                return proposal
        return None


def _moved(best: Known, dials: Dials, briefing: Briefing, rng: random.Random) -> Proposal | None:
    """The best with one setting moved: a number by a step, a choice to another one; None if that is known."""
    values = dials.read(best.recipe)
    assert values is not None  # without laws every recipe has a position
    dial = rng.choice(dials.all)
    if isinstance(dial.domain, Choice | Switch):
        values[dial.key] = value_at(dial, rng.random())
    else:
        at = place(dial, values[dial.key]) + rng.gauss(0.0, _STEP)
        values[dial.key] = value_at(dial, min(max(at, 0.0), 1.0))
    recipe = dials.write(values, best.recipe)
    tried = {trial.recipe for trial in briefing.known} | {briefing.track.reference}
    if recipe is None or recipe in tried or recipe.id in briefing.taken:
        return None
    name = dial.key.removeprefix("setting:")
    text = f"{name} = {values[dial.key]} is better than {best.recipe.setting(name)}"
    return Proposal(recipe, text, None, Greedy.name, () if best.trial is None else (best.trial.claim,))


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
