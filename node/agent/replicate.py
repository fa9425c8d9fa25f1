"""Replicating others' claims: draw by the private coin, commit, run on fresh seeds, reveal.

Secrets are made from this node's key and the claim, so an accept that a crash interrupted can still be
delivered, and nobody else can compute them. Each replication also runs again one seed that the author, and
one each that up to three other replicators published, with the sensitivity gate: that is how liars are found.
What is confirmed is also taken apart (node.agent.ablate): this node's own claims first, others' when nothing
waits.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import structlog

from experiments.recipe import RecipeError
from leaderboard.errors import Refused
from leaderboard.evidence.draw import hopeless, replay_seeds
from leaderboard.evidence.effects import count, paired_effects
from leaderboard.evidence.facts import Commitment
from leaderboard.evidence.replay import Agreement
from leaderboard.evidence.seeds import replicator_seeds
from leaderboard.ids import ContentId, short
from leaderboard.measurement import Measurement
from leaderboard.records import Accept, Replication, commitment

from ..replica import now_ms
from .ablate import Ablator
from .errands import Errand, Errands, viewpoint
from .programs import ProgramRunner
from .rerun import Rerun
from .workbench import Workbench

__all__ = ["Replicator"]

_SECRET_DOMAIN = b"consilience/replication-secret/v1\x00"


class Replicator:
    """Chooses and measures claims of other authors."""

    def __init__(self, bench: Workbench, programs: ProgramRunner | None = None) -> None:
        """`programs` runs recipes with strangers' code; without it they are left to others."""
        self._bench = bench
        self._programs = programs
        self._log = structlog.get_logger("replication")
        self._given_up: set[ContentId] = set()
        self._ablator = Ablator(bench)

    async def keep_promise(self) -> bool:
        """Deliver the oldest own accept that has no delivery; False if there is none."""
        for promised in self._bench.replica.standings.outstanding(self._bench.author.id):
            claim = promised.accept.claim
            secret = self._secret_of(promised)
            if secret is not None and self._is_runnable(claim):
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
        view = self._bench.replica.standings.claim(errand.claim)
        try:
            await Rerun.of(self._bench, view, self._programs).prepare()
        except Refused as refusal:
            self._given_up.add(errand.claim)
            self._log.info("not replicated", claim=short(errand.claim), reason=str(refusal))
            return True
        secret = self._secret(errand.claim, len(self._own_accepts(errand.claim)))
        opened = commitment(errand.claim, self._bench.author.id, secret)
        accept = await self._bench.author.publish(Accept(errand.claim, errand.seeds, opened))
        await self._deliver(errand.claim, accept.id, errand.seeds, secret, errand.again)
        return True

    def _choose(self) -> Errand | None:
        standings, me = self._bench.replica.standings, self._bench.author.id
        if len(standings.outstanding(me)) >= standings.policy.in_flight:
            return None  # with one more open, all of them would count as abandoned
        for track in self._bench.tracks:
            if track in standings.tracks():
                errands = Errands(standings, track, me)
                errand = errands.next(self._bench.coin, now_ms(), lambda claim: not self._is_runnable(claim))
                if errand is not None:
                    return errand
        return None

    def _is_runnable(self, claim: ContentId) -> bool:
        """Whether this node can run the claim at all: never promise what cannot be kept."""
        standings = self._bench.replica.standings
        facts = standings.facts(claim)
        if claim in self._given_up or facts is None or facts.claim is None:
            return False
        if facts.claim.track not in self._bench.tracks or facts.claim.track not in standings.tracks():
            return False
        try:
            return Rerun.of(self._bench, standings.claim(claim), self._programs).may_run
        except (RecipeError, KeyError):
            return False

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
        """Run published seeds again, then own ones, and publish both.

        One own seed is enough for an author whose numbers do not replay, and no more are run than can still
        lift the claim over the bar; what was promised and not run counts as lost, whatever the reason.
        """
        bench = self._bench
        rerun = Rerun.of(bench, bench.replica.standings.claim(claim), self._programs)
        bench.activity.begin(f"replicating {short(claim)}")
        fresh = replicator_seeds(rerun.track.id, claim, bench.author.id, secret, seeds)
        try:
            replay = await rerun.again(self._replayed(claim, again))
            own = await rerun.fresh(fresh, self._enough(rerun, replay, seeds))
        except Refused as refusal:
            own, replay = None, None
            self._log.warning("replication refused", claim=short(claim), reason=str(refusal))
        if own is None:
            self._given_up.add(claim)
            self._log.warning("replication failed: this machine cannot run it", claim=short(claim))
            return
        await bench.author.publish(Replication(claim, accept, secret, own, replay))
        bench.activity.replications += 1

    def _enough(self, rerun: Rerun, replay: Measurement | None, seeds: int) -> Callable[[Measurement], bool]:
        """When to stop running own seeds before all of them are run."""
        manifest, facts = rerun.track.manifest, self._bench.replica.standings.facts(rerun.view.id)
        found = {} if replay is None else rerun.contradictions(replay)
        wrong = {seed for seed, agreement in found.items() if agreement is Agreement.DIFFERENT}
        if facts is not None and any(wrong.intersection(shown.seeds) for shown in facts.measured):
            return lambda _: True
        if seeds < manifest.replicator_seeds:
            return lambda _: False  # a spot check is short as it is

        viewer = viewpoint(manifest, self._bench.author.id)
        view = self._bench.replica.standings.claim(rerun.view.id, viewer)

        def hopeless_by_now(done: Measurement) -> bool:
            effects = paired_effects(done, manifest, len(done.seeds))
            return hopeless(view, manifest.replicator_seeds, count(effects, manifest.delta_min))

        return hopeless_by_now

    def _replayed(self, claim: ContentId, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Published seeds to run again: those wanted, then by the private coin the least checked peers'."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        facts = standings.facts(claim)
        assert facts is not None
        drawn = replay_seeds(self._bench.coin, facts, me, standings.trust(me))
        return tuple(dict.fromkeys((*wanted, *drawn)))

    def _secret(self, claim: ContentId, number: int) -> bytes:
        """The secret of this node's accept number `number` (from 0) of a claim."""
        return hmac.digest(self._bench.coin, _SECRET_DOMAIN + claim + number.to_bytes(4, "big"), "sha256")
