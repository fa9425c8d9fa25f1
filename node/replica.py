"""This node's copy of the record set: ledger, store and standings behind one async door.

Everything that enters passes `admit`, whoever brought it. Admission verifies and writes in a thread, one
batch at a time; when it returns, the records are durable. Only then do the standings get them and listeners
wake up, so nobody ever sees, counts or forwards a record that a crash could take back.

Listeners do not get callbacks: they keep a cursor into the store's log and wait for it to move
(`wait_beyond`), so a slow one misses nothing and holds nobody up.

The operator's refuse-list is subtracted here: from the log that sketches follow (whose epoch changes), from
what is served, from the standings. The records stay on the disk, so allowing an author brings them back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import trio

from gossip.proto.lookup import above
from gossip.proto.peerid import PeerId, peer_id_of
from gossip.proto.replica import LogPage
from gossip.proto.riblt import PREFIX_BYTES
from leaderboard.admission import Allowance, Postponed, Quotas, Standing
from leaderboard.envelope import open_envelope
from leaderboard.ids import AuthorId, ContentId, SwarmId
from leaderboard.ledger import QUOTA_WAIT_S, Admission, Kept, Ledger
from leaderboard.standings import Standings

from .boards import Boards
from .signatures import Verifiers
from .store import Store, Stored

__all__ = ["Entrance", "NodeReplica", "now_ms"]

_LOAD_PAGE = 2_000
_SAVE_SECONDS = 2.0
_SHOWN_AT_ONCE = 256
"""Records folded in one go, some 50 ms; of larger batches `keep_boards` does it bit by bit, seconds later."""
_TRUST_SECONDS = 60.0
"""How often it is looked up whom this node's own checks found honest."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Whom and what a node lets in."""

    me: AuthorId | None = None
    refused: frozenset[AuthorId] = frozenset()
    members: frozenset[AuthorId] = frozenset()
    """If there are any, nobody else is heard."""
    work_bits: int = 0
    allowance: Allowance = field(default_factory=Allowance)


