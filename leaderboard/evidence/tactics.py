"""Liars who pass for honest, for drills (leaderboard.evidence.drill): they work, are believed, lie rarely.

Those of leaderboard.evidence.coalition try everything at once and are soon found out. These earn trust by
real claims and real replications, and then deceive seldom, late, or under names that are used once:

- `splendid`: worthless recipes with invented results, which the others confirm with invented numbers;
- `hollow`: worthless recipes with *true* results, which the others confirm with invented numbers, so that
  nobody who runs the author's seeds again finds anything wrong;
- `tinted`: the same, but only a part of each invented replication is invented;
- `slander`: false re-runs of the best honest claims, and losses that nobody had.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..envelope import Envelope
from ..ids import ContentId
from .draw import replay_seeds
from .synthetic import Actor, draw, normal

if TYPE_CHECKING:
    from .drill import Drill

__all__ = ["Sly", "Tactic"]


@dataclass(frozen=True, slots=True)
class Tactic:
    """How rarely, when and by what honest-looking liars deceive."""

    lie: str = "hollow"
    rate: float = 0.1
    """Probability with which each liar deceives in a round."""
    wakes: int = 8
    """Rounds of honest work before the first lie."""
    disposable: bool = False
    """Whether each deception is made under names that worked honestly before and are not used again."""
    seeds: int = 8
    """Seeds of an invented replication."""
    tint: float = 0.3
    """Part of a `tinted` replication that is invented."""


class Sly:
    """The coalition; `nodes` are its machines."""

    def __init__(self, nodes: list[Actor], swarm: Drill, tactic: Tactic) -> None:
        self._swarm = swarm
        self._nodes = nodes
        self._tactic = tactic
        self._names: list[tuple[int, Actor]] = []
        """Names that work honestly until they are used, and since when."""
        self._lies: set[ContentId] = set()

    def step(self, now: int) -> None:
        """Honest work by everybody, and now and then a lie."""
        tactic = self._tactic
        for index, node in enumerate(self._nodes):
            if tactic.disposable:
                name = f"{self._swarm.setup.seed}/name/{index}/{now}"
                self._names.append((now, Actor(name, self._swarm.contest, sealed=False)))
            self._work(now, node)
        for _, actor in self._names:
            self._work(now, actor)
        for index, node in enumerate(self._nodes):
            if now >= tactic.wakes and draw("deceive", node.id, now) < tactic.rate:
                self._deceive(now, index)

    def _work(self, now: int, node: Actor) -> None:
        """A modest real claim, and honest replications of two claims, re-runs included."""
        swarm = self._swarm
        gain = normal("modest", node.id, now)
        swarm.publish(now, node, gain, gain)
        others = [
            claim for _, claim in swarm.recent if claim.author != node.id and claim.id not in self._lies
        ]
        for claim in sorted(others, key=lambda claim: draw("work", node.id, now, claim.id))[:2]:
            facts = swarm.standings.facts(claim.id)
            assert facts is not None
            again = swarm.contest.measure(swarm.gain(claim.id), 0.0, replay_seeds(node.id, facts, node.id))
            accept = node.accept(claim, salt=now)
            told = node.deliver(accept, swarm.gain(claim.id), replay=again if again.seeds else None)
            swarm.standings.add([accept, told])

    def _team(self, now: int, index: int) -> list[Actor]:
        """Who takes part in a deception, its author first."""
        if not self._tactic.disposable:
            return [*self._nodes[index:], *self._nodes[:index]]
        ripe = [name for since, name in self._names if since <= now - self._tactic.wakes]
        team = sorted(ripe, key=lambda name: draw("team", name.id))[: len(self._nodes)]
        self._names = [item for item in self._names if item[1] not in team]
        return team

    def _deceive(self, now: int, index: int) -> None:
        swarm, team = self._swarm, self._team(now, index)
        if self._tactic.lie == "slander":
            self._slander(now, team)
            return
        if len(team) < 3:
            return
        author, *helpers = team
        best = max((swarm.gain(recent.id) for _, recent in swarm.recent), default=0.0)
        splendid, worthless = max(best, 0.0) + 3.0, -0.001 * now - 0.0001 * index
        told = splendid if self._tactic.lie == "splendid" else worthless
        claim = swarm.publish(now, author, worthless, told)
        self._lies.add(claim.id)
        for helper in helpers:
            self._confirm(claim, helper, worthless, splendid)

    def _confirm(self, claim: Envelope, helper: Actor, worthless: float, splendid: float) -> None:
        """A replication with invented own seeds and a re-run that agrees with the author."""
        swarm, tactic = self._swarm, self._tactic
        accept = helper.accept(claim, seeds=tactic.seeds)
        shown = swarm.results[claim.id].only(swarm.results[claim.id].seeds[:1])
        told = helper.deliver(
            accept,
            worthless,
            replay=shown,
            shift=splendid - worthless,
            tint=tactic.tint if tactic.lie == "tinted" else 1.0,
        )
        swarm.standings.add([accept, told])

    def _slander(self, now: int, team: list[Actor]) -> None:
        """Everybody contradicts the best honest claims, and loses their seeds."""
        swarm = self._swarm
        honest = [claim for _, claim in swarm.recent if claim.author not in {node.id for node in team}]
        for claim in sorted(honest, key=lambda claim: -swarm.gain(claim.id))[:2]:
            truth = swarm.results[claim.id]
            moved = tuple(None if value is None else value + 0.5 for value in truth.candidate)
            false = replace(truth, candidate=moved)
            for node in team:
                accept = node.accept(claim, salt=3000 + now)
                again = false.only(false.seeds[:1])
                swarm.standings.add([accept, node.deliver(accept, -30.0, replay=again)])
