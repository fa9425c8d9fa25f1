"""A swarm under attack, in rounds: honest researchers and a coalition of liars write records about a contest.

Everything that judges is the real code: standings, boards, trust, draws. Only research is a toy: an idea is
its parent's true gain plus a step that is more often bad than good, so a swarm gets far only if it builds on
what is truly better, and building on a lie throws it back. Gossip is instant; gossip.sim adds networks.

Honest nodes spend a fixed share of their runs on verification: appeals first, then quarrels that a run of
theirs can settle, then claims that their private coin chose, those by peers who have not lied first.

The coalition is leaderboard.evidence.coalition.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..envelope import Envelope
from ..ids import AuthorId, ContentId
from ..measurement import Measurement
from ..records import Result
from ..standings import Standings
from .coalition import Coalition
from .draw import PATIENCE_MS, Stake, accepts, rate, replay_seeds, seeds_wanted
from .replay import contradictions, settle
from .synthetic import Actor, Contest, draw, normal
from .tactics import Sly, Tactic

__all__ = ["Drill", "Outcome", "Setup"]

POOL = 8
"""Rows of a board that ideas are built on: sharing one champion only is known to fail."""


IDEAS = 4
"""Ideas a node tries a round. The best of them is published; the others, which nobody would replicate, are
left out of the record set to save simulation time, and their runs are counted."""
_ERROR = 0.35
"""Standard error of the median of eight seeds, by which the best idea is chosen."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One simulated run."""

    nodes: int = 16
    liars: int = 0
    rounds: int = 40
    target: float = 10.0
    """True gain of the leader that counts as success, in standard deviations of a seed."""
    share: float = 0.25
    """Part of an honest node's runs that it spends on verification."""
    glitch: float = 0.0
    """Probability that an honest re-run gives a wrong number (a machine's fault, not a lie)."""
    believes: str = "mine"
    """Which board steers honest nodes: `mine`, `common`, or `authors` (trust everyone)."""
    tactic: Tactic | None = None
    """How liars who pass for honest deceive; None for those who try everything at once."""
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of the honest nodes."""

    reached: int | None = None
    """Round in which half of the honest nodes' leaders truly had the target gain; None if never."""
    best: float = 0.0
    """Median over honest nodes of the true gain of their leader, at the end."""
    false_confirmed: set[ContentId] = field(default_factory=set)
    """Claims with no true gain that stood confirmed on an honest node's board."""
    quarantined: set[AuthorId] = field(default_factory=set)
    """Honest nodes that some honest node quarantined at some time."""
    still_quarantined: set[AuthorId] = field(default_factory=set)
    caught: float = 0.0
    """Share of (honest viewer, lying node) pairs in quarantine at the end."""
    research_runs: int = 0
    verification_runs: int = 0

    @property
    def verification_share(self) -> float:
        """Part of all runs that checked what others had claimed."""
        return self.verification_runs / max(1, self.research_runs + self.verification_runs)


