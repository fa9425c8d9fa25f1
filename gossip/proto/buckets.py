"""Bulk transfer for a node that lacks most of the set: ranges of ids, dealt out to several peers.

Reconciliation finds few differences in large sets. A node that lacks nearly everything instead fetches the
set by ranges of ids, each from whichever peer is free, and lets reconciliation find the tail afterwards.
A range whose peer fell silent is dealt out again. A node that ignores most of what comes (it has a list of
members, or its quotas are used up) would fetch the same set for ever, so it gives up and compares instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.errors import PeerError
from leaderboard.ids import ContentId

from .lookup import above

__all__ = ["Buckets", "Span"]

_PER_BUCKET = 2048
"""Most records of a bucket, more or less: several packs, of which only the last is a small one."""
_MAX_BITS = 12
"""At most 4,096 buckets."""


_MOST_IGNORED = 1024
"""Ignored records from which a transfer is given up if they are the greater part."""
_AGAIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Span:
    """A range of ids still to fetch: `low` <= id < `high`, where an empty `high` means no bound."""

    low: bytes
    high: bytes

    def after(self, ids: Sequence[ContentId], more: bool) -> Span | None:
        """What is left once `ids` arrived; None if all. PeerError if they are not the next ones in order."""
        last = b""
        for content_id in ids:
            if content_id <= last or content_id < self.low or (self.high and content_id >= self.high):
                raise PeerError("sent records outside the range that was asked for, or out of order")
            last = content_id
        if not more:
            return None
        if not last:
            raise PeerError("sent no records although it has more")
        low = above(last)
        return Span(low, self.high) if low else None


class Buckets:
    """Which ranges are still to be fetched. One per node, shared by its sessions."""

    def __init__(self) -> None:
        self._waiting: list[Span] = []
        self._out = 0
        self._taken = self._ignored = 0
        self._not_before = float("-inf")

    @property
    def active(self) -> bool:
        """Whether a bulk transfer is under way."""
        return bool(self._waiting) or self._out > 0

    def worth(self, now: float) -> bool:
        """Whether most of a transfer would be taken, as far as the last one tells."""
        return now >= self._not_before

    def came(self, taken: int, ignored: int, now: float) -> None:
        """What became of some records of this transfer: it ends early if most are ignored."""
        self._taken += taken
        self._ignored += ignored
        if self._ignored > max(self._taken, _MOST_IGNORED):
            self._waiting.clear()
            self._not_before = now + _AGAIN_SECONDS

    def plan(self, size: int, now: float) -> None:
        """Start a transfer of a set of about `size` records, unless one is under way."""
        del now
        if self.active:
            return
        self._taken = self._ignored = 0
        bits = min(_MAX_BITS, max(4, (size // _PER_BUCKET).bit_length()))
        lows = [(index << (16 - bits)).to_bytes(2, "big") for index in range(1 << bits)]
        self._waiting = [Span(low, high) for low, high in zip(lows, [*lows[1:], b""], strict=True)][::-1]

    def take(self, now: float) -> Span | None:
        """The next range to fetch, if any is waiting."""
        del now
        if not self._waiting:
            return None
        self._out += 1
        return self._waiting.pop()

    def give_back(self, span: Span, now: float) -> None:
        """The peer did not deliver `span`: somebody else will."""
        del now
        self._out -= 1
        self._waiting.append(span)

    def done(self) -> None:
        """A range that was taken has arrived in full."""
        self._out -= 1
