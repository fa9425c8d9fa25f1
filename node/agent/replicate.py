"""Replicating others' claims: draw by the private coin, commit, run on fresh seeds, reveal.

Secrets are made from this node's key and the claim, so an accept that a crash interrupted can still be
delivered, and nobody else can compute them. Each replication also runs again one seed that the author, and
one that another replicator published, with the sensitivity gate: that is how liars are found.
"""

from __future__ import annotations

import hmac

import structlog

from experiments.harness.outcome import TrialError
from experiments.recipe import Recipe, RecipeError
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.errors import Refused
from leaderboard.evidence.draw import Stake, accepts, rate, replay_seeds, seeds_wanted, stake_of
from leaderboard.evidence.facts import ClaimFacts
from leaderboard.evidence.seeds import replicator_seeds
from leaderboard.ids import ContentId, short
from leaderboard.measurement import Measurement
from leaderboard.records import Accept, Replication, commitment

from ..replica import now_ms
from .stakes import Stakes
from .workbench import Workbench

__all__ = ["Replicator"]

_SECRET_DOMAIN = b"consilience/replication-secret/v1\x00"


class Replicator:
    """Chooses and measures claims of other authors."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._log = structlog.get_logger("replication")
        self._given_up: set[ContentId] = set()

    async def keep_promise(self) -> bool:
        """Deliver the oldest own accept that has no delivery; False if there is none."""
        for promised in self._bench.replica.standings.outstanding(self._bench.author.id):
            claim = promised.accept.claim
            facts = self._bench.replica.standings.facts(claim)
            ours = promised.accept.commitment == commitment(claim, self._bench.author.id, self._secret(claim))
            runnable = (
                facts is not None and facts.claim is not None and facts.claim.track in self._bench.tracks
            )
            if ours and runnable and claim not in self._given_up:
                await self._deliver(claim, promised.id, promised.accept.seeds)
                return True
        return False

    async def replicate_one(self) -> bool:
        """Accept and measure the claim with most at stake among those the coin chose; False if none."""
        chosen = self._draw()
        if chosen is None:
            return False
        view, stake = chosen
        seeds = seeds_wanted(stake, self._bench.tracks[view.track].manifest.replicator_seeds)
        promise = Accept(view.id, seeds, commitment(view.id, self._bench.author.id, self._secret(view.id)))
        accept = await self._bench.author.publish(promise)
        await self._deliver(view.id, accept.id, seeds)
        return True

    def _draw(self) -> tuple[ClaimView, Stake] | None:
        best: tuple[ClaimView, Stake] | None = None
        now = now_ms()
        for track in self._bench.tracks:
            stakes = Stakes(self._bench.replica.standings, track, self._bench.author.id)
            for view in stakes.open_claims():
                if view.id in self._given_up:
                    continue
                stake = stake_of(view, stakes.situation(view))
                chance = rate(stake, stakes.eligible(view), stakes.already(view), max(0, now - view.time_ms))
                if accepts(self._bench.coin, view.id, chance) and (
                    best is None or _urgency(stake, view) > _urgency(best[1], best[0])
                ):
                    best = view, stake
        return best

    async def _deliver(self, claim: ContentId, accept: ContentId, seeds: int) -> None:
        standings = self._bench.replica.standings
        view, facts = standings.claim(claim), standings.facts(claim)
        assert facts is not None
        track = self._bench.tracks[view.track]
        self._bench.activity.begin(f"replicating {short(claim)}")
        try:
            own, replay = await self._measure(track, view, facts, seeds)
        except (TrialError, RecipeError, Refused) as error:
            self._given_up.add(claim)
            self._log.warning("replication failed", claim=short(claim), error=str(error))
            return
        await self._bench.author.publish(Replication(claim, accept, self._secret(claim), own, replay))
        self._bench.activity.replications += 1

    async def _measure(
        self, track: Track, view: ClaimView, facts: ClaimFacts, seeds: int
    ) -> tuple[Measurement, Measurement | None]:
        bench, secret = self._bench, self._secret(view.id)
        recipe = Recipe.from_payload(view.claim.recipe, track)
        opponent = track.reference
        if view.claim.opponent is not None:
            against = bench.replica.standings.claim(view.claim.opponent)
            opponent = Recipe.from_payload(against.claim.recipe, track)
        fresh = replicator_seeds(track.id, view.id, bench.author.id, secret, seeds)
        again = replay_seeds(bench.coin, facts, bench.author.id)
        report = bench.activity.report
        own = await bench.device.measure(track, recipe, opponent, fresh, gate=False, on_progress=report)
        if not again:
            return own, None
        return own, await bench.device.measure(track, recipe, opponent, again, gate=True, on_progress=report)

    def _secret(self, claim: ContentId) -> bytes:
        return hmac.digest(self._bench.coin, _SECRET_DOMAIN + claim, "sha256")


def _urgency(stake: Stake, view: ClaimView) -> tuple[int, float, bytes]:
    """More at stake first, then the greater effect; the id breaks ties."""
    author = view.evidence.author
    effect = author.median if author is not None and author.median is not None else 0.0
    return (_ORDER[stake], effect, view.id)


_ORDER = {stake: index for index, stake in enumerate(Stake)}
