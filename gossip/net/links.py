"""Whom we are connected to: dialling, watching, letting go.

py-libp2p's own means give up on a bootstrap peer after half a minute, try one address per peer and never
notice a frozen one. Here a loop keeps `links` connections up, tries every address with backoff, and tries
lost and unknown peers now and then even when it has enough, so that two halves of a network find each
other again; a watchdog drops whoever falls silent (`gossip.proto.pulse`). Inbound connections leave room for
the ones this node chooses itself, and one network of addresses gets a part of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import trio
from libp2p.abc import INotifee
from multiaddr import Multiaddr

from gossip.proto.book import AddressBook, Entry
from gossip.proto.conduct import Conduct
from gossip.proto.peerid import PeerId
from gossip.proto.pulse import TICK_SECONDS, Pulse
from gossip.proto.slots import group_of

from . import patches
from .config import NetConfig
from .contain import Contained
from .host import Host, identifier_of
from .relay import Relays, is_circuit
from .streams import remote_ip
from .tally import Tally

__all__ = ["Links"]

_DIAL_SECONDS = 10.0
_ROUND_SECONDS = 1.0
_LOST_SECONDS = 5.0
"""How often a lost peer is tried although there are enough, so that halves of a network find each other."""
_EXPLORE_SECONDS = 60.0
"""How often any other is: each connection costs both ends CPU for as long as it stands."""
_PING_SECONDS = 5.0
"""How long a ping may wait for its turn to be written; whether it is answered, the pulse tells."""
_GROUP_SHARE = 4
"""One network of addresses may hold a quarter of the connections that others opened; loopback is none."""
_STRANGER_SECONDS = 30.0
"""A peer that has not shown by then that it is of our swarm goes."""


class _Notifee(INotifee):
    """Tells `Links` of connections; the rest of the interface is not needed."""

    def __init__(self, connected: Callable[[Any], None]) -> None:
        self._connected = connected

    async def connected(self, network: Any, conn: Any) -> None:
        del network
        self._connected(conn)

    async def disconnected(self, network: Any, conn: Any) -> None: ...

    async def opened_stream(self, network: Any, stream: Any) -> None: ...

    async def closed_stream(self, network: Any, stream: Any) -> None: ...

    async def listen(self, network: Any, multiaddr: Any) -> None: ...

    async def listen_close(self, network: Any, multiaddr: Any) -> None: ...


class Links:
    """Connections of one node. `on_link` hears of each new one: the peer, and whether we dialled."""

    def __init__(
        self,
        host: Host,
        config: NetConfig,
        tally: Tally,
        random: Random,
        *,
        on_link: Callable[[PeerId, bool], None],
        relays: Relays,
    ) -> None:
        self._host = host
        self._config = config
        self._tally = tally
        self._random = random
        self._on_link = on_link
        self._relays = relays
        self._wake = trio.Event()
        self._dialing: set[PeerId] = set()
        self._sought = self._explored = trio.current_time()
        self.book = AddressBook(host.me)
        self.conduct = Conduct()
        self.members: set[PeerId] = set()
        self.since: dict[PeerId, float] = {}
        self.outbound: set[PeerId] = set()
        self.groups: dict[PeerId, str] = {}
        self._pulse = Pulse()
        host.network.register_notifee(_Notifee(self._connected))

    async def run(self) -> None:
        """Keep connections up until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._dial_loop, nursery)
            nursery.start_soon(self._watch_loop)

    def wake(self) -> None:
        """The address book has news: look at once whether to dial."""
        self._wake.set()

    def blame(self, peer: PeerId, guilt: float, reason: str) -> None:
        """A peer did something that costs it."""
        self._tally.refuse(reason)
        if peer != self._host.me and self.conduct.blame(peer, guilt, trio.current_time()):
            self._tally.bans += 1
            self.wake()

    def refuse(self, reason: str) -> None:
        """Something was turned away that costs nobody."""
        self._tally.refuse(reason)

    def member(self, peer: PeerId) -> None:
        """A peer spoke one of our protocols, which carry the swarm's id."""
        self.members.add(peer)

    async def reach(self, peer: PeerId) -> bool:
        """Connect to a peer whose address is known, beyond the number that is kept up; did it work?"""
        connected, entry = self._host.connected(), self.book.get(peer)
        if peer in connected or entry is None:
            return peer in connected
        banned = self.conduct.banned(peer, trio.current_time())
        if banned or peer in self._dialing or len(connected) >= self._config.max_links:
            return False
        self._dialing.add(peer)
        await self._dial(entry)
        return peer in self._host.connected()

    async def release(self, peers: Iterable[PeerId]) -> None:
        """Let go of peers that were called for one purpose, as far as there are enough without them."""
        for peer in peers:
            if len(self._host.connected()) > self._config.links:
                await self._host.hang_up(peer)

    def _connected(self, link: Any) -> None:
        peer = PeerId(str(link.muxed_conn.peer_id))
        now = trio.current_time()
        outbound = bool(link.muxed_conn.is_initiator)
        self.since.setdefault(peer, now)
        if outbound:
            self.outbound.add(peer)
        self.groups[peer] = group_of(remote_ip(link.muxed_conn))
        self.book.reached(peer, None, now)
        self._on_link(peer, outbound)

    async def _dial_loop(self, nursery: trio.Nursery) -> None:
        while True:
            self._wake = trio.Event()
            now = trio.current_time()
            connected = await self._let_go(now)
            for entry in self._choose(connected, now):
                self._dialing.add(entry.peer)
                nursery.start_soon(self._dial, entry)
            with trio.move_on_after(_ROUND_SECONDS * self._random.uniform(0.8, 1.2)):
                await self._wake.wait()

    def _choose(self, connected: set[PeerId], now: float) -> list[Entry]:
        avoid = connected | self._dialing | set(self.conduct.bans(now))
        want = self._config.links - len(connected) - len(self._dialing)
        if want > 0:
            return self.book.to_dial(avoid, want, now, self._random)
        if len(connected) >= self._config.max_links:
            return []
        if now - self._explored > _EXPLORE_SECONDS:
            self._explored = now
            return self.book.to_dial(avoid, 1, now, self._random)
        if now - self._sought > _LOST_SECONDS:
            self._sought = now
            return self.book.to_dial(avoid, 1, now, self._random, lost=True)
        return []

    async def _dial(self, entry: Entry) -> None:
        try:
            for address in sorted(entry.addresses, key=is_circuit):  # directly, if that is possible at all
                self._tally.dials += 1
                with Contained(), trio.fail_after(_DIAL_SECONDS):
                    if is_circuit(address):
                        await self._relays.dial(address, entry.peer)
                    else:
                        await self._host.network.dial_addr(Multiaddr(address), identifier_of(entry.peer))
                    self.book.reached(entry.peer, address, trio.current_time())
                    return
                self._tally.dials_failed += 1
            self.book.failed(entry.peer, trio.current_time(), self._random)
        finally:
            self._dialing.discard(entry.peer)

    async def _let_go(self, now: float) -> set[PeerId]:
        """Forget who has gone, drop the banned and the strangers; returns who is connected."""
        connected = set(self._host.connected())
        for gone in set(self.since) - connected:
            self.since.pop(gone, None)
            self.groups.pop(gone, None)
            self.outbound.discard(gone)
            self.members.discard(gone)
        bans = set(self.conduct.bans(now))
        strangers = {p for p in connected if p not in self.members and self._age(p, now) > _STRANGER_SECONDS}
        for peer in strangers:
            self._tally.refuse("stranger")
            self.book.foreign(peer, now)
        crowd = set(self._crowd(connected))
        for _ in crowd:
            self._tally.refuse("too many connections from others, or from one network")
        for peer in connected & (bans | strangers | crowd):
            await self._host.hang_up(peer)
        return connected - bans - strangers - crowd

    def _crowd(self, connected: set[PeerId]) -> list[PeerId]:
        """Who came last and is too many: of all whom we did not dial, or of one network."""
        most = max(1, self._config.max_links - self._config.links)
        groups: Counter[str] = Counter()
        total, surplus = 0, []
        for peer in sorted(connected - self.outbound, key=lambda p: self.since.get(p, 0.0)):
            group = self.groups.get(peer, "unknown")
            if total >= most or (groups[group] >= max(1, most // _GROUP_SHARE) and not _is_loopback(group)):
                surplus.append(peer)
                continue
            total += 1
            groups[group] += 1
        return surplus

    def _age(self, peer: PeerId, now: float) -> float:
        return now - self.since.setdefault(peer, now)

    async def _watch_loop(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(TICK_SECONDS)
                silence = self._pulse.tick({peer: self._heard(peer) for peer in self._host.connected()})
                for peer in silence.ping:
                    nursery.start_soon(self._ping, peer)
                for peer in silence.drop:
                    self._tally.watchdog_drops += 1
                    nursery.start_soon(self._drop, peer)

    def _heard(self, peer: PeerId) -> float:
        return max((patches.heard(link) for link in self._links_to(peer)), default=0.0)

    def _links_to(self, peer: PeerId) -> list[Any]:
        return list(self._host.network.get_connections(identifier_of(peer)))

    async def _ping(self, peer: PeerId) -> None:
        """Ask for a sign of life on every connection to a peer, without waiting for it."""
        for link in self._links_to(peer):
            with Contained(), trio.move_on_after(_PING_SECONDS):
                await patches.ping(link)

    async def _drop(self, peer: PeerId) -> None:
        await self._host.hang_up(peer)
        self.wake()

    def round_trip(self, peer: PeerId) -> float | None:
        """Seconds to a peer and back, as measured lately; None if not yet."""
        return max((link.muxed_conn.rtt() for link in self._links_to(peer)), default=0.0) or None


def _is_loopback(group: str) -> bool:
    return group == "::1" or group.startswith("127.")
