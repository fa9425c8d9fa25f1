"""Peers on the local network, by mDNS.

The records are those of libp2p's mDNS specification (TXT `dnsaddr=` with the PeerId at the end), under a
service named after the swarm, so that only its members answer. py-libp2p's own module advertises the wildcard
address it listens on, which no other host can dial, so this uses zeroconf, on which that module rests; it
runs threads of its own, and what they find crosses over through a queue that is looked at once a second.
"""

from __future__ import annotations

import socket
from functools import partial
from queue import Empty, SimpleQueue

import trio
from zeroconf import ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf

from gossip.proto.book import MAX_ADDRESSES
from gossip.proto.peerid import PeerId, public_key_of
from leaderboard.errors import PeerError

from .acquaint import listening_addresses, usable_addresses
from .config import NetConfig
from .contain import Contained
from .host import Host
from .links import Links
from .tally import Tally

__all__ = ["look_around"]

_LOOK_SECONDS = 1.0
_MAX_WAITING = 256
_ASK_MS = 2000

Found = SimpleQueue[tuple[str, str]]
"""PeerId and address, as somebody on the network claims."""


class _Listener(ServiceListener):
    """Called in zeroconf's threads; must not raise, must not wait long."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        with Contained():  # whatever a packet on the network provokes in zeroconf
            info = zc.get_service_info(type_, name, timeout=_ASK_MS)
            for key, value in (info.properties if info is not None else {}).items():
                if key.startswith(b"dnsaddr") and value and self._found.qsize() < _MAX_WAITING:
                    address, _, peer = value.decode("ascii").rpartition("/p2p/")
                    self._found.put((peer, address))

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.add_service(zc, type_, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """A peer that is gone is noticed by dialling it."""


async def look_around(host: Host, config: NetConfig, links: Links, tally: Tally) -> None:
    """Announce ourselves and take note of others until cancelled. Without multicast it counts and ends."""
    found: Found = SimpleQueue()
    with Contained() as outcome:
        zeroconf = await trio.to_thread.run_sync(partial(_open, host, config, found))
    if outcome.error is not None:
        tally.refuse(f"lan: {type(outcome.error).__name__}")
        return
    try:
        while True:
            await trio.sleep(_LOOK_SECONDS)
            _learn(found, links)
    finally:
        with trio.CancelScope(shield=True), Contained():
            await trio.to_thread.run_sync(zeroconf.close)


def service_type(config: NetConfig) -> str:
    """The mDNS service of a swarm; a service name has at most 15 characters."""
    return f"_p2p-{config.swarm.hex()[:10]}._udp.local."


def _open(host: Host, config: NetConfig, found: Found) -> Zeroconf:
    addresses = [a for a in listening_addresses(host) if not a.startswith(("/ip4/127.", "/ip6/::1/"))]
    kind = service_type(config)
    name = host.me[-32:]
    info = ServiceInfo(
        kind,
        f"{name}.{kind}",
        addresses=[socket.inet_aton(a.split("/")[2]) for a in addresses if a.startswith("/ip4/")],
        port=int(host.listening()[0].split("/")[4]),
        properties={
            f"dnsaddr{i or ''}": f"{a}/p2p/{host.me}" for i, a in enumerate(addresses[:MAX_ADDRESSES])
        },
        server=f"{name}.local.",
    )
    zeroconf = Zeroconf()
    zeroconf.register_service(info)
    ServiceBrowser(zeroconf, kind, listener=_Listener(found))
    return zeroconf


def _learn(found: Found, links: Links) -> None:
    while True:
        try:
            peer, address = found.get_nowait()
            public_key_of(peer)
        except Empty:
            return
        except PeerError:
            continue
        if links.book.learn(PeerId(peer), usable_addresses([address])):
            links.wake()
