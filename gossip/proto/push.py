"""Push: records leave in batches, because a gossip message costs the same whatever it holds.

py-libp2p spends 2 to 14 ms of CPU per delivered message, so records that appear together travel together.
The first record after a pause leaves at once; while records keep coming, a batch leaves every FLUSH_SECONDS
or when it is full. A record is pushed once, by the node it was made on. It is not pushed again by nodes
that pulled it: push is a hint, sync is the truth, and repairs that are pushed on multiply. Rejected: one
message per record; announcing ids and pulling (three times the latency).
"""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.codec import MAX_RECORD_BYTES
from leaderboard.errors import LocalError, PeerError

from .frames import frame, pack, parse, unpack

__all__ = ["FLUSH_SECONDS", "MAX_BATCH_BYTES", "PushQueue", "read_batch"]

FLUSH_SECONDS = 0.2
"""Longest wait of a record for company."""
MAX_BATCH_RECORDS = 256
MAX_BATCH_BYTES = 256 * 1024
"""Well under the 1 MiB that py-libp2p drops silently."""
_KIND = 64


class PushQueue:
    """Collects records to push. Drive it: `put`, and at `due()` call `take`."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._last = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, envelopes: Sequence[bytes]) -> None:
        """Queue records for the next batches."""
        for envelope in envelopes:
            if not 0 < len(envelope) <= MAX_RECORD_BYTES:
                raise LocalError(f"a record of {len(envelope)} bytes cannot be pushed")
        self._waiting.extend(envelopes)

    def due(self) -> float | None:
        """When the next batch should leave, on the clock given to `take`; None while nothing waits."""
        if not self._waiting:
            return None
        full = len(self._waiting) >= MAX_BATCH_RECORDS
        return self._last if full else self._last + FLUSH_SECONDS

    def take(self, now: float) -> bytes | None:
        """The next batch as a message, if one is due."""
        due = self.due()
        if due is None or due > now:
            return None
        size = count = 0
        for envelope in self._waiting[:MAX_BATCH_RECORDS]:
            if count and size + len(envelope) > MAX_BATCH_BYTES:
                break
            size += len(envelope)
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._last = now
        return frame(_KIND, pack(batch))


def read_batch(data: bytes) -> tuple[bytes, ...]:
    """The envelopes in a pushed message; raises PeerError if it is not one."""
    match parse(data):
        case kind, [bytes(packed)] if kind == _KIND:
            envelopes = unpack(packed)
            if 0 < len(envelopes) <= MAX_BATCH_RECORDS:
                return envelopes
    raise PeerError(f"a batch holds 1 to {MAX_BATCH_RECORDS} envelopes")
