"""What every part of the agent works with, and what the agent shows of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from experiments.harness.device import Device
from experiments.harness.outcome import Progress
from experiments.harness.pool import Pool
from experiments.recipe import Recipe
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.ids import TrackId

from ..author import Author
from ..replica import NodeReplica
from .checker import NoveltyChecker
from .model import Model
from .programs import ProgramRunner

__all__ = ["Activity", "Workbench"]


@dataclass(slots=True)
class Activity:
    """What the agent is doing now, for status and live views."""

    text: str = "idle"
    progress: Progress | None = None
    trials: int = 0
    """Own claims measured since the daemon started."""
    replications: int = 0
    """Replications published since the daemon started."""

    def begin(self, text: str) -> None:
        self.text, self.progress = text, None

    def report(self, progress: Progress) -> None:
        self.progress = progress


@dataclass(frozen=True, slots=True)
class Workbench:
    """The agent's means: where it reads, how it speaks, what it runs on."""

    replica: NodeReplica
    author: Author
    device: Device | Pool
    checker: NoveltyChecker
    tracks: Mapping[TrackId, Track]
    """Installed tracks that this node works on."""
    coin: bytes = field(repr=False)
    """Secret key of the private coin and of the replication secrets; made from the node's identity."""
    random: Random = field(repr=False)
    """For choices among ideas; nothing secret comes from it."""
    model: Model | None = None
    """The language model that the operator configured."""
    programs: ProgramRunner | None = None
    """Runs recipes that carry programs: this node's own, and those of peers if the operator allows it."""
    activity: Activity = field(default_factory=Activity)
    in_hand: set[bytes] = field(default_factory=set, repr=False)
    """Claims and recipes that some lane works on at this moment, by id: no other lane begins them too."""

    def recipes(self, view: ClaimView) -> tuple[Recipe, Recipe]:
        """A claim's recipe and its opponent's, as this node reads them.

        RecipeError if either is not a recipe of the installed track, KeyError if the opponent's claim is not
        here.
        """
        track = self.tracks[view.track]
        recipe = Recipe.from_payload(view.claim.recipe, track)
        if view.claim.opponent is None:
            return recipe, track.reference
        against = self.replica.standings.claim(view.claim.opponent)
        return recipe, Recipe.from_payload(against.claim.recipe, track)

    @contextmanager
    def holding(self, *ids: bytes) -> Iterator[None]:
        """Keep other lanes away from these ids inside of the block."""
        self.in_hand.update(ids)
        try:
            yield
        finally:
            self.in_hand.difference_update(ids)
