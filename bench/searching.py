"""What the benches of search share: a researcher who is asked and told as a node's author is, and its sums."""

from __future__ import annotations

import hashlib
import math
import os
import random
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.recipe import Recipe
from experiments.search.portfolio import Portfolio
from experiments.search.proposer import Briefing, Proposal, Trial
from experiments.search.racing import worth_another_seed
from experiments.track import Track


class Target(Protocol):
    """Something to search on: a track, and what a run of a recipe gains on it."""

    @property
    def track(self) -> Track: ...

    def gain(self, recipe: Recipe, seed: int) -> float | None:
        """Paired with the reference; None for a divergence."""


@dataclass(frozen=True)
class Blocking:
    """A portfolio as the other researchers are used here: without a thread."""

    portfolio: Portfolio

    def choose(self, briefing: Briefing, rng: random.Random) -> Proposal | None:
        asked = (member.choose(briefing, rng) for member in self.portfolio.order(briefing, rng))
        return next((proposal for proposal in asked if proposal is not None), None)


@dataclass
class Researcher:
    """One proposer with its history, its seeds, and the racing of node/agent/research.py."""

    target: Target
    proposer: object
    rng: random.Random
    history: list[Trial] = field(default_factory=list)
    runs: int = 0
    seeds: list[int] = field(default_factory=list)
    """One pool for all its trials, as a node's author has; the reference runs once per seed."""
    best: list[float] = field(default_factory=list)
    """Gains, seed by seed, of the best recipe that was run on all of them."""

    def __post_init__(self) -> None:
        self.seeds = [self.rng.getrandbits(48) for _ in range(self.target.track.manifest.author_seeds)]

    def step(
        self, pool: tuple[Trial, ...] = (), taken: frozenset = frozenset(), others: tuple = ()
    ) -> Trial | None:
        """One claim: proposed and measured."""
        briefing = Briefing(self.target.track, tuple(self.history), pool, taken, others)
        proposal = self.proposer.choose(briefing, self.rng)
        if proposal is None:
            return None
        gains = self._race(proposal.recipe)
        effect = mean_gain(gains, self.target.track.manifest.effect_bound)
        claim = hashlib.sha256(proposal.recipe.id).digest()
        trial = Trial(proposal.recipe, effect, claim, len(gains), proposer=proposal.proposer)
        self.history.append(trial)
        self.runs += len(gains)
        return trial

    def _race(self, recipe: Recipe) -> list[float | None]:
        """Seed after seed while the recipe keeps up with the best on the same seeds."""
        manifest = self.target.track.manifest
        gains: list[float | None] = []
        while worth_another_seed(gains, _mean(self.best[: len(gains)]), manifest.delta_min, len(self.seeds)):
            gains.append(self.target.gain(recipe, self.seeds[len(gains)]))
        if len(gains) == len(self.seeds):
            bound = manifest.effect_bound
            clipped = [-bound if one is None else max(-bound, one) for one in gains]
            self.best = max(self.best, clipped, key=sum) if self.best else clipped
        return gains

    def champion(self, within: int) -> Trial | None:
        """The best trial by the researcher's own measurements within the first so many runs."""
        runs, seen = 0, []
        for trial in self.history:
            runs += trial.seeds
            if runs > within:
                break
            if trial.effect is not None:
                seen.append(trial)
        return max(seen, key=lambda t: t.effect * t.seeds / (t.seeds + 1.0), default=None)


def _mean(numbers: list[float]) -> float:
    return statistics.fmean(numbers) if numbers else 0.0


def mean_gain(gains: list[float | None], bound: float) -> float | None:
    """Mean where a divergence counts as minus the bound; None if all diverged."""
    if all(one is None for one in gains):
        return None
    return statistics.fmean(-bound if one is None else max(-bound, one) for one in gains)


def median(numbers: list[float | None]) -> float:
    """The upper median; what was not found counts as more than everything."""
    return statistics.median_high(math.inf if number is None else number for number in numbers)


def spread(numbers: list[float | None]) -> str:
    """Median, and lower and upper quartile; what was not found counts as more than everything found."""
    ordered = sorted(math.inf if number is None else number for number in numbers)
    ends = ordered[len(ordered) // 4], median(numbers), ordered[(3 * len(ordered)) // 4]
    low, middle, high = ("never" if math.isinf(end) else f"{end:.0f}" for end in ends)
    return f"{middle} ({low} to {high})"
