"""What every part of the agent works with, and what the agent shows of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from experiments.harness.device import Device
from experiments.harness.outcome import Progress
from experiments.track import Track
from leaderboard.ids import TrackId

from ..author import Author
from ..replica import NodeReplica
from .checker import NoveltyChecker

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
    device: Device
    checker: NoveltyChecker
    tracks: Mapping[TrackId, Track]
    """Installed tracks that this node works on."""
    coin: bytes = field(repr=False)
    """Secret key of the private coin and of the replication secrets; made from the node's identity."""
    random: Random = field(repr=False)
    """For choices among ideas; nothing secret comes from it."""
    activity: Activity = field(default_factory=Activity)
