"""A claim with its author, ready to be replicated, lied about and withheld."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from leaderboard.board.rows import ClaimView
from leaderboard.envelope import Envelope
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.measurement import Measurement
from leaderboard.standings import Standings


@dataclass
class Scene:
    """One claim of a recipe with true gain `gain`, and any number of replicators."""

    gain: float = 3.0
    contest: Contest = field(default_factory=Contest)
    standings: Standings = field(default_factory=Standings)

    def __post_init__(self) -> None:
        self.author = self.actor("author")
        self.claim = self.author.claim(self.gain)
        self.standings.add([self.author.track(), self.claim])

    def actor(self, name: str, environment: str = "one") -> Actor:
        return Actor(name, self.contest, environment=environment)

    def publish(self, lie: float = 0.0) -> Envelope:
        """The author's result, better than the truth by `lie`."""
        result = self.author.result(self.claim, self.gain + lie)
        self.standings.add([result])
        return result

    def replicate(
        self,
        name: str,
        *,
        seeds: int | None = None,
        replay: Measurement | None = None,
        shift: float = 0.0,
        most: int | None = None,
        environment: str = "one",
    ) -> Actor:
        actor = self.actor(name, environment)
        accept = actor.accept(self.claim, seeds)
        delivery = actor.deliver(accept, self.gain, replay=replay, shift=shift, most=most)
        self.standings.add([accept, delivery])
        return actor

    def replay(self, result: Envelope, shift: float = 0.0) -> Measurement:
        """An honest re-run of the first seed of a result (a lie with a shift)."""
        seeds = result.record.measurement.seeds[:1]
        return self.contest.measure(self.gain + shift, 0.0, seeds)

    def establish(self, actor: Actor, elsewhere: int = 2) -> None:
        """Let an actor deliver on other people's claims, so that it is known."""
        for index in range(elsewhere):
            claim = self.actor(f"elsewhere {index}").claim(1.0)
            accept = actor.accept(claim)
            self.standings.add([claim, accept, actor.deliver(accept, 1.0)])

    @property
    def view(self) -> ClaimView:
        return self.standings.claim(self.claim.id)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def make_scene() -> type[Scene]:
    return Scene
