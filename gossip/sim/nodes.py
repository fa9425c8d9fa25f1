"""Simulated nodes: all share one archive of records and hold a bit for each, so that nothing is copied."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from gossip.proto.buckets import Buckets
from gossip.proto.conduct import Conduct
from gossip.proto.lookup import above
from gossip.proto.peerid import PeerId
from gossip.proto.push import PushQueue
from gossip.proto.replica import LogPage
from gossip.proto.summary import Summary
from leaderboard.envelope import content_id
from leaderboard.ids import ContentId
from leaderboard.ledger import Admission, Verdict

__all__ = ["Archive", "Node", "SharedReplica"]


class Archive:
    """All records of a simulation, numbered; each exists once."""

    def __init__(
        self, envelopes: Sequence[bytes], times: Sequence[int], bad: frozenset[int] = frozenset()
    ) -> None:
        """`bad`: numbers of records that every honest ledger rejects."""
        self.envelopes = envelopes
        self.times = times
        self.bad = bad
        self.ids = [content_id(envelope) for envelope in envelopes]
        self.number = {identifier: index for index, identifier in enumerate(self.ids)}
        self.of_envelope = {envelope: index for index, envelope in enumerate(envelopes)}
        self.order = sorted(range(len(envelopes)), key=lambda index: self.ids[index])
        self.sorted = [self.ids[index] for index in self.order]


class SharedReplica:
    """A node's set, as one byte per record of the archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.have = bytearray(len(archive.envelopes))
        self.taken: list[int] = []

    def __len__(self) -> int:
        return len(self.taken)

    def __contains__(self, identifier: ContentId) -> bool:
        return bool(self.have[self._archive.number[identifier]])

    def log(self, cursor: int, limit: int) -> LogPage:
        part = self.taken[cursor : cursor + limit]
        archive = self._archive
        ids, times = [archive.ids[i] for i in part], [archive.times[i] for i in part]
        return LogPage(ids, times, cursor + len(part), 0)

    def ids_between(self, low: bytes, high: bytes, limit: int) -> list[ContentId]:
        archive = self._archive
        found: list[ContentId] = []
        start = bisect_left(archive.sorted, low)
        stop = bisect_left(archive.sorted, high) if high else len(archive.sorted)
        for place in range(start, stop):
            if self.have[archive.order[place]]:
                found.append(archive.sorted[place])
                if len(found) == limit:
                    break
        return found

    def wanted(self, prefix: bytes) -> bool:
        return not self.ids_between(prefix, above(prefix), 1)

    def refuses(self, author: PeerId) -> bool:
        del author
        return False

    def envelopes(self, ids: Sequence[ContentId]) -> list[bytes]:
        numbers = (self._archive.number[identifier] for identifier in ids)
        return [self._archive.envelopes[i] for i in numbers if self.have[i]]

    async def admit(self, batch: Sequence[bytes], source: PeerId) -> list[Admission]:
        del source
        return self.judge(batch)

    def judge(self, batch: Sequence[bytes]) -> list[Admission]:
        """A verdict for each envelope; what is accepted is in the set."""
        return [self._judge(self._archive.of_envelope[envelope]) for envelope in batch]

    def _judge(self, index: int) -> Admission:
        identifier = self._archive.ids[index]
        if index in self._archive.bad:
            return Admission(Verdict.REJECT, identifier, "bad")
        known = not self.take(index)
        return Admission(Verdict.ACCEPT, identifier, "known" if known else "")

    def take(self, index: int) -> bool:
        """Add a good record; whether it was new."""
        if self.have[index]:
            return False
        self.have[index] = 1
        self.taken.append(index)
        return True


class Node:
    """A simulated node; what it does is in `Simulation` and `Sessions`, which know the network."""

    __slots__ = (
        "buckets",
        "conduct",
        "links",
        "queue",
        "replica",
        "restless",
        "seen",
        "silent",
        "summary",
        "syncing",
        "up",
    )

    def __init__(self, archive: Archive) -> None:
        self.replica = SharedReplica(archive)
        self.links: list[tuple[int, float]] = []
        self.queue = PushQueue()
        self.seen: set[int] = set()
        self.conduct = Conduct()
        self.buckets = Buckets()
        self.summary: Summary | None = None
        self.syncing = False
        self.restless = True
        self.silent = False
        self.up = True
