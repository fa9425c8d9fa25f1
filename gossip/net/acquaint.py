"""Peer exchange over streams, so that whoever knows one peer soon knows enough of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from random import Random
from typing import Any

import trio
from libp2p.utils.address_validation import get_available_interfaces
from multiaddr import Multiaddr

from gossip.proto.book import MAX_ADDRESSES
from gossip.proto.conduct import BROKEN_PROTOCOL
from gossip.proto.exchange import MAX_TOLD, Acquaintance, Ask, Tell, read_ask, read_tell
from gossip.proto.peerid import PeerId, public_key_of
from leaderboard.errors import PeerError, Refused

from .config import NetConfig
from .contain import Contained
from .host import Host
from .links import Links
from .relay import Relays, is_circuit
from .streams import FrameStream
from .tally import Tally

__all__ = ["Acquaint", "listening_addresses", "usable_addresses"]

_HUNGRY_SECONDS = 5.0
_SATED_SECONDS = 60.0
"""How often somebody is asked, below and at the wanted number of connections."""
_SECONDS = 10.0


class Acquaint:
    """Asks for peers and tells of them."""

    def __init__(
        self, host: Host, config: NetConfig, links: Links, tally: Tally, *, random: Random, relays: Relays
    ) -> None:
        self.protocol = f"/consilience/1/{config.swarm.hex()}/peers"
        self._host = host
        self._config = config
        self._links = links
        self._tally = tally
        self._random = random
        self._relays = relays

    def start(self) -> None:
        """Answer peers from now on."""
        self._host.basic.set_stream_handler(self.protocol, self._serve)

    async def run(self) -> None:
        """Ask a random peer from time to time, until cancelled."""
        while True:
            connected = self._host.connected()
            hungry = len(connected) < self._config.links
            await trio.sleep((_HUNGRY_SECONDS if hungry else _SATED_SECONDS) * self._random.uniform(0.7, 1.3))
            connected = self._host.connected()
            if connected:
                await self.ask(self._random.choice(connected))

    async def ask(self, peer: PeerId) -> None:
        """Ask one peer whom it knows."""
        with Contained() as outcome, trio.fail_after(_SECONDS):
            stream = await self._host.open_stream(peer, self.protocol)
            try:
                await stream.write(Ask(self._listening(stream), MAX_TOLD).encode())
                answer = await stream.read()
            finally:
                await stream.close()
            if answer is not None:
                self._learn(peer, stream, read_tell(answer))
        self._judge(peer, outcome.error)

    async def _serve(self, raw: Any) -> None:
        stream = FrameStream(raw)
        peer = stream.peer
        with Contained() as outcome, trio.fail_after(_SECONDS):
            question = await stream.read()
            if question is not None:
                await stream.write(self._tell(peer, stream, read_ask(question)).encode())
        self._judge(peer, outcome.error)
        await stream.close()

    def _tell(self, peer: PeerId, stream: FrameStream, ask: Ask) -> Tell:
        self._links.member(peer)
        self._meet(peer, stream, ask.listening)
        told = self._links.book.sample({peer, self._host.me}, ask.count, self._random)
        local = _is_loopback(stream.remote_ip)
        peers = (Acquaintance(entry.peer, _worth_telling(entry.addresses, local)) for entry in told)
        return Tell(self._listening(stream), tuple(told for told in peers if told.addresses))

    def _learn(self, peer: PeerId, stream: FrameStream, tell: Tell) -> None:
        self._links.member(peer)
        self._meet(peer, stream, tell.listening)
        news = [self._links.book.learn(told.peer, usable_addresses(told.addresses)) for told in tell.peers]
        if any(news):
            self._links.wake()

    def _meet(self, peer: PeerId, stream: FrameStream, listening: Iterable[str]) -> None:
        """Note where a connected peer listens; its ports also at the address it comes from."""
        usable = usable_addresses(listening)
        seen = _at(stream.remote_ip, usable)
        self._links.book.learn(peer, tuple(dict.fromkeys((*seen, *usable)))[:MAX_ADDRESSES])
        self._links.book.reached(peer, None, trio.current_time())

    def _listening(self, stream: FrameStream) -> tuple[str, ...]:
        # Circuits first: a reader keeps a few addresses only, and tries direct ones before circuits anyway.
        own = (*self._relays.addresses(), *self._config.announce, *listening_addresses(self._host))
        return _worth_telling(own, _is_loopback(stream.remote_ip))[:MAX_ADDRESSES]

    def _judge(self, peer: PeerId, error: Exception | None) -> None:
        if isinstance(error, PeerError):
            self._links.blame(peer, BROKEN_PROTOCOL, f"peers: {error}")
        elif error is not None and not isinstance(error, Refused):
            self._tally.refuse(f"peers: {type(error).__name__}")


def listening_addresses(host: Host) -> tuple[str, ...]:
    """Where we can be reached: the addresses we listen on, wildcards replaced by our interfaces'."""
    found: dict[str, None] = {}
    for text in host.listening():
        parts = text.strip("/").split("/")
        if parts[1] in ("0.0.0.0", "::"):  # noqa: S104 - comparing, not binding
            port = int(parts[3])
            interfaces = (str(a).split("/p2p/")[0] for a in get_available_interfaces(port))
            found.update(dict.fromkeys(a for a in interfaces if a.startswith(f"/{parts[0]}/")))
        else:
            found[text] = None
    return tuple(found)


def usable_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Those of `addresses` that are a host and a TCP port, or a circuit through such a relay."""
    good = []
    for address in addresses:
        with Contained():  # what multiaddr raises on bad text depends on the part that is bad
            usable = _usable(str(Multiaddr(address)))
            if usable is not None:
                good.append(usable)
    return tuple(good)


def _usable(address: str) -> str | None:
    match address.split("/"):
        case ["", "ip4" | "ip6" | "dns" | "dns4" | "dns6", _, "tcp", _, *rest]:
            match rest:
                case []:
                    return address
                case ["p2p", _]:
                    return address.rpartition("/p2p/")[0]
                case ["p2p", relay, "p2p-circuit"]:
                    public_key_of(relay)
                    return address
    return None


def _at(ip: str | None, addresses: Iterable[str]) -> tuple[str, ...]:
    """The TCP ports of `addresses` at `ip`."""
    if ip is None:
        return ()
    kind = "ip6" if ":" in ip else "ip4"
    direct = (address for address in addresses if not is_circuit(address))
    ports = dict.fromkeys(address.split("/tcp/")[1].split("/")[0] for address in direct)
    return tuple(f"/{kind}/{ip}/tcp/{port}" for port in ports)


def _is_loopback(ip: str | None) -> bool:
    return ip is not None and ipaddress.ip_address(ip).is_loopback


def _worth_telling(addresses: Iterable[str], local: bool) -> tuple[str, ...]:
    """Addresses of this machine alone mean something to nobody outside it."""
    return tuple(a for a in addresses if local or not a.startswith(("/ip4/127.", "/ip6/::1/")))
