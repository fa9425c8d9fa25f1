"""The asking side of a comparison by ranges: what to ask about next, and what came out."""

from __future__ import annotations

from collections import deque

from leaderboard.errors import PeerError

from .messages import MAX_RANGES, Compare, Parts
from .ranges import Listing, Range, Salted

__all__ = ["Comparison"]

_MAX_WAITING = 262_144
"""Ranges still to be asked about; two sets of a million without a common record need half of it."""
_MAX_ROUNDS = 4096


class Comparison:
    """Walks down the ranges that differ. Progress is certain: every answer makes ranges smaller or done."""

    def __init__(self, mine: Salted, theirs: int) -> None:
        whole = Range(b"", b"")
        self._mine = mine
        self._waiting: deque[Range] = deque([whole] if mine.fingerprint(whole) != theirs else [])
        self._asked: tuple[Range, ...] = ()
        self._rounds = 0
        self.theirs: list[bytes] = []
        """Prefixes that only the other side has, as far as found."""
        self.ours: list[bytes] = []
        """Prefixes that only we have, as far as found."""

    def next(self) -> Compare | None:
        """The next question; None when all is known."""
        if not self._waiting or self._rounds >= _MAX_ROUNDS:
            return None
        self._rounds += 1
        count = min(MAX_RANGES, len(self._waiting))
        self._asked = tuple(self._waiting.popleft() for _ in range(count))
        return Compare(self._asked)

    def take(self, answer: Parts) -> None:
        """Take in an answer; raises PeerError if it is not one to what was asked."""
        if len(answer.parts) != len(self._asked):
            raise PeerError(f"described {len(answer.parts)} ranges of {len(self._asked)}")
        for asked, part in zip(self._asked, answer.parts, strict=True):
            if isinstance(part, Listing):
                self._list(asked, set(part.prefixes))
            else:
                parts = part.parts(asked)
                self._waiting.extend(r for r, theirs in parts if self._mine.fingerprint(r) != theirs)
        if len(self._waiting) > _MAX_WAITING:
            raise PeerError("a comparison that does not come to an end")

    def _list(self, asked: Range, theirs: set[bytes]) -> None:
        mine = self._mine.prefixes(asked)
        self.ours.extend(prefix for prefix in mine if prefix not in theirs)
        self.theirs.extend(theirs.difference(mine))