def now_ms() -> int:
    """This machine's clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


class NodeReplica:
    """Implements `gossip.proto.Replica` and feeds the standings."""

    def __init__(
        self, store: Store, swarm: SwarmId, entrance: Entrance | None = None, views: Path | None = None
    ) -> None:
        """`views`: the file that keeps the standings from one start to the next; without it, memory does."""
        self.store = store
        self.swarm = swarm
        self.entrance = entrance or Entrance()
        self.boards = Boards(store, views, self.entrance.me)
        self._set_refused(self.entrance.refused)
        self.neighbours: frozenset[AuthorId] = frozenset()
        """Authors whose nodes this one is connected to, as told from time to time."""
        self._trusted = self.entrance.members
        self._trust_due = 0.0
        self._postponed = Postponed()
        self._fresh: list[Kept] = []
        self._verifiers = Verifiers(swarm)
        self._ledger = Ledger(
            store,
            swarm,
            refused=self.refused,
            members=self.entrance.members,
            work_bits=self.entrance.work_bits,
            quotas=Quotas(self.entrance.allowance, self._standing),
            on_admitted=self._fresh.extend,
            spread=self._verifiers,
        )
        self._writer = trio.Lock()
        self._moved = trio.Event()
        self._cursor = store.count()
        self._hidden = 0
        self._epoch = 0
        self._caught_up = trio.Event()

    def _set_refused(self, authors: frozenset[AuthorId]) -> None:
        self.refused = authors
        self._refused_peers = frozenset(map(peer_id_of, authors))

    async def open(self) -> None:
        """Get ready to answer; called once, before anything is admitted. Boards may have to catch up."""
        self.store.hide(self.refused)
        self._hidden = await trio.to_thread.run_sync(self.store.hidden_count)
        self.boards.open(self.refused)

    async def load(self) -> None:
        """The same, and wait until the boards have caught up with the log."""
        await self.open()
        await self.boards.catch_up(lambda: self._cursor)

    async def keep_boards(self) -> None:
        """Let the boards catch up, then save them now and then, for ever."""
        while True:
            await self.boards.catch_up(lambda: self._cursor)
            self._caught_up.set()
            row = self._cursor
            await self.boards.save_gently()
            await self.wait_beyond(row)
            await trio.sleep(_SAVE_SECONDS)

    async def wait_caught_up(self) -> None:
        """Wait until the boards show the whole log for the first time."""
        await self._caught_up.wait()

    def close(self) -> None:
        """Save the boards, so that the next start goes on from here."""
        self._verifiers.close()
        self.boards.close()

    @property
    def standings(self) -> Standings:
        """What the records add up to, as far as they are folded (`boards.progress`)."""
        return self.boards.standings

    async def refuse(self, authors: frozenset[AuthorId]) -> None:
        """Leave the records of `authors`, and of nobody else, out of everything from now on."""
        async with self._writer:
            self._set_refused(authors)
            self._ledger.refuse(authors)
            self.store.hide(authors)
            self._postponed.clear()
            self._epoch += 1
            self._hidden = await trio.to_thread.run_sync(self.store.hidden_count)
            self.boards.open(authors)
        await self.boards.catch_up(lambda: self._cursor)

    def page(self, row: int, limit: int = _LOAD_PAGE) -> list[Stored]:
        """At most `limit` records after `row`, in order of arrival; blocks on the disk."""
        with closing(self.store.since(row)) as rows:
            return list(islice(rows, limit))

    async def admit(self, batch: Sequence[bytes], source: str) -> Sequence[Admission]:
        """Offer records; one verdict each, in order. What is ACCEPTed is durable and visible on return."""
        now = trio.current_time()
        self._look_up_trust(now)
        admit = partial(self._ledger.admit, batch, now_ms(), source=source, now=now)
        with trio.CancelScope(shield=True):  # a batch in the writer thread finishes, and is then shown
            async with self._writer:
                admissions = await trio.to_thread.run_sync(admit)
                self._show()
                await self._admit_proofs(batch, admissions)
        for item in admissions:
            if item.wait_s and item.id is not None:
                self._postponed.put_off(item.id[:PREFIX_BYTES], now + item.wait_s)
        return admissions

    def _standing(self, author: AuthorId) -> Standing:
        """For quotas; runs in the writer thread, so it reads only what is replaced as a whole."""
        if author == self.entrance.me or author in self._trusted:
            return Standing.TRUSTED
        return Standing.NEIGHBOUR if author in self.neighbours else Standing.STRANGER

    async def _admit_proofs(self, batch: Sequence[bytes], admissions: list[Admission]) -> None:
        """Take in what a quota delays although it proves an equivocation: one record of each such author.

        Asked here and not by the ledger, whose threads must not wait for the loop that owns the standings.
        """
        proofs: dict[AuthorId, int] = {}
        for index, (raw, item) in enumerate(zip(batch, admissions, strict=True)):
            if item.wait_s == QUOTA_WAIT_S:
                envelope = open_envelope(raw, self.swarm)
                if envelope.author not in proofs and self.standings.proves_fork(envelope):
                    proofs[envelope.author] = index
        if proofs:
            again = partial(self._ledger.admit, [batch[index] for index in proofs.values()], now_ms())
            for index, item in zip(proofs.values(), await trio.to_thread.run_sync(again), strict=True):
                admissions[index] = item
            self._show()

    def _look_up_trust(self, now: float) -> None:
        me = self.entrance.me
        if me is None or now < self._trust_due:
            return
        self._trust_due = now + _TRUST_SECONDS
        identity = self.standings.identity(me)
        if identity is not None and identity.delivered:  # else it has checked nobody
            found = self.standings.trust(me).items()
            self._trusted = self.entrance.members | {author for author, trust in found if trust.trusted}

    def _show(self) -> None:
        if not self._fresh:
            return
        fresh, before = list(self._fresh), self._cursor
        self._fresh.clear()
        self._cursor = self.store.count()
        if self.boards.caught_up and self.boards.row == before and len(fresh) <= _SHOWN_AT_ONCE:
            self.boards.take(fresh, self._cursor)  # else they are folded when their turn comes
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
        return self._cursor - self._hidden

    def __contains__(self, content_id: ContentId) -> bool:
        return bool(self.store.raw([content_id]))

    def log(self, cursor: int, limit: int) -> LogPage:
        """A stretch of the admission log, for sketches."""
        rows = self.store.log(cursor, limit)
        return LogPage(
            ids=[found for _, _, found in rows],
            times=[time_ms for _, time_ms, _ in rows],
            cursor=rows[-1][0] if rows else cursor,
            epoch=self._epoch,
        )

    def ids_between(self, low: bytes, high: bytes, limit: int) -> Sequence[ContentId]:
        """Ids in [low, high), ascending; an empty `high` means no bound."""
        return self.store.ids_between(low, high, limit)

    def wanted(self, prefix: bytes) -> bool:
        """Whether to fetch a record whose id begins with `prefix`."""
        waits = self._postponed.waits(prefix, trio.current_time())
        return not waits and not self.store.holds(prefix, above(prefix))

    def refuses(self, author: PeerId) -> bool:
        """Whether the author with this PeerId's key is on the refuse-list."""
        return author in self._refused_peers

    def envelopes(self, ids: Sequence[ContentId]) -> Sequence[bytes]:
        """Wire bytes of those of `ids` that are here, in that order."""
        found = self.store.raw(ids)
        return [found[item] for item in ids if item in found]
