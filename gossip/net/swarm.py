"""A node's membership in a swarm: `async with open_swarm(config, replica) as swarm`.

Everything it starts ends with the block. Faults of peers never leave it; what does leave it is our own bug
or a broken machine, and whoever runs it (the daemon's supervisor) decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from random import Random
from typing import Any

import trio
from google.protobuf.message import DecodeError

from gossip.proto.blobs import BlobShelf
from gossip.proto.conduct import BROKEN_PROTOCOL
from gossip.proto.peerid import PeerId, public_key_of
from gossip.proto.replica import Replica
from leaderboard.blob import BlobId
from leaderboard.errors import LocalError, PeerError

from . import patches
from .acquaint import Acquaint, listening_addresses
from .blobs import Blobs
from .config import NetConfig, PeerView, Statistics
from .contain import Contained
from .host import Host, listen, open_host, probe
from .lan import look_around
from .links import Links
from .pushing import Push
from .relay import Relays, offer_relay
from .syncing import Sync
from .tally import Tally

__all__ = ["Swarm", "open_swarm"]

_SAVE_SECONDS = 1.0
"""A node that is killed right after it met its peers must find them again; the file is small."""
_FAREWELL_SECONDS = 1.0
_INBOUND_PAUSE = 0.3
"""Who dialled asks first; the other side waits this long, so that one session serves both."""


class Swarm:
    """What the node sees of its peers."""

    def __init__(
        self, host: Host, config: NetConfig, replica: Replica, shelf: BlobShelf | None, random: Random
    ) -> None:
        self._host = host
        self._config = config
        self._random = random
        self._tally = Tally()
        self._fresh_in, self._fresh_out = trio.open_memory_channel[tuple[PeerId, bool]](config.max_links)
        self._relays = Relays(host, tuple(_member(text) for text in config.relays))
        self._links = Links(host, config, self._tally, random, on_link=self._on_link, relays=self._relays)
        self._push = Push(host, replica, self._tally, self._links)
        self._sync = Sync(host, config, replica, self._links, tally=self._tally, random=random)
        self._acquaint = Acquaint(host, config, self._links, self._tally, random=random, relays=self._relays)
        self._blobs = (
            None
            if shelf is None
            else Blobs(host, config, shelf, self._links, tally=self._tally, random=random)
        )
        self._saved: dict[PeerId, tuple[str, ...]] = {}
        patches.observe(host.network, self._fault)

    @property
    def peer_id(self) -> PeerId:
        """Our own."""
        return self._host.me

    async def publish(self, envelopes: Sequence[bytes]) -> None:
        """Push records that the ledger has admitted. Returns at once; sync covers whatever gets lost."""
        self._push.put(envelopes)
        await trio.lowlevel.checkpoint()

    async def fetch_blob(self, blob: BlobId, most_bytes: int, near: Sequence[PeerId] = ()) -> None:
        """Have a blob on this node's shelf; `near`: who surely had it, such as a record's author: these
        are called if they are not connected.

        Raises Refused if no connected peer gives it now, if it has more than `most_bytes`, or if there is
        no room for it.
        """
        if self._blobs is None:
            raise LocalError("this swarm was opened without a shelf for blobs")
        await self._blobs.fetch(blob, most_bytes, near)

    def addresses(self) -> tuple[str, ...]:
        """Multiaddrs under which peers reach us, with our PeerId: what to give as a bootstrap address."""
        own = (*self._config.announce, *listening_addresses(self._host), *self._relays.addresses())
        return tuple(f"{address}/p2p/{self._host.me}" for address in own)

    def peers(self) -> tuple[PeerView, ...]:
        """Connected peers."""
        now, mesh, links = trio.current_time(), self._host.mesh(), self._links
        return tuple(
            PeerView(
                peer=peer,
                addresses=entry.addresses if (entry := links.book.get(peer)) else (),
                outbound=peer in links.outbound,
                since=now - links.since.get(peer, now),
                member=peer in links.members,
                in_mesh=peer in mesh,
                round_trip=links.round_trip(peer),
                guilt=links.conduct.guilt(peer, now),
            )
            for peer in self._host.connected()
        )

    def statistics(self) -> Statistics:
        """Counters, as of now."""
        tally = self._tally
        return Statistics(
            peers=len(self._host.connected()),
            known_peers=len(self._links.book),
            mesh=len(self._host.mesh()),
            waiting=self._push.waiting,
            pushed_records=tally.pushed_records,
            pushed_batches=tally.pushed_batches,
            delivered_batches=tally.delivered_batches,
            delivered_records=tally.delivered_records,
            new_records=tally.new_records,
            syncs=dict(tally.syncs),
            served=tally.served,
            sync_bytes_in=tally.sync_bytes_in,
            sync_bytes_out=tally.sync_bytes_out,
            blobs_fetched=tally.blobs_fetched,
            blob_bytes_in=tally.blob_bytes_in,
            blob_bytes_out=tally.blob_bytes_out,
            refused={reason: count for reason, count in tally.refused.items() if count},
            dials=tally.dials,
            dials_failed=tally.dials_failed,
            bans=tally.bans,
            watchdog_drops=tally.watchdog_drops,
        )

    async def _start(self, nursery: trio.Nursery) -> None:
        """Be ready for peers, then let them come, then go and find some."""
        self._sync.start()
        self._acquaint.start()
        if self._blobs is not None:
            self._blobs.start()
        subscription = await self._push.subscribe()
        await listen(self._host, self._config)
        nursery.start_soon(self._run, subscription)

    async def _run(self, subscription: Any) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._push.run, subscription)
            nursery.start_soon(self._links.run)
            nursery.start_soon(self._relays.run)
            nursery.start_soon(self._sync.run)
            nursery.start_soon(self._acquaint.run)
            nursery.start_soon(self._greet_loop, nursery)
            nursery.start_soon(self._save_loop)
            if self._config.lan:
                nursery.start_soon(look_around, self._host, self._config, self._links, self._tally)

    def _on_link(self, peer: PeerId, outbound: bool) -> None:
        with Contained():  # WouldBlock: so many at once that nobody needs greeting twice
            self._fresh_in.send_nowait((peer, outbound))

    async def _greet_loop(self, nursery: trio.Nursery) -> None:
        async for peer, outbound in self._fresh_out:
            if outbound:
                nursery.start_soon(self._acquaint.ask, peer)
            self._sync.soon(peer, 0.0 if outbound else _INBOUND_PAUSE * self._random.uniform(1.0, 3.0))

    async def _save_loop(self) -> None:
        while True:
            await trio.sleep(_SAVE_SECONDS)
            self._save()

    def _save(self) -> None:
        entries = self._links.book.entries()
        where = {entry.peer: entry.addresses for entry in entries}
        if self._config.save_book is not None and where != self._saved:
            self._config.save_book(entries)
            self._saved = where

    def _fault(self, fault: patches.Fault) -> None:
        """What a patch contained. Only what no honest libp2p node sends is held against the peer."""
        guilty = isinstance(fault.error, DecodeError) or fault.where in ("bound-window", "contain-push")
        if guilty and fault.peer:
            self._links.blame(PeerId(fault.peer), BROKEN_PROTOCOL, f"libp2p: {fault.where}")
        else:
            self._tally.refuse(f"libp2p: {fault.where}")

    async def _close(self) -> None:
        """Say goodbye to all peers at once: py-libp2p takes a fifth of a second for each, in turn."""
        self._save()
        with trio.move_on_after(_FAREWELL_SECONDS) as scope:
            scope.shield = True
            async with trio.open_nursery() as nursery:
                for peer in self._host.connected():
                    nursery.start_soon(self._host.hang_up, peer)


@asynccontextmanager
async def open_swarm(
    config: NetConfig,
    replica: Replica,
    *,
    shelf: BlobShelf | None = None,
    random: Random,
    wall_ns: Callable[[], int],
) -> AsyncIterator[Swarm]:
    """Join a swarm. `random` drives choices among peers (nothing secret), `wall_ns` is the wall clock.

    Without a `shelf` the node neither serves nor fetches blobs.
    """
    if len(config.seed) != 32:
        raise LocalError("an Ed25519 seed has 32 bytes")
    members = [_member(text) for text in (*config.bootstrap, *config.relays)]
    for text in config.listen:
        probe(text)
    try:
        async with open_host(config, wall_ns) as host:
            swarm = Swarm(host, config, replica, shelf, random)
            swarm._links.book.restore(config.book)  # noqa: SLF001 - this function is Swarm's constructor
            for peer, address in members:
                swarm._links.book.learn(peer, (address,), bootstrap=True)  # noqa: SLF001
            async with _circuits(host, config), trio.open_nursery() as nursery:
                await swarm._start(nursery)  # noqa: SLF001
                try:
                    yield swarm
                finally:
                    await swarm._close()  # noqa: SLF001
                    nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # Each of the six nurseries inside wraps an error once more; one alone is told plainly.
        only = _only(group)
        if only is None:
            raise
        raise only from None


def _only(error: BaseException) -> BaseException | None:
    """The single error in a group of groups; None if there are several."""
    while isinstance(error, BaseExceptionGroup):
        if len(error.exceptions) != 1:
            return None
        error = error.exceptions[0]
    return error


def _circuits(host: Host, config: NetConfig) -> AbstractAsyncContextManager[None]:
    """Relay's services, where they are wanted: passing on for others, or being called through others."""
    return offer_relay(host, config.relay) if config.relay or config.relays else nullcontext()


def _member(text: str) -> tuple[PeerId, str]:
    address, _, peer = text.rpartition("/p2p/")
    try:
        public_key_of(peer)
    except PeerError as error:
        raise LocalError(f"{text} does not end in /p2p/<PeerId>: {error}") from None
    if not address:
        raise LocalError(f"{text} is only a PeerId: put the peer's address before it")
    return PeerId(peer), address
