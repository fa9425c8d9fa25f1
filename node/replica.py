"""This node's copy of the record set: ledger, store and standings behind one async door.

Everything that enters passes `admit`, whoever brought it. Admission verifies and writes in a thread, one
batch at a time; when it returns, the records are durable. Only then do the standings get them and listeners
wake up, so nobody ever sees, counts or forwards a record that a crash could take back.

Listeners do not get callbacks: they keep a cursor into the store's log and wait for it to move
(`wait_beyond`), so a slow one misses nothing and holds nobody up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache, partial
from itertools import chain, islice

import trio

from gossip.proto.replica import LogPage
from leaderboard.envelope import Envelope
from leaderboard.ids import AuthorId, ContentId, SwarmId
from leaderboard.ledger import Admission, Ledger, verify_each
from leaderboard.standings import Standings

from .store import Store, Stored

__all__ = ["NodeReplica", "now_ms", "verify_in_threads"]

_LOAD_PAGE = 2_000
_CORES = min(8, os.cpu_count() or 1)
_WORTH_THREADS = 16
"""Signatures below which handing out costs more than it saves: one takes 40 us, a hand-over about 100 us."""


def now_ms() -> int:
    """This machine's clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def verify_in_threads(envelopes: Sequence[Envelope]) -> Sequence[bool]:
    """Check signatures on all cores: libsodium frees the interpreter while it computes."""
    if len(envelopes) < _WORTH_THREADS:
        return verify_each(envelopes)
    size = -(-len(envelopes) // _CORES)
    parts = [envelopes[start : start + size] for start in range(0, len(envelopes), size)]
    return list(chain.from_iterable(_verifiers().map(verify_each, parts)))


@cache
def _verifiers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CORES, thread_name_prefix="verify")


class NodeReplica:
    """Implements `gossip.proto.Replica` and feeds the standings."""

    def __init__(self, store: Store, swarm: SwarmId, refused: Collection[AuthorId] = ()) -> None:
        self.store = store
        self.swarm = swarm
        self.standings = Standings()
        self._fresh: list[Envelope] = []
        self._ledger = Ledger(
            store, swarm, refused=refused, on_admitted=self._fresh.extend, verify=verify_in_threads
        )
        self._writer = trio.Lock()
        self._moved = trio.Event()
        self._cursor = 0

    async def load(self) -> None:
        """Build the standings from what the store holds; called once, before anything is admitted."""
        while page := await trio.to_thread.run_sync(self.page, self._cursor):
            self.standings.add([stored.envelope for stored in page])
            self._cursor = page[-1].row

    def page(self, row: int, limit: int = _LOAD_PAGE) -> list[Stored]:
        """At most `limit` records after `row`, in order of arrival; blocks on the disk."""
        with closing(self.store.since(row)) as rows:
            return list(islice(rows, limit))

    async def admit(self, batch: Sequence[bytes], source: str) -> Sequence[Admission]:  # noqa: ARG002
        """Offer records; one verdict each, in order. What is ACCEPTed is durable and visible on return."""
        admit = partial(self._ledger.admit, batch, now_ms())
        with trio.CancelScope(shield=True):  # a batch in the writer thread finishes, and is then shown
            async with self._writer:
                admissions = await trio.to_thread.run_sync(admit)
                self._show()
        return admissions

    def _show(self) -> None:
        if not self._fresh:
            return
        self.standings.add(self._fresh)
        self._fresh.clear()
        self._cursor = self.store.count()
        moved, self._moved = self._moved, trio.Event()
        moved.set()

    @property
    def cursor(self) -> int:
        """Position of the newest record in the store's log."""
        return self._cursor

    async def wait_beyond(self, cursor: int) -> int:
        """Wait until the log has records after `cursor`; returns the new position."""
        while self._cursor <= cursor:
            await self._moved.wait()
        return self._cursor

    def __len__(self) -> int:
        return self._cursor

    def __contains__(self, content_id: ContentId) -> bool:
        return bool(self.store.raw([content_id]))

    def log(self, cursor: int, limit: int) -> LogPage:
        """A stretch of the admission log, for sketches."""
        rows = self.store.log(cursor, limit)
        return LogPage(
            ids=[found for _, _, found in rows],
            times=[time_ms for _, time_ms, _ in rows],
            cursor=rows[-1][0] if rows else cursor,
            epoch=0,  # records are never taken out of the set
        )

    def ids_between(self, low: bytes, high: bytes, limit: int) -> Sequence[ContentId]:
        """Ids in [low, high), ascending; an empty `high` means no bound."""
        return self.store.ids_between(low, high, limit)

    def envelopes(self, ids: Sequence[ContentId]) -> Sequence[bytes]:
        """Wire bytes of those of `ids` that are here, in that order."""
        found = self.store.raw(ids)
        return [found[item] for item in ids if item in found]
