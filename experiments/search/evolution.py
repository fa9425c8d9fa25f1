"""Evolution over expressions, steered by a surrogate and by Occam's razor: the embedded researcher.

One step:
1. *Candidates* for one slot, about a thousand: short expressions of its library, shapes scaled to the level
   at which something was seen to work, mutants of the best trials, crosses between the best trials of
   this node and the confirmed ones of its peers.
2. *Screen*: values finite and in range; no behaviour that was tried, is taken, or differs too little from a
   tried one to be told apart.
3. *Choice*: the candidate with the highest
   log P(its effect comes close to the best known) - razor * complexity + spread * log(distance to the tried).
   The first term is the surrogate's, the second prefers plain laws, the third keeps a node (and a swarm, of
   which every node draws other candidates) from polishing one idea. While nothing works, "close to the best"
   means "clearly better than the reference".

What it does not know: anything about the subject. No constant, exponent, formula or order of proposals comes
from a published technique, and the track's reference is no parent unless it was tried and did well.

The dials were set on deep-mlp and on an emulator of it; bench/swarm_scaling.py runs them on another law.
Settings do not enter the surrogate: where they are searched too, their effect is noise to it.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import trio

from experiments.recipe import Recipe
from leaderboard.manifest import TrackManifest

from .candidates import Candidate, Known, Workshop
from .proposer import Briefing, Proposal
from .region import Table
from .surrogate import MAX_TRIALS, Cross, Plane, Surrogate, gains, strengths, unwarp, warp

__all__ = ["Evolution", "Tuning"]

_CLEARLY: Final = 3.0  # times the track's smallest effect of interest
_CERTAIN: Final = 1000  # seeds
_ONE_IDEA: Final = 1e3  # more than any other term


@dataclass(frozen=True, slots=True)
class Tuning:
    """The dials of the choice; defaults were tuned on deep-mlp."""

    short: int = 1500
    """Candidates drawn from the library, and so on."""
    scaled: int = 300
    mutants: int = 150
    from_reference: float = 0.2
    """Share of the mutants that change the track's reference instead of a trial that did well."""
    razor: float = 0.5
    """How many units of log probability a unit of complexity costs."""
    spread: float = 1.0
    """Weight of the distance to what was tried."""
    near: float = 0.1
    """"Close to the best": this much lower, in warped units, relative."""
    apart: float = 0.03
    """Behaviours closer than this (root mean square of features) are one idea."""
    width: float = 0.5
    """Half the gap between acting too weakly (-1) or too strongly (1) in which something is expected."""
    force: float = 1.0
    """Weight of acting neither too weakly nor too strongly, once something works."""
    far: float = 0.5
    """Distances count up to this."""
    level_share: float = 0.5
    """A difference in level counts so much as one in shape."""


class Evolution:
    """The embedded researcher for expression slots."""

    name: Final = "search/evolution"

    def __init__(self, tuning: Tuning | None = None) -> None:
        self._tuning = tuning or Tuning()

    async def propose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The next recipe; computed in a thread, since it takes tens of milliseconds."""
        return await trio.to_thread.run_sync(partial(self.choose, briefing, rng))

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        """The same without a thread."""
        workshop = Workshop(briefing)
        if not workshop.slots:
            return None
        candidates = self._candidates(workshop, rng)
        if not candidates:
            return None
        scores, effects = self._score(workshop, candidates, briefing, rng)
        for place in np.argsort(-scores):
            candidate = candidates[place]
            recipe = candidate.recipe(briefing.track.space)
            if recipe is not None and recipe.id not in briefing.taken:
                return self._proposal(candidate, recipe, effects[place])
        return None

    def _candidates(self, workshop: Workshop, rng: random.Random) -> list[Candidate]:
        """New expressions for one of the slots; each behaviour once, in its plainest spelling."""
        place = rng.randrange(len(workshop.slots))
        found: dict[bytes, Candidate] = {}
        for candidate in itertools.chain(
            workshop.short(place, self._tuning.short, rng),
            workshop.scaled(place, self._tuning.scaled, rng),
            workshop.mutants(place, self._tuning.mutants, rng, self._tuning.from_reference),
        ):
            rival = found.get(candidate.mark)
            if rival is None or candidate.complexity < rival.complexity:
                found[candidate.mark] = candidate
        return list(found.values())

    def _score(
        self, workshop: Workshop, candidates: list[Candidate], briefing: Briefing, rng: random.Random
    ) -> tuple[Table, list[float | None]]:
        """Scores, shape (candidates,), and predicted effects."""
        tuning = self._tuning
        razor = tuning.razor * np.array([candidate.complexity for candidate in candidates])
        if not workshop.tried:
            # Nothing is known: a random plain idea (Gumbel noise makes the largest a draw from the weights).
            return -razor - np.log(-np.log([rng.random() for _ in candidates])), [None] * len(candidates)
        telling = _telling(workshop)
        plane = Plane(workshop.features([known.tables for known in telling]))
        new = plane.of(workshop.features([candidate.tables for candidate in candidates]))
        chance, effects = self._chance(telling, plane, new, briefing.track.manifest)
        distance = new.nearest(tuning.level_share)
        spread = tuning.spread * np.log(np.minimum(distance, tuning.far) + 1e-6)
        return chance - razor + spread - np.where(distance < tuning.apart, _ONE_IDEA, 0.0), effects

    def _chance(
        self, telling: list[Known], plane: Plane, new: Cross, manifest: TrackManifest
    ) -> tuple[Table, list[float | None]]:
        """Log chance of coming close to the best, shape (candidates,), and predicted effects."""
        # The reference gains nothing over itself, and that is certain.
        effects = [known.trial.effect if known.trial else 0.0 for known in telling]
        seeds = [known.trial.seeds if known.trial else _CERTAIN for known in telling]
        targets = strengths(effects, manifest.delta_min, manifest.effect_bound)
        force = Surrogate(plane, targets, seeds, trend=True).guess(new)
        between = force.between(self._tuning.width)
        surrogate = Surrogate(plane, gains(effects), seeds)
        guess = surrogate.guess(new)
        predicted: list[float | None] = [unwarp(float(mean)) for mean in guess.mean]
        floor = warp(_CLEARLY * manifest.delta_min)
        if surrogate.best < floor:  # nothing works yet
            return between, predicted
        goal = max(surrogate.best * (1.0 - self._tuning.near), floor)
        return guess.chance(goal) + self._tuning.force * between, predicted

    def _proposal(self, candidate: Candidate, recipe: Recipe, effect: float | None) -> Proposal:
        name = candidate.slot.name
        return Proposal(
            recipe=recipe,
            hypothesis=f"{name} = {recipe.slot(name)} is better than the reference: {candidate.origin}",
            predicted_effect=effect,
            proposer=self.name,
            parents=candidate.parents,
        )


def _telling(workshop: Workshop) -> list[Known]:
    """What the surrogate learns from: the best half of its room, the latest, and the reference."""
    tried, room = workshop.tried, MAX_TRIALS - 1
    if len(tried) > room:
        ranked = sorted(tried, key=lambda known: -known.merit)
        best = ranked[: room // 2]
        chosen = {id(known) for known in best}
        tried = best + [known for known in tried if id(known) not in chosen][-(room - len(best)) :]
    return [*tried, *([workshop.reference] if workshop.reference.sensible else [])]