class Drill:
    """One run of a swarm; `run()` plays all rounds."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.contest = Contest(author_seeds=8)
        self.track = self.contest.manifest.id
        self.standings = Standings()
        self.recent: list[tuple[int, Envelope]] = []
        self.claims: dict[ContentId, Envelope] = {}
        self.results: dict[ContentId, Measurement] = {}
        self.outcome = Outcome()
        names = [f"{setup.seed}/{i}" for i in range(setup.nodes)]
        self.liars = [Actor(name, self.contest, sealed=False) for name in names[: setup.liars]]
        self.honest = [
            _Researcher(Actor(name, self.contest, sealed=False), self) for name in names[setup.liars :]
        ]
        self._coalition: Coalition | Sly = (
            Coalition(self.liars, self) if setup.tactic is None else Sly(self.liars, self, setup.tactic)
        )
        self.standings.add([self.honest[0].actor.track()])

    def run(self) -> Outcome:
        """Play all rounds and look at what honest nodes then believe."""
        for now in range(self.setup.rounds):
            if self.liars:
                self._coalition.step(now)
            for node in self.honest:
                node.step(now)
            self._observe(now)
        for node in self.honest:
            node.look()
        self._observe(self.setup.rounds)
        self._observe_all()
        return self.outcome

    def gain(self, claim: ContentId) -> float:
        """The truth about a claim."""
        facts = self.standings.facts(claim)
        assert facts is not None
        assert facts.claim is not None
        gain = facts.claim.recipe["gain"]
        assert isinstance(gain, float)
        return gain

    def publish(self, now: int, actor: Actor, gain: float, shown: float) -> Envelope:
        """Claim a recipe of true gain `gain` with a result as if it were `shown`."""
        claim = actor.claim(gain, text=str(now))
        result = actor.result(claim, shown)
        assert isinstance(result.record, Result)
        self.results[claim.id] = result.record.measurement
        self.claims[claim.id] = claim
        self.standings.add([claim, result])
        self.recent = [item for item in self.recent if item[0] > now - 8]
        self.recent.append((now, claim))
        return claim

    def _observe_all(self) -> None:
        """Whatever stands confirmed on anybody's board, beyond the rows that steer it."""
        for node in self.honest if self.setup.believes == "mine" else ():
            for row in self.standings.my_top(self.track, node.actor.id, sys.maxsize):
                if self.gain(row.view.id) <= 0.0:
                    self.outcome.false_confirmed.add(row.view.id)

    def _observe(self, now: int) -> None:
        """What honest nodes believed when each last looked, and whom they hold for liars."""
        outcome, trusts = self.outcome, [self.standings.trust(node.actor.id) for node in self.honest]
        gains = [self.gain(node.pool[0]) if node.pool else 0.0 for node in self.honest]
        outcome.best = sorted(gains)[len(gains) // 2]
        if outcome.reached is None and outcome.best >= self.setup.target:
            outcome.reached = now
        believed = {claim for node in self.honest for claim in node.pool}
        outcome.false_confirmed |= {claim for claim in believed if self.gain(claim) <= 0.0}
        honest = {node.actor.id for node in self.honest}
        outcome.still_quarantined = {
            peer for trust in trusts for peer in trust if peer in honest and trust[peer].quarantined
        }
        outcome.quarantined |= outcome.still_quarantined
        liars = [actor.id for actor in self.liars]
        caught = sum(trust[liar].quarantined for trust in trusts for liar in liars if liar in trust)
        outcome.caught = caught / max(1, len(liars) * len(self.honest))


class _Researcher:
    """An honest node."""

    def __init__(self, actor: Actor, swarm: Drill) -> None:
        self.actor = actor
        self._swarm = swarm
        self._secret = actor.id
        self._budget = 0.0
        self._own: list[tuple[float, float]] = [(0.0, 0.0)]
        """Measured and true gain of its own recipes, the best measured last."""
        self._audits = 0
        self.pool: list[ContentId] = []
        """The claims it built on when it last looked, best first."""

    def look(self) -> None:
        """Read the board."""
        self.pool = list(self._believed(POOL))

    def _believed(self, most: int) -> Iterator[ContentId]:
        swarm = self._swarm
        if swarm.setup.believes == "authors":
            yield from self._as_authors_say(most)
        else:
            mine = swarm.setup.believes == "mine"
            rows = (
                swarm.standings.my_top(swarm.track, self.actor.id, most)
                if mine
                else swarm.standings.top(swarm.track, most)
            )
            yield from (row.view.id for row in rows)

    def step(self, now: int) -> None:
        """One idea of its own, then verification as far as its budget goes."""
        self.look()
        self._research(now)
        share = self._swarm.setup.share
        self._budget += IDEAS * self._swarm.contest.author_seeds * share / (1.0 - share)
        self._verify(now)

    def _research(self, now: int) -> None:
        swarm, me = self._swarm, self.actor.id
        pool = [swarm.gain(claim) for claim in self.pool]
        measured, true = self._own[-1]
        if not pool or draw("own", me, now) < 0.2:
            pool = [true]
        parent = pool[int(draw("parent", me, now) * len(pool))]
        steps = [normal("step", me, now, idea) for idea in range(IDEAS)]
        seen = [step + _ERROR * normal("screen", me, now, idea) for idea, step in enumerate(steps)]
        gain = parent - 0.5 + steps[seen.index(max(seen))]
        claim = swarm.publish(now, self.actor, gain, gain)
        swarm.outcome.research_runs += IDEAS * swarm.contest.author_seeds
        summary = swarm.standings.claim(claim.id).evidence.author
        found = summary.median if summary is not None and summary.median is not None else 0.0
        if found > measured:
            self._own.append((found, gain))

    def _verify(self, now: int) -> None:
        swarm, me = self._swarm, self.actor.id
        appeals: dict[ContentId, set[int]] = {}
        for item in swarm.standings.disputes(me):
            appeals.setdefault(item.claim, set()).add(item.seed)
        for claim in sorted(appeals):
            self._audit(claim, tuple(sorted(appeals[claim])))
        waiting = swarm.standings.unchecked(swarm.track, me)
        for claim in waiting[: now % 2]:  # in turns with what the coin chose
            self._audit(claim, self._seeds_to_check(claim))
        for claim, seed in swarm.standings.contested(me)[:2]:
            self._audit(claim, (seed,))
        for _, stake, drawn in sorted(self._drawn(now), key=lambda item: item[0]):
            if self._budget <= 0:
                return
            self._replicate(drawn, seeds_wanted(stake, swarm.contest.replicator_seeds))

    def _seeds_to_check(self, claim: ContentId) -> tuple[int, ...]:
        swarm = self._swarm
        facts = swarm.standings.facts(claim)
        assert facts is not None
        trust = swarm.standings.trust(self.actor.id)
        return replay_seeds(self._secret, facts, self.actor.id, trust)

    def _drawn(self, now: int) -> Iterator[tuple[tuple[bool, bool, bool, float], Stake, Envelope]]:
        """Claims that the coin chose: urgency, stake, claim."""
        swarm, me = self._swarm, self.actor.id
        trust = swarm.standings.trust(me)
        eligible = swarm.setup.nodes - 1
        for since, claim in swarm.recent:
            facts = swarm.standings.facts(claim.id)
            if facts is None or claim.author == me:
                continue
            promised = {item.author for item in facts.commitments.values()}
            age_ms = (now - since) * PATIENCE_MS // 2
            highest = rate(Stake.CHAMPION, eligible, 0, age_ms)
            if me in promised or not accepts(self._secret, claim.id, highest):
                continue  # the coin leaves it whatever is at stake, which takes longer to say
            stake = swarm.standings.stake(claim.id, me)
            already = sum(1 for peer in promised if peer in trust and trust[peer].trusted)
            chance = rate(stake, eligible, already, age_ms)
            if accepts(self._secret, claim.id, chance):
                evidence = swarm.standings.claim(claim.id, me).evidence
                checked = claim.author in trust and trust[claim.author].trusted
                order = draw("order", me, claim.id)
                if checked and evidence.author is not None:
                    order = -(evidence.author.median or 0.0)
                doubted = bool(evidence.check.mismatched)
                turn = checked if now % 2 else not checked  # or the first friends remain the only ones
                yield (stake is not Stake.CHAMPION, doubted, turn, order), stake, claim

    def _replicate(self, claim: Envelope, seeds: int) -> None:
        chosen = self._seeds_to_check(claim.id)
        again = self._run_again(claim.id, chosen)
        facts = self._swarm.standings.facts(claim.id)
        assert facts is not None
        wrong = {} if again is None else contradictions(facts, self._swarm.contest.tolerance, again)
        lied = any(seed in wrong for shown in facts.measured for seed in shown.seeds)
        # A single seed of its own is enough for an author that was caught.
        self._deliver(claim, seeds, 1 if lied else None, again)

    def _audit(self, claim: ContentId, seeds: tuple[int, ...]) -> None:
        """Run published seeds again; a single seed of its own makes it a replication."""
        envelope = self._swarm.claims[claim]
        if self._budget > 0 and seeds:
            self._audits += 1
            self._deliver(envelope, 1, None, self._run_again(claim, seeds), salt=self._audits)

    def _deliver(
        self, claim: Envelope, seeds: int, most: int | None, again: Measurement | None, salt: int = 0
    ) -> None:
        accept = self.actor.accept(claim, seeds, salt)
        delivery = self.actor.deliver(accept, self._swarm.gain(claim.id), replay=again, most=most)
        self._swarm.standings.add([accept, delivery])
        runs = 2 * (most or seeds) + 2 * (0 if again is None else len(again.seeds))
        self._swarm.outcome.verification_runs += runs
        self._budget -= runs

    def _run_again(self, claim: ContentId, seeds: tuple[int, ...]) -> Measurement | None:
        """Run seeds again; what contradicts the author is run twice before it is published."""
        if not seeds:
            return None
        found = self._measure(claim, seeds)
        facts, tolerance = self._swarm.standings.facts(claim), self._swarm.contest.tolerance
        assert facts is not None
        doubted = contradictions(facts, tolerance, found)
        if doubted:
            self._budget -= 2 * len(doubted)
            self._swarm.outcome.verification_runs += 2 * len(doubted)
            found = settle(facts, tolerance, found, self._measure(claim, tuple(doubted)))
        return found if found.seeds else None

    def _measure(self, claim: ContentId, seeds: tuple[int, ...]) -> Measurement:
        self._audits += 1
        found = self._swarm.contest.measure(self._swarm.gain(claim), 0.0, seeds)
        if draw("glitch", self.actor.id, claim, self._audits) < self._swarm.setup.glitch:
            wrong = tuple(None if value is None else value + 0.01 for value in found.candidate)
            return replace(found, candidate=wrong)
        return found

    def _as_authors_say(self, most: int) -> Iterator[ContentId]:
        swarm = self._swarm
        said: list[tuple[float, ContentId]] = []
        for claim in swarm.standings.claims(swarm.track):
            summary = swarm.standings.claim(claim).evidence.author
            if summary is not None and summary.median is not None:
                said.append((-summary.median, claim))
        yield from (claim for _, claim in sorted(said)[:most])
