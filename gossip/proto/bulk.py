"""One session's part of a bulk transfer: which range it fetches, and what the ledger has not seen of it.

A few packs are admitted together, because each admission waits for the disk. A session that breaks gives back
all ranges of which something was not admitted, so that nothing is lost and little is fetched twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from leaderboard.envelope import content_id

from .buckets import Buckets, Span

__all__ = ["Bulk"]

_PILE = 5
"""Packs that are admitted together: some 2,000 records, 1.7 MB at most."""


class Bulk:
    """Takes ranges from the `buckets` that the sessions of one node share."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self.span: Span | None = None
        """What to ask for next."""
        self._held: list[Span] = []
        """What has not been through the ledger: the rest of a range, and what the pile is of."""
        self._pile: list[Sequence[bytes]] = []

    def take(self, now: float) -> Span | None:
        """The next range, if there is one."""
        self.span = self._buckets.take(now)
        if self.span is not None:
            self._held.append(self.span)
        return self.span

    def arrived(self, envelopes: Sequence[bytes], more: bool, now: float) -> tuple[bytes, ...]:
        """A pack has come: what is to be admitted now, if anything. PeerError for what was not asked for.

        `span` is then what can be asked for meanwhile.
        """
        assert self.span is not None
        self.span = self.span.after([content_id(envelope) for envelope in envelopes], more)
        self._pile.append(envelopes)
        if self.span is not None and len(self._pile) < _PILE:
            return ()
        if self.span is None:
            self.take(now)
        return tuple(chain.from_iterable(self._pile))

    def admitted(self) -> None:
        """The pile is through: what it completed is done."""
        self._pile.clear()
        left = [] if self.span is None else [self.span]
        for _ in self._held[len(left) :]:
            self._buckets.done()
        self._held = left

    def abandon(self, now: float) -> None:
        """The session is over: others fetch what it has not put through."""
        for span in self._held:
            self._buckets.give_back(span, now)
        self._held.clear()
        self._pile.clear()
        self.span = None
