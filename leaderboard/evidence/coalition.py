"""Liars who work together, for drills (leaderboard.evidence.drill): everything that is worth a try, at once.

False results, replicated by its own identities with invented numbers that agree with each other; minted
identities; honest work to earn trust; fabricated losses and slander against the best honest claims; accepts
that are never delivered; null claims replicated with secrets that were tried in private until the outcome
looked good.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..envelope import Envelope
from ..ids import ContentId
from ..measurement import Measurement
from .synthetic import Actor, draw, normal

if TYPE_CHECKING:
    from .drill import Drill

__all__ = ["Coalition"]


class Coalition:
    """Liars who work together; `nodes` are their machines, `identities` includes those they minted."""

    def __init__(self, nodes: list[Actor], swarm: Drill) -> None:
        self._swarm = swarm
        self._nodes = nodes
        self._identities = list(nodes)
        self._lies: set[ContentId] = set()

    def step(self, now: int) -> None:
        """One round of everything at once."""
        for index, node in enumerate(self._nodes):
            if draw("mint", node.id, now) < 0.2:
                name = f"{self._swarm.setup.seed}/minted/{index}/{now}"
                self._identities.append(Actor(name, self._swarm.contest, sealed=False))
            self._earn_trust(now, node)
            if draw("lie", node.id, now) < 0.5:
                self._lie(now, index)
        self._attack_the_best(now)
        if now % 5 == 4:
            self._grind(now)

    def _some(self, count: int, *key: int) -> list[Actor]:
        return sorted(self._identities, key=lambda actor: draw("some", actor.id, *key))[:count]

    def _earn_trust(self, now: int, node: Actor) -> None:
        """Honest work: a modest real claim, and an honest replication of somebody's."""
        swarm = self._swarm
        if now % 2 == 0:
            gain = normal("modest", node.id, now)
            swarm.publish(now, node, gain, gain)
        others = [
            claim for _, claim in swarm.recent if claim.author != node.id and claim.id not in self._lies
        ]
        if others:
            claim = others[int(draw("earn", node.id, now) * len(others))]
            accept = node.accept(claim, salt=now)
            swarm.standings.add([accept, node.deliver(accept, swarm.gain(claim.id))])

    def _lie(self, now: int, index: int) -> None:
        """A worthless recipe with a splendid result, replicated by the coalition with invented numbers."""
        swarm = self._swarm
        author, *helpers = self._some(6, now, index)
        best = max((swarm.gain(recent.id) for _, recent in swarm.recent), default=0.0)
        splendid = max(best, 0.0) + 3.0
        claim = swarm.publish(now, author, -2.0 - 0.001 * now - 0.0001 * index, splendid)
        self._lies.add(claim.id)
        shown = swarm.results[claim.id]
        for helper in helpers:
            accept = helper.accept(claim, seeds=16)
            swarm.standings.add([accept, helper.deliver(accept, splendid, replay=_first(shown))])

    def _attack_the_best(self, now: int) -> None:
        """Fabricated losses with slander, and accepts that are never delivered, for recent good claims."""
        swarm = self._swarm
        good = [claim for _, claim in swarm.recent if claim.id not in self._lies]
        good = sorted(good, key=lambda claim: -swarm.gain(claim.id))[:2]
        for claim in good:
            first, second, silent = (*self._some(3, now, 77), *self._nodes, *self._nodes, *self._nodes)[:3]
            for attacker, slander in ((first, 0.5), (second, 0.0)):
                if attacker.id == claim.author:
                    continue
                truth = swarm.results[claim.id]
                shown = tuple(None if value is None else value + slander for value in truth.candidate)
                accept = attacker.accept(claim, salt=1000 + now)
                replay = _first(replace(truth, candidate=shown))
                swarm.standings.add([accept, attacker.deliver(accept, -30.0, replay=replay)])
            swarm.standings.add([silent.accept(claim, seeds=32, salt=2000 + now)])

    def _grind(self, now: int) -> None:
        """A null claim whose replicators tried secrets in private; every number is true."""
        swarm = self._swarm
        author, *helpers = self._some(4, now, 55)
        claim = swarm.publish(now, author, 0.0 - 1e-6 * now, 0.0 - 1e-6 * now)
        for helper in helpers:
            tried = [(helper.accept(claim, salt=5000 + salt), helper.tip) for salt in range(24)]
            helper.rewind(tried[0][0].tip)
            best = max(tried, key=lambda item: _luck(swarm, helper, item[0]))[0]
            helper.rewind(best.tip)
            swarm.standings.add([best, helper.deliver(best, swarm.gain(claim.id))])


def _luck(swarm: Drill, helper: Actor, accept: Envelope) -> int:
    found = swarm.contest.measure(0.0, 0.0, helper.seeds(accept))
    pairs = zip(found.candidate, found.opponent, strict=True)
    return sum(a is not None and b is not None and b > a for a, b in pairs)


def _first(measurement: Measurement) -> Measurement:
    """The first seed of a measurement: what a liar shows as its re-run."""
    return replace(
        measurement,
        seeds=measurement.seeds[:1],
        candidate=measurement.candidate[:1],
        opponent=measurement.opponent[:1],
        stable=measurement.stable[:1],
    )
