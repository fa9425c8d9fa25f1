"""What every researcher's mind is given and gives back: a briefing in, one proposal out.

A proposer keeps no memory of its own. Everything it needs to know (what was tried, what peers confirmed,
what is being run at this moment) is in the `Briefing`, which the node writes afresh from its records before
each question. So a restarted node goes on exactly where it was, and two proposers asked with one briefing
and one state of the generator give one answer (a language model excepted). Caches of derived values are
allowed; state that changes an answer is not.

What peers wrote is in here too (`Trial.hypothesis`, `Briefing.lessons`): it is data from strangers and no
proposer may act on its words.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol

from experiments.recipe import Recipe
from experiments.track import Track
from leaderboard.ids import ContentId, RecipeId

__all__ = ["Briefing", "Lesson", "Proposal", "Proposer", "Trial"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe that was measured, and what came out."""

    recipe: Recipe
    effect: float | None
    """Gain over the track's reference in units of the metric, positive is better; a seed on which it
    diverged counts as minus the track's effect bound. None (or that) if every seed diverged."""
    claim: ContentId
    """The claim under which it was measured: the parent that a proposal names."""
    seeds: int = 1
    """Paired seeds behind the effect."""
    own: bool = True
    """Claimed by this node (its history) or by peers."""
    standing: str = "measured"
    """`measured`, `replicated`, `confirmed`, `refuted`, `unstable` or `retracted`."""
    interval: tuple[float, float] | None = None
    """Where the effect lies by the evidence so far, if it is known."""
    proposer: str = ""
    """Who had the idea (`Proposer.name`), so that a portfolio can count what each one yields."""
    hypothesis: str = ""
    predicted_effect: float | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """Something learned from the evidence, for a mind that reads; its text may repeat strangers' words."""

    kind: str
    """What it is about, e.g. `dead end`, `cause`, `known technique`."""
    text: str


@dataclass(frozen=True, slots=True)
class Briefing:
    """What is known at the moment of asking."""

    track: Track
    history: tuple[Trial, ...] = ()
    """This node's own trials, oldest first, whatever came of them."""
    pool: tuple[Trial, ...] = ()
    """The best confirmed recipes of the swarm, best first: the only word of others that steers."""
    checked: tuple[Trial, ...] = ()
    """Claims of others that are not confirmed, as this node found them when it ran them itself."""
    taken: frozenset[RecipeId] = frozenset()
    """Recipes that are not to be proposed: claimed by somebody in the swarm, or a dead end known here."""
    open_claims: tuple[Recipe, ...] = ()
    """Recipes of peers that nobody has confirmed, those that are running now first: work to stay away from,
    however it is spelled, and never a result."""
    slots: tuple[str, ...] | None = None
    """Slots and settings to explore, by name; None for those that the track marks as searched."""
    lessons: tuple[Lesson, ...] = ()
    """What the notebook has learned, the most telling of each kind first."""

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the slots and settings to explore."""
        if self.slots is not None:
            return self.slots
        space = self.track.space
        slots = tuple(slot.name for slot in space.slots if slot.searched)
        return slots + tuple(setting.name for setting in space.settings if setting.searched)

    @property
    def known(self) -> tuple[Trial, ...]:
        """Own trials, the confirmed pool and what was checked, each recipe once (own trials first).

        Without recipes that carry a program: which slots it decides cannot be told from outside, and to vary
        those would only run the same thing again.
        """
        seen: dict[Recipe, Trial] = {}
        for trial in (*self.history, *self.pool, *self.checked):
            if trial.recipe.program is None:
                seen.setdefault(trial.recipe, trial)
        return tuple(seen.values())


@dataclass(frozen=True, slots=True)
class Proposal:
    """A recipe to try and what is expected of it."""

    recipe: Recipe
    hypothesis: str
    predicted_effect: float | None
    """Expected gain over the reference in units of the metric, scored after the run; None for no guess."""
    proposer: str
    parents: tuple[ContentId, ...] = field(default=())
    """Claims that the recipe was derived from: lineage, from which credit is computed."""
    mechanism: str = ""
    """Why it should work, where the proposer can say."""


class Proposer(Protocol):
    """A way of having ideas."""

    @property
    def name(self) -> str:
        """Goes into the claim, e.g. `search/evolution` or `llm/MODEL`."""

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe, or None if nothing new could be found (the node asks somebody else).

        Never a recipe of `briefing.taken` or `briefing.history`. Raises Refused when a budget is spent or an
        endpoint is not reachable now.
        """
