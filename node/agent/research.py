"""Own research: prepare an idea, claim it, measure it, publish what came out.

The claim is signed and durable before the first run. The author's seeds come from one pool per track and
author, so all its trials meet the same nets and the reference runs once per seed; they are raced: seed after
seed, a recipe that falls behind the author's best so far on the same seeds is not run to the end. Racing
costs nothing in honesty: the author's numbers never rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from experiments.harness.outcome import TrialError
from experiments.recipe import Recipe
from experiments.search.proposer import Briefing, Proposal, Proposer
from experiments.search.racing import worth_another_seed
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.evidence.effects import paired_effects
from leaderboard.evidence.seeds import author_seeds
from leaderboard.ids import ContentId, TrackId, short
from leaderboard.manifest import TrackManifest
from leaderboard.measurement import Measurement
from leaderboard.records import Claim, Result

from .briefing import write_briefing
from .workbench import Workbench

__all__ = ["Plan", "Researcher"]


@dataclass(frozen=True, slots=True)
class Plan:
    """An idea that is ready to be run."""

    track: Track
    proposal: Proposal


class Researcher:
    """Turns ideas into claims and claims into results."""

    def __init__(self, bench: Workbench, proposer: Proposer) -> None:
        self._bench = bench
        self._proposer = proposer
        self._log = structlog.get_logger("research")
        self._given_up: set[ContentId] = set()

    async def prepare(self, track: Track, waiting: Sequence[Recipe] = ()) -> Plan | None:
        """The next idea for `track`, none of `waiting`; None if the proposer has none now."""
        briefing = self._briefing(track)
        taken = briefing.taken | {recipe.id for recipe in waiting}
        proposal = await self._proposer.propose(replace(briefing, taken=taken), self._bench.random)
        return None if proposal is None else Plan(track, proposal)

    def is_taken(self, plan: Plan) -> bool:
        """Whether somebody claimed the recipe since the plan was made."""
        return bool(self._bench.replica.standings.claims_of_recipe(plan.proposal.recipe.id))

    async def carry_out(self, plan: Plan) -> None:
        """Claim and measure."""
        await self.finish(await self.claim(plan))

    async def claim(self, plan: Plan) -> ContentId:
        """Sign the claim; from then on the result is owed."""
        proposal = plan.proposal
        envelope = await self._bench.author.publish(
            Claim(
                track=plan.track.id,
                recipe=proposal.recipe.to_payload(),
                opponent=None,
                hypothesis=proposal.hypothesis,
                predicted_effect=proposal.predicted_effect,
                parents=proposal.parents,
                proposer=proposal.proposer,
                licence="",
                derivable=True,
            )
        )
        return envelope.id

    def unfinished(self) -> ContentId | None:
        """The oldest own claim without a result: made by a person, or left by a crash."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        waiting = (
            (facts.time_ms, claim)
            for track in self._bench.tracks
            for claim in standings.claims(track)
            if (facts := standings.facts(claim)) is not None
            and facts.author == me
            and not facts.measured
            and claim not in self._given_up
        )
        return min(waiting, default=(0, None))[1]

    async def finish(self, claim: ContentId) -> None:
        """Measure an own claim and publish the result; one that cannot be run is given up and logged."""
        view = self._bench.replica.standings.claim(claim)
        track = self._bench.tracks[view.track]
        recipe = Recipe.from_payload(view.claim.recipe, track)
        self._bench.activity.begin(f"measuring {short(claim)}")
        try:
            measurement = await self._race(track, view, recipe)
        except TrialError as error:
            self._given_up.add(claim)
            self._log.warning("trial failed", claim=short(claim), fault=str(error.fault), error=str(error))
            return
        await self._bench.author.publish(Result(claim, measurement))
        self._bench.activity.trials += 1

    async def _race(self, track: Track, view: ClaimView, recipe: Recipe) -> Measurement:
        """Measure seed after seed while the recipe keeps up with the author's best."""
        bench = self._bench
        opponent = self._opponent(track, view.claim.opponent)
        seeds = author_seeds(track.id, bench.author.id, track.manifest.author_seeds)
        best = self._best_effects(track.id) if view.claim.opponent is None else ()
        done: Measurement | None = None
        effects: tuple[float | None, ...] = ()
        while worth_another_seed(effects, _mean(best[: len(effects)]), track.manifest.delta_min, len(seeds)):
            seed = seeds[len(effects)]
            part = await bench.device.measure(
                track, recipe, opponent, [seed], gate=False, on_progress=bench.activity.report
            )
            done = part if done is None else done.extended(part)
            effects = paired_effects(done, track.manifest, len(seeds))
        assert done is not None
        return done

    def _opponent(self, track: Track, opponent: ContentId | None) -> Recipe:
        if opponent is None:
            return track.reference
        return Recipe.from_payload(self._bench.replica.standings.claim(opponent).claim.recipe, track)

    def _best_effects(self, track: TrackId) -> tuple[float, ...]:
        """Effects, seed by seed, of this author's best fully measured recipe; empty without one."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        manifest = standings.tracks()[track]
        found: list[tuple[float, ...]] = []
        for claim in standings.claims(track):
            facts = standings.facts(claim)
            if facts is None or facts.author != me or facts.claim is None or facts.claim.opponent is not None:
                continue
            found += [
                _effects(measured, manifest)
                for measured in facts.measured
                if len(measured.seeds) == manifest.author_seeds
            ]
        return max(found, key=sum, default=())

    def _briefing(self, track: Track) -> Briefing:
        return write_briefing(track, self._bench.replica.standings.board(track.id), self._bench.author.id)


def _effects(measurement: Measurement, manifest: TrackManifest) -> tuple[float, ...]:
    """Clipped effect per seed; a tie is 0."""
    found = paired_effects(measurement, manifest, len(measurement.seeds))
    return tuple(0.0 if effect is None else effect for effect in found)


def _mean(effects: Sequence[float]) -> float:
    return sum(effects) / len(effects) if effects else 0.0
