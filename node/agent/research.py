"""Own research: prepare an idea, claim it, measure it, publish what came out.

The claim is signed and durable before the first run. The author's seeds come from one pool per track and
author, so all its trials meet the same nets and the reference runs once per seed; they are raced: seed after
seed, a recipe that falls behind the author's best so far on the same seeds is not run to the end. Racing
costs nothing in honesty: the author's numbers never rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from experiments.harness.outcome import Fault, TrialError
from experiments.recipe import Recipe, RecipeError
from experiments.search.proposer import Briefing, Proposal, Proposer
from experiments.search.racing import worth_another_seed
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.errors import LocalError, Refused
from leaderboard.evidence.effects import paired_effects
from leaderboard.evidence.facts import ClaimFacts
from leaderboard.evidence.seeds import author_seeds
from leaderboard.ids import ContentId, TrackId, short
from leaderboard.manifest import TrackManifest
from leaderboard.measurement import Measurement
from leaderboard.records import MAX_TEXT, Claim, Result, Retraction

from ..notebook_entries import Attempt
from ..replica import now_ms
from .briefing import NOTHING, POOL, write_briefing
from .leases import is_taken, runs_before
from .memory import Memory
from .recall import Recall
from .screen import confirmed_already, finding_of, headline_of, is_known, question, reproduction
from .workbench import Workbench

__all__ = ["Plan", "Researcher"]

_IDEAS = 4
"""Proposals in a row that may turn out to be known and confirmed before the proposer is left alone."""

_RIVALS = 16
"""Own claims among which the best fully measured one is looked for: the best by their medians."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An idea that is ready to be run."""

    track: Track
    proposal: Proposal
    known_as: Mapping[str, object] | None
    """The novelty checker's answer if it recognised the idea before it was run."""


