"""Replicating others' claims: draw by the private coin, commit, run on fresh seeds, reveal.

Secrets are made from this node's key and the claim, so an accept that a crash interrupted can still be
delivered, and nobody else can compute them. Each replication also runs again one seed that the author, and
one that another replicator published, with the sensitivity gate: that is how liars are found. What is
confirmed is also taken apart (node.agent.ablate): this node's own claims first, others' when nothing waits.
"""

from __future__ import annotations

import hmac

import structlog

from experiments.harness.outcome import TrialError
from experiments.recipe import Recipe, RecipeError
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.errors import Refused
from leaderboard.evidence.draw import replay_seeds
from leaderboard.evidence.facts import Commitment
from leaderboard.evidence.seeds import replicator_seeds
from leaderboard.ids import ContentId, short
from leaderboard.measurement import Measurement
from leaderboard.records import Accept, Replication, commitment

from ..replica import now_ms
from .ablate import Ablator
from .errands import Errand, Errands
from .workbench import Workbench

__all__ = ["Replicator"]

_SECRET_DOMAIN = b"consilience/replication-secret/v1\x00"


class Replicator:
    """Chooses and measures claims of other authors."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._log = structlog.get_logger("replication")
        self._given_up: set[ContentId] = set()
        self._ablator = Ablator(bench)

    async def keep_promise(self) -> bool:
        """Deliver the oldest own accept that has no delivery; False if there is none."""
        for promised in self._bench.replica.standings.outstanding(self._bench.author.id):
            claim = promised.accept.claim
            secret = self._secret_of(promised)
            if secret is not None and self._is_runnable(claim) and claim not in self._given_up:
                await self._deliver(claim, promised.id, promised.accept.seeds, secret)
                return True
        return False

    async def replicate_one(self) -> bool:
        """Replicate or ablate one claim of this node's own choice; False if there is none."""
        if await self._ablator.ablate_own():
            return True
        errand = self._choose()
        if errand is None:
            return await self._ablator.ablate_other()
        secret = self._secret(errand.claim, len(self._own_accepts(errand.claim)))
        opened = commitment(errand.claim, self._bench.author.id, secret)
        accept = await self._bench.author.publish(Accept(errand.claim, errand.seeds, opened))
        await self._deliver(errand.claim, accept.id, errand.seeds, secret, errand.again)
        return True

    def _choose(self) -> Errand | None:
        standings, me = self._bench.replica.standings, self._bench.author.id
        for track in self._bench.tracks:
            if track in standings.tracks():
                errand = Errands(standings, track, me).next(
                    self._bench.coin, now_ms(), self._given_up.__contains__
                )
                if errand is not None:
                    return errand
        return None

    def _is_runnable(self, claim: ContentId) -> bool:
        facts = self._bench.replica.standings.facts(claim)
        return facts is not None and facts.claim is not None and facts.claim.track in self._bench.tracks

    def _own_accepts(self, claim: ContentId) -> list[Commitment]:
        facts = self._bench.replica.standings.facts(claim)
        made = facts.commitments.values() if facts else ()
        return [item for item in made if item.author == self._bench.author.id]

    def _secret_of(self, promised: Commitment) -> bytes | None:
        """The secret that opens one of our commitments; None if this key's other machine made it."""
        claim = promised.accept.claim
        for number in range(len(self._own_accepts(claim))):
            secret = self._secret(claim, number)
            if promised.accept.commitment == commitment(claim, self._bench.author.id, secret):
                return secret
        return None

    async def _deliver(
        self, claim: ContentId, accept: ContentId, seeds: int, secret: bytes, again: tuple[int, ...] = ()
    ) -> None:
        standings = self._bench.replica.standings
        view = standings.claim(claim)
        track = self._bench.tracks[view.track]
        self._bench.activity.begin(f"replicating {short(claim)}")
        try:
            fresh = replicator_seeds(track.id, claim, self._bench.author.id, secret, seeds)
            own, replay = await self._measure(track, view, fresh, self._replayed(claim, again))
        except (TrialError, RecipeError, Refused) as error:
            self._given_up.add(claim)
            self._log.warning("replication failed", claim=short(claim), error=str(error))
            return
        await self._bench.author.publish(Replication(claim, accept, secret, own, replay))
        self._bench.activity.replications += 1

    def _replayed(self, claim: ContentId, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Published seeds to run again: those wanted, then by the private coin the least checked peers'."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        facts = standings.facts(claim)
        assert facts is not None
        drawn = replay_seeds(self._bench.coin, facts, me, standings.trust(me))
        return tuple(dict.fromkeys((*wanted, *drawn)))

    async def _measure(
        self, track: Track, view: ClaimView, fresh: tuple[int, ...], again: tuple[int, ...]
    ) -> tuple[Measurement, Measurement | None]:
        bench = self._bench
        recipe = Recipe.from_payload(view.claim.recipe, track)
        opponent = track.reference
        if view.claim.opponent is not None:
            against = bench.replica.standings.claim(view.claim.opponent)
            opponent = Recipe.from_payload(against.claim.recipe, track)
        report = bench.activity.report
        own = await bench.device.measure(track, recipe, opponent, fresh, gate=False, on_progress=report)
        if not again:
            return own, None
        return own, await bench.device.measure(track, recipe, opponent, again, gate=True, on_progress=report)

    def _secret(self, claim: ContentId, number: int) -> bytes:
        """The secret of this node's accept number `number` (from 0) of a claim."""
        return hmac.digest(self._bench.coin, _SECRET_DOMAIN + claim + number.to_bytes(4, "big"), "sha256")
