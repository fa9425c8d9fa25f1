"""A record set in memory, for the simulator, tests and benchmarks. Nothing is durable, nothing is verified.

Records are opaque; `synthetic` makes well-formed envelopes whose signature is zeros, and a judge decides
what the set does with them.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence

from leaderboard.codec import ValueMap, decode, encode
from leaderboard.envelope import content_id
from leaderboard.errors import PeerError
from leaderboard.ids import ContentId
from leaderboard.ledger import Admission, Verdict

from .proto.lookup import above
from .proto.peerid import PeerId
from .proto.replica import LogPage

__all__ = ["MemoryReplica", "synthetic"]

Judge = Callable[[bytes, PeerId], Verdict]


def synthetic(label: str, time_ms: int, size: int = 500) -> bytes:
    """An envelope of about `size` bytes that differs with `label`; its signature does not hold."""
    # Hexadecimal digits of a hash compress about as well as real records do, to 0.55.
    filler = hashlib.shake_128(label.encode()).hexdigest(max(0, size - 120) // 2)
    body: ValueMap = {"filler": filler, "label": label, "time": time_ms}
    return encode([1, encode(body), bytes(64)])


def _time_of(envelope: bytes) -> int:
    match decode(envelope):
        case [int(), bytes(body), bytes()]:
            match decode(body):
                case {"time": int(time_ms)}:
                    return time_ms
    raise PeerError("no time")


class MemoryReplica:
    """A `Replica` over dictionaries. `judge` sees every record that is not known."""

    def __init__(self, judge: Judge | None = None) -> None:
        self._judge = judge
        self._envelopes: dict[ContentId, bytes] = {}
        self._sorted: list[ContentId] = []
        self._log: list[ContentId] = []
        self._times: list[int] = []

    def __len__(self) -> int:
        return len(self._envelopes)

    def __contains__(self, content_id: ContentId) -> bool:
        return content_id in self._envelopes

    def ids(self) -> frozenset[ContentId]:
        """All ids in the set."""
        return frozenset(self._envelopes)

    def log(self, cursor: int, limit: int) -> LogPage:
        end = min(len(self._log), cursor + limit)
        return LogPage(self._log[cursor:end], self._times[cursor:end], end, 0)

    def ids_between(self, low: bytes, high: bytes, limit: int) -> list[ContentId]:
        start = bisect_left(self._sorted, low)
        stop = bisect_left(self._sorted, high) if high else len(self._sorted)
        return self._sorted[start : min(stop, start + limit)]

    def wanted(self, prefix: bytes) -> bool:
        return not self.ids_between(prefix, above(prefix), 1)

    def refuses(self, author: PeerId) -> bool:
        del author
        return False

    def envelopes(self, ids: Sequence[ContentId]) -> list[bytes]:
        return [self._envelopes[i] for i in ids if i in self._envelopes]

    async def admit(self, batch: Sequence[bytes], source: PeerId) -> list[Admission]:
        return self.admit_now(batch, source)

    def admit_now(self, batch: Sequence[bytes], source: PeerId) -> list[Admission]:
        """As `admit`, for callers that do not run under trio."""
        return [self._admit(envelope, source) for envelope in batch]

    def _admit(self, envelope: bytes, source: PeerId) -> Admission:
        try:
            identifier, time_ms = content_id(envelope), _time_of(envelope)
        except PeerError as error:
            return Admission(Verdict.REJECT, None, str(error))
        if identifier in self._envelopes:
            return Admission(Verdict.ACCEPT, identifier, "known")
        verdict = Verdict.ACCEPT if self._judge is None else self._judge(envelope, source)
        if verdict is not Verdict.ACCEPT:
            return Admission(verdict, identifier, "judged so")
        self._envelopes[identifier] = envelope
        insort(self._sorted, identifier)
        self._log.append(identifier)
        self._times.append(time_ms)
        return Admission(Verdict.ACCEPT, identifier, "")