class Researcher:
    """Turns ideas into claims and claims into results."""

    def __init__(self, bench: Workbench, proposer: Proposer, memory: Memory | None = None) -> None:
        """Without `memory` it knows what the records say and nothing else."""
        self._bench = bench
        self._proposer = proposer
        self._memory = memory
        self._recall = Recall()
        self._log = structlog.get_logger("research")
        self._given_up: set[ContentId] = set()
        self._settled: set[ContentId] = set()
        """Own claims that have a result, were taken back or given up: nothing to look at again."""

    def attempts(self, track: TrackId) -> Iterable[Attempt]:
        """What was tried on the track, as far as it is remembered."""
        return () if self._memory is None else self._memory.attempts(track).values()

    async def prepare(self, track: Track, waiting: Sequence[Recipe] = ()) -> Plan | None:
        """The next idea for `track`, none of `waiting`; None if the proposer has none now."""
        briefing = self._briefing(track)
        taken = set(briefing.taken) | {recipe.id for recipe in waiting}
        for _ in range(_IDEAS):
            asked = replace(briefing, taken=frozenset(taken))
            proposal = await self._proposer.propose(asked, self._bench.random)
            if proposal is None:
                return None
            plan = None if self._has(proposal, track) else await self._screened(track, proposal)
            if plan is not None:
                return plan
            taken.add(proposal.recipe.id)
        return None

    async def _screened(self, track: Track, proposal: Proposal) -> Plan | None:
        """The plan, marked as a reproduction if the idea is known; None if there is nothing left to learn."""
        words = question(proposal.recipe, track, proposal.hypothesis, proposal.proposer)
        standings = self._bench.replica.standings
        try:
            answer = await self._bench.checker.check(words, self._recall.trials(track, standings))
        except LocalError as error:
            self._log.warning("not screened", error=str(error))
            return Plan(track, proposal, None)
        tried = self._recall.dead_end(track.id, answer, standings)
        if tried is not None:
            if self._memory is not None:
                self._memory.known(track.id, proposal, tried[0], tried[1], now_ms())
            return None
        if not is_known(answer):
            return Plan(track, proposal, None)
        known = confirmed_already(answer, standings.top(track.id, POOL))
        if known is not None:
            if self._memory is not None:
                self._memory.known(track.id, proposal, headline_of(answer), known, now_ms())
            return None
        told = reproduction(proposal.hypothesis, answer)
        return Plan(track, replace(proposal, hypothesis=told[:MAX_TEXT]), answer)

    def is_taken(self, plan: Plan) -> bool:
        """Whether somebody claimed the recipe since the plan was made, or is about to do so here."""
        return plan.proposal.recipe.id in self._bench.in_hand or self._has(plan.proposal, plan.track)

    def _has(self, proposal: Proposal, track: Track) -> bool:
        """Whether the recipe was measured already, or somebody is at it."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        return is_taken(standings, track.id, proposal.recipe.id, me, now_ms())

    async def carry_out(self, plan: Plan) -> None:
        """Claim and measure."""
        with self._bench.holding(plan.proposal.recipe.id):
            await self.finish(await self.claim(plan))

    async def claim(self, plan: Plan) -> ContentId:
        """Sign the claim; from then on the result is owed."""
        proposal = plan.proposal
        if self._memory is not None:
            self._memory.planned(plan.track.id, proposal, now_ms())
        envelope = await self._bench.author.publish(
            Claim(
                track=plan.track.id,
                recipe=proposal.recipe.to_payload(),
                opponent=None,
                hypothesis=_told(proposal),
                predicted_effect=proposal.predicted_effect,
                parents=proposal.parents,
                proposer=proposal.proposer,
                licence="",
                derivable=True,
            )
        )
        if plan.known_as is not None:
            flag = finding_of(envelope.id, proposal.recipe, plan.track, plan.known_as)
            await self._bench.author.publish(flag)
        return envelope.id

    def unfinished(self) -> ContentId | None:
        """The oldest own claim without a result: made by a person, or left by a crash."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        waiting: list[tuple[int, ContentId]] = []
        for claim, track in standings.claims_by(me):
            if claim in self._settled or track not in self._bench.tracks:
                continue
            facts = standings.facts(claim)
            assert facts is not None
            if facts.measured or facts.retracted or claim in self._given_up:
                self._settled.add(claim)
            elif not self._bench.in_hand & {claim, facts.recipe} and self._has_opponent(facts):
                waiting.append((facts.time_ms, claim))
        return min(waiting, default=(0, None))[1]

    def _has_opponent(self, facts: ClaimFacts) -> bool:
        """Whether the claim that it is measured against is here: after a lost store it may come later."""
        opponent = None if facts.claim is None else facts.claim.opponent
        if opponent is None:
            return True
        found = self._bench.replica.standings.facts(opponent)
        return found is not None and found.claim is not None

    async def finish(self, claim: ContentId) -> None:
        """Measure an own claim and publish the result; one that cannot be run is taken back, with the reason.

        Where no worker starts at all, the machine is at fault and not the claim: it is tried again.
        """
        view = self._bench.replica.standings.claim(claim)
        track = self._bench.tracks[view.track]
        self._bench.activity.begin(f"measuring {short(claim)}")
        try:
            with self._bench.holding(claim):
                recipe, opponent = self._bench.recipes(view)
                measured = await self._race(track, view, recipe, opponent)
                await self._bench.author.publish(Result(claim, measured))
        except TrialError as error:
            self._log.warning("trial failed", claim=short(claim), fault=str(error.fault), error=str(error))
            if error.fault is not Fault.START:
                await self._take_back(view, f"the trial failed here: {error}")
        except (RecipeError, Refused) as error:
            await self._take_back(view, f"it cannot be run here: {error}")
        else:
            self._bench.activity.trials += 1
            if self._memory is not None:
                self._memory.measured(self._bench.replica.standings.claim(claim), now_ms())

    async def _take_back(self, view: ClaimView, reason: str) -> None:
        """Nothing is dropped in silence: who looks at the claim reads why it has no result."""
        self._given_up.add(view.id)
        if self._memory is not None:
            self._memory.failed(view, reason, now_ms())
        await self._bench.author.publish(Retraction(view.id, reason[:MAX_TEXT]))

    async def _race(self, track: Track, view: ClaimView, recipe: Recipe, opponent: Recipe) -> Measurement:
        """Measure seed after seed while the recipe keeps up with the author's best.

        Two nodes may claim one recipe within the time that news takes; of them the later one stops after the
        seed that runs.
        """
        bench = self._bench
        seeds = author_seeds(track.id, bench.author.id, track.manifest.author_seeds)
        best = self._best_effects(track.id) if view.claim.opponent is None else ()
        done: Measurement | None = None
        effects: tuple[float | None, ...] = ()
        while worth_another_seed(effects, _mean(best[: len(effects)]), track.manifest.delta_min, len(seeds)):
            part = await self._pairs(track, recipe, opponent, seeds[len(effects) :])
            done = part if done is None else done.extended(part)
            effects = paired_effects(done, track.manifest, len(seeds))
            if view.claim.opponent is None and runs_before(bench.replica.standings, view):
                break
        assert done is not None
        return done

    async def _pairs(
        self, track: Track, recipe: Recipe, opponent: Recipe, seeds: Sequence[int]
    ) -> Measurement:
        """The first of the seeds; all of them for a program, whose process is slow to start."""
        bench = self._bench
        if bench.programs is not None and (recipe.program is not None or opponent.program is not None):
            return await bench.programs.measure(track, recipe, opponent, seeds, gate=False)
        return await bench.device.measure(
            track, recipe, opponent, seeds[:1], gate=False, on_progress=bench.activity.report
        )

    def _best_effects(self, track: TrackId) -> tuple[float, ...]:
        """Effects, seed by seed, of this author's best fully measured recipe; empty without one."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        manifest = standings.tracks()[track]
        found: list[tuple[float, ...]] = []
        for claim in standings.best_of(me, track, _RIVALS):
            facts = standings.facts(claim)
            if facts is None or facts.claim is None or facts.claim.opponent is not None:
                continue
            found += [
                _effects(measured, manifest)
                for measured in facts.measured
                if len(measured.seeds) == manifest.author_seeds
            ]
        return max(found, key=sum, default=())

    def _briefing(self, track: Track) -> Briefing:
        standings, me, now = self._bench.replica.standings, self._bench.author.id, now_ms()
        memory = NOTHING if self._memory is None else self._memory.follow(track, standings, now)
        return write_briefing(track, standings, me, now, memory)


def _told(proposal: Proposal) -> str:
    """What the claim says for itself: hypothesis and mechanism."""
    told = proposal.hypothesis
    if proposal.mechanism:
        told += f" Mechanism: {proposal.mechanism}"
    return told[:MAX_TEXT]


def _effects(measurement: Measurement, manifest: TrackManifest) -> tuple[float, ...]:
    """Clipped effect per seed; a tie is 0."""
    found = paired_effects(measurement, manifest, len(measurement.seeds))
    return tuple(0.0 if effect is None else effect for effect in found)


def _mean(effects: Sequence[float]) -> float:
    return sum(effects) / len(effects) if effects else 0.0
