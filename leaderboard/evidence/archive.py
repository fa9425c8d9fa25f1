"""Facts of claims, read when somebody needs them and forgotten when memory is short.

Nothing of a claim's facts is stored as truth: they are read from its records each time, through `Log`. A log
shows the records that were given to the standings before the call that is under way; those of that call are
added to the facts as they come, and nothing is forgotten while it lasts. Without a log (a simulation, a test)
all facts are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from ..envelope import Envelope
from ..ids import ContentId
from .facts import ClaimFacts

__all__ = ["Archive", "Log"]

_MOST_BYTES = 4 * 1024 * 1024
"""Of records whose facts are kept; as Python objects they take some five times as much."""


class Log(Protocol):
    """Where the records of the set can be read again."""

    def about(self, claim: ContentId) -> Iterable[Envelope]:
        """A claim's record, everything about it and every retraction of it, in any order."""


class Archive:
    """Facts by claim."""

    def __init__(self, log: Log | None = None) -> None:
        self._log = log
        self._facts: OrderedDict[ContentId, ClaimFacts] = OrderedDict()
        self._bytes = 0

    def get(self, claim: ContentId) -> ClaimFacts | None:
        """What the records say about a claim; None if no record is about it."""
        facts = self._facts.get(claim)
        if facts is None:
            return None if self._log is None else self._read(claim, self._log)
        self._facts.move_to_end(claim)
        return facts

    def add(self, claim: ContentId, envelope: Envelope) -> ClaimFacts:
        """Enter a record about a claim; returns all that is known about it then."""
        facts = self.get(claim)
        if facts is None:
            facts = self._facts[claim] = ClaimFacts(claim)
        before = facts.size
        facts.add(envelope)
        self._bytes += facts.size - before
        return facts

    def trim(self) -> None:
        """Forget the facts that were used longest ago, if they are too many."""
        while self._log is not None and self._bytes > _MOST_BYTES:
            _, facts = self._facts.popitem(last=False)
            self._bytes -= facts.size

    def _read(self, claim: ContentId, log: Log) -> ClaimFacts | None:
        facts = ClaimFacts(claim)
        for envelope in log.about(claim):
            facts.add(envelope)
        if not facts.size:
            return None
        facts.settled = frozenset(facts.deliveries)
        self._facts[claim] = facts
        self._bytes += facts.size
        return facts
