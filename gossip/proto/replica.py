"""What gossip needs from a node's copy of the record set.

Envelopes are opaque bytes here: nothing in gossip looks inside one. The log is pulled with a cursor rather
than pushed by callbacks, so that a sketch can never miss a record, whatever failed in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from leaderboard.ids import ContentId
from leaderboard.ledger import Admission

from .peerid import PeerId

__all__ = ["LogPage", "Replica"]


@dataclass(frozen=True, slots=True)
class LogPage:
    """A stretch of the admission log, oldest first."""

    ids: Sequence[ContentId]
    times: Sequence[int]
    """The authors' clocks, ms UTC, one per id."""
    cursor: int
    """Pass it back to read on from here."""
    epoch: int
    """Changes whenever records were taken out of the set; everything derived is then rebuilt."""


class Replica(Protocol):
    """A node's record set. Reads are short and synchronous; admission may wait for the disk."""

    def __len__(self) -> int:
        """Number of records in the set."""
        ...

    def __contains__(self, content_id: ContentId, /) -> bool:
        """Whether a record is in the set."""
        ...

    def log(self, cursor: int, limit: int) -> LogPage:
        """At most `limit` records admitted after `cursor` (0: from the start), in order of admission."""
        ...

    def ids_between(self, low: bytes, high: bytes, limit: int) -> Sequence[ContentId]:
        """At most `limit` ids with `low` <= id < `high`, ascending; an empty `high` means no bound."""
        ...

    def wanted(self, prefix: bytes) -> bool:
        """Whether to fetch a record whose id begins with `prefix`: not here, not refused, not put off."""
        ...

    def refuses(self, author: PeerId) -> bool:
        """Whether the records of the author with this PeerId's key are left out of the set."""
        ...

    def envelopes(self, ids: Sequence[ContentId]) -> Sequence[bytes]:
        """The envelopes of those of `ids` that are in the set, in that order."""
        ...

    async def admit(self, batch: Sequence[bytes], source: PeerId) -> Sequence[Admission]:
        """Offer records that came from `source`: one verdict each, in order; durable on return."""
        ...
