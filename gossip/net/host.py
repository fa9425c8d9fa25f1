"""A libp2p host with GossipSub, put together in the only order and with the only arguments that work.

Order: the network runs without listening, then Pubsub and its services, then it listens. A peer that
connects before Pubsub exists is never registered with it, and one that opens a gossip stream before its
service runs ends the process. Arguments: noise alone (the default also accepts plaintext, with which anyone
is anyone), GossipSub 1.1 (1.2 sends a control message per message), heartbeat one second (120 by default),
no adaptive mode (it sets 30), no spam protection (it drops above ten messages a second), sequence numbers
that start from the clock in nanoseconds (a quick restart repeats them otherwise, and is ignored).
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.rcmgr import ResourceManager
from libp2p.rcmgr.manager import ResourceLimits
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from gossip.proto.peerid import PeerId
from leaderboard.errors import LocalError, Refused

from . import patches
from .config import NetConfig
from .contain import Contained
from .streams import FrameStream

__all__ = ["Host", "identifier_of", "listen", "open_host", "probe", "topic_of"]

MESH_DEGREE, MESH_LOW, MESH_HIGH = 4, 3, 6
"""Each node gets as many copies of a record as it has mesh links, and each copy costs CPU. Two were seen to
lose a tenth of the messages, three to leave a node without a mesh; what is lost, sync repairs."""
_OPEN_SECONDS = 5.0
_FAREWELL_SECONDS = 0.5
_STREAMS = 4096


@dataclass(frozen=True, slots=True)
class Host:
    """The parts of a running libp2p node that the rest of this package uses."""

    basic: Any
    network: Any
    pubsub: Any
    router: Any
    topic: str
    me: PeerId

    async def open_stream(self, peer: PeerId, protocol: str) -> FrameStream:
        """A stream to a connected peer; Refused if there is none, TooSlowError if it does not open."""
        identifier = identifier_of(peer)
        if not self.network.get_connections(identifier):
            raise Refused(f"not connected to {peer}")
        with trio.fail_after(_OPEN_SECONDS):
            return FrameStream(await self.basic.new_stream(identifier, [TProtocol(protocol)]))

    async def hang_up(self, peer: PeerId) -> None:
        """End all connections to a peer, politely if that is quick."""
        for link in self.network.get_connections(identifier_of(peer)):
            try:
                with trio.move_on_after(_FAREWELL_SECONDS), Contained():
                    await link.close()
            finally:
                patches.cut(link)

    def connected(self) -> list[PeerId]:
        """Peers with an open connection."""
        return [
            PeerId(str(identifier))
            for identifier, links in list(self.network.connections.items())
            if any(not link.is_closed for link in links)
        ]

    def mesh(self) -> set[PeerId]:
        """Peers that we push to directly."""
        return {PeerId(str(identifier)) for identifier in self.router.mesh.get(self.topic, ())}

    def listening(self) -> list[str]:
        """Addresses we listen on, without our PeerId, as bound."""
        return [str(address) for address in self.basic.get_transport_addrs()]


@lru_cache(maxsize=4096)
def identifier_of(peer: PeerId) -> ID:
    """The library's form of a PeerId. Base58 takes tens of microseconds, and each peer is looked up often."""
    return ID.from_base58(peer)


def topic_of(swarm: bytes) -> str:
    """The GossipSub topic of a swarm's records."""
    return f"/consilience/1/{swarm.hex()}/records"


@asynccontextmanager
async def open_host(config: NetConfig, wall_ns: Callable[[], int]) -> AsyncIterator[Host]:
    """Run a host that is not listening yet; `wall_ns` is the wall clock in nanoseconds."""
    for chatty in ("libp2p", "libp2p.network.auto_connector"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    patches.ensure()
    basic = _new_host(config)
    network: Any = basic.get_network()
    network.retry_config = RetryConfig(max_retries=0)
    network.auto_connector.maybe_connect = trio.lowlevel.checkpoint  # its own idea of whom to dial: nobody
    network.auto_connector.record_disconnect = _forget  # it would note everybody for ever
    async with basic.run(listen_addrs=[]):
        router = GossipSub(
            protocols=[PROTOCOL_ID_V11],
            degree=MESH_DEGREE,
            degree_low=MESH_LOW,
            degree_high=MESH_HIGH,
            heartbeat_interval=1,
            gossip_window=2,
            gossip_history=3,
            prune_back_off=10,
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
        )
        topic = topic_of(config.swarm)
        pubsub = Pubsub(basic, router, strict_signing=True, allowed_topics={topic})
        pubsub.counter = wall_ns()
        async with background_trio_service(pubsub), background_trio_service(router):
            await pubsub.wait_until_ready()
            yield Host(basic, network, pubsub, router, topic, PeerId(str(basic.get_id())))


def _forget(peer: ID) -> None:
    del peer


def _new_host(config: NetConfig) -> Any:
    keys = create_new_key_pair(config.seed)
    noise = Noise(keys, noise_privkey=create_noise_key_pair().private_key)
    return new_host(
        key_pair=keys,
        sec_opt={NOISE_ID: noise},
        muxer_opt={TProtocol(YAMUX_ID): Yamux},
        psk=None if config.private_key is None else config.private_key.hex(),
        connection_config=ConnectionConfig(
            max_connections=config.max_links,
            min_connections=0,  # inbound connections are limited to the maximum less the minimum
            low_watermark=0,
            high_watermark=config.max_links,
            max_connections_per_peer=2,
            auto_connect_interval=3600.0,
        ),
        resource_manager=ResourceManager(
            limits=ResourceLimits(max_connections=4 * config.max_links, max_streams=_STREAMS),
            # It answers a refusal by lowering the limits.
            enable_graceful_degradation=False,
            enable_circuit_breaker=False,
            enable_memory_limits=False,
        ),
        disable_identify_address_discovery=True,
    )


async def listen(host: Host, config: NetConfig) -> None:
    """Open the listening sockets, which `probe` found free."""
    for text in config.listen:
        if not await host.network.listen(Multiaddr(text)):
            raise LocalError(f"cannot listen on {text}")


def probe(text: str) -> None:
    """LocalError unless we can listen on `text` alone.

    py-libp2p shares ports (SO_REUSEPORT): two nodes on one port would get each other's connections.
    """
    parts = text.strip("/").split("/")
    if len(parts) < 4 or parts[0] not in ("ip4", "ip6") or parts[2] != "tcp":
        raise LocalError(f"{text} is not an address to listen on; write /ip4/0.0.0.0/tcp/4001 or the like")
    family = socket.AF_INET if parts[0] == "ip4" else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((parts[1], int(parts[3])))
        except (OSError, ValueError, OverflowError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            hint = "another program has it; choose another port or 0 for any" if taken else str(error)
            raise LocalError(f"cannot listen on {text}: {hint}") from None
