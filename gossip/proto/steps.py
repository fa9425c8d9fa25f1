"""Events that protocol machines are handed, and effects that they hand back.

A machine never blocks, reads no clock and touches no network: whoever drives it (`gossip.net` over libp2p,
`gossip.sim` over a heap of events) performs the effects and returns what came of them as events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from leaderboard.ledger import Admission

from .ranges import Arrangement

__all__ = [
    "Admit",
    "Admitted",
    "Arrange",
    "Arranged",
    "Effect",
    "Ending",
    "Event",
    "Finish",
    "Opened",
    "Outcome",
    "Received",
    "Send",
]


@dataclass(frozen=True, slots=True)
class Opened:
    """Event: the stream to the other side is open."""


@dataclass(frozen=True, slots=True)
class Received:
    """Event: a frame came from the other side."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Admitted:
    """Event: what became of the envelopes of an `Admit`, in order."""

    admissions: Sequence[Admission]


@dataclass(frozen=True, slots=True)
class Arranged:
    """Event: the replica's keys in order, as asked for by `Arrange`."""

    arrangement: Arrangement


Event: TypeAlias = Opened | Received | Admitted | Arranged


class Ending(Enum):
    """How a sync session came to its end, as far as this side can tell."""

    EQUAL = "equal"
    RECONCILED = "reconciled"
    PARTIAL = "partial"
    """Something was exchanged, more differs; the next session goes on."""
    BUSY = "busy"
    LARGER = "larger"
    """We have far more than the other side, which should pull, and will when it opens a session."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session achieved."""

    ending: Ending
    received: int
    """Records that were new to us."""
    given: int
    """Records that the other side said were new to it."""
    rejected: int
    """Records of the other side that our ledger rejected: these cost it."""
    rounds: int
    """Questions asked."""
    differed: int = 0
    """Records that one side has and the other lacks, as far as found."""


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: send this frame."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Admit:
    """Effect: offer these envelopes to the ledger and hand back `Admitted`."""

    envelopes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """Effect: close the stream; the machine is done."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Arrange:
    """Effect: bring the `Order` of the replica up to date and hand back `Arranged`."""


Effect: TypeAlias = Send | Admit | Finish | Arrange
