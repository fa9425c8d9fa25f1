# ruff: noqa: SLF001 - reaching into private parts is what this module is for
"""Changes to py-libp2p 0.8.1 that a node on the open network cannot do without.

Each is a few lines, has a name, can be left out (tests leave one out to show what it prevents) and touches
private names, hence the exact version guard. `docs/libp2p.md` tells what was seen without each.

Safety: contain-handlers (an exception in any stream handler ends the process), contain-push (a message with
an unreadable key or a failing validator ends it too), free-inbound (250 inbound connections over a lifetime,
and the node is deaf), know-sockets (a connection that is not closed politely is not closed), bound-window (a
peer that ignores flow control fills the memory), bound-streams (a peer opens streams without end),
know-silence (nobody knows when a connection last said anything), small-identify (a peer's account of itself
takes time that grows with the square of its size, and memory without a limit). Those against peers that abuse
GossipSub are in `patches_gossip`, those for messages on their way, against loss and cost, in `patches_flow`.
"""

from __future__ import annotations

import struct
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import trio
from libp2p.host import basic_host
from libp2p.host.basic_host import BasicHost
from libp2p.io.exceptions import IncompleteReadError
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.swarm import Swarm
from libp2p.pubsub.pubsub import Pubsub
from libp2p.rcmgr import Direction
from libp2p.stream_muxer.yamux import yamux

from leaderboard.errors import LocalError

from .contain import Contained
from .patches_flow import FLOW, Change
from .patches_gossip import GOSSIP

__all__ = ["ALL", "Fault", "applied", "observe"]

VERSION = "0.8.1"

CONNECTION_BUFFER_BYTES = 8 * 1024 * 1024
"""Unread bytes on one connection: 32 streams with full windows of 256 kB."""
MAX_PEER_STREAMS = 64
"""Streams that a peer may have open at us on one connection; ours use about six."""
MAX_REFUSED_STREAMS = 512
"""Streams refused on one connection before it is closed: nobody needs to be told that often."""
MAX_IDENTIFY_ITEMS = 64
MAX_IDENTIFY_BYTES = 600
"""Addresses and protocols of a peer, and bytes of each, and of its key: an RSA key of 4,096 bits has 550."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a patch contained or refused."""

    where: str
    """Name of the patch."""
    peer: str
    """PeerId text, empty if unknown."""
    error: Exception | None


_Observer = Callable[[Fault], None]
_observers: weakref.WeakKeyDictionary[Any, _Observer] = weakref.WeakKeyDictionary()
_sockets: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def observe(network: object, observer: _Observer) -> None:
    """Have `observer` told of every fault at the host that owns `network` (its libp2p Swarm)."""
    _observers[network] = observer


def cut(link: Any) -> None:
    """Close the socket under a connection, whatever state its layers are in; needs know-sockets."""
    socket = _sockets.pop(link.muxed_conn, None)
    if socket is not None:
        socket.stream.socket.close()


def heard(link: Any) -> float:
    """When anything last came over a connection, on trio's clock; 0 if nothing did. Needs know-silence."""
    return float(getattr(link.muxed_conn.secured_conn, "_heard_at", 0.0))


async def ping(link: Any) -> None:
    """Send yamux's own ping, which every implementation answers: 12 bytes and no stream, where libp2p's ping
    protocol opens one and negotiates it."""
    connection = link.muxed_conn
    connection._ping_id += 1
    ping_id = connection._ping_id & 0xFFFFFFFF
    await connection._write_frame(
        struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_PING, yamux.FLAG_SYN, 0, ping_id)
    )
    connection._ping_sent_time = trio.current_time()


def _tell(network: object, fault: Fault) -> None:
    observer = _observers.get(network)
    if observer is not None:
        observer(fault)


def _contain_handlers() -> list[Change]:
    handle = BasicHost._swarm_stream_handler

    async def contained(self: BasicHost, stream: Any) -> None:
        def report(error: Exception) -> None:
            _tell(self.get_network(), Fault("contain-handlers", str(stream.muxed_conn.peer_id), error))

        with Contained(report) as outcome:
            await handle(self, stream)
        if outcome.error is not None:
            with Contained():
                await stream.reset()

    return [(BasicHost, "_swarm_stream_handler", contained)]


def _contain_push() -> list[Change]:
    push = Pubsub.push_msg

    async def contained(self: Pubsub, forwarder: Any, message: Any) -> None:
        def report(error: Exception) -> None:
            _tell(self.host.get_network(), Fault("contain-push", str(forwarder), error))

        with Contained(report):
            await push(self, forwarder, message)

    return [(Pubsub, "push_msg", contained)]


def _free_inbound() -> list[Change]:
    async def handle(self: Swarm, socket: Any, address: Any, event: Any) -> None:
        """As the original for TCP, but it ends with the connection and not with the process."""
        del event
        remote = self._build_remote_multiaddr(socket)
        if remote is not None and not await self.connection_gate.is_allowed(remote):
            await socket.close()
            return

        def report(error: Exception) -> None:
            _tell(self, Fault("free-inbound", "", error))

        try:
            with Contained(report):
                connection = await self.upgrade_inbound_raw_conn(RawConnection(socket, False), address)
                _sockets[connection] = socket
                await connection.event_closed.wait()  # type: ignore[attr-defined]
        finally:  # cancellation in the middle of a handshake included
            socket.stream.socket.close()

    return [(Swarm, "_do_handle_inbound_connection", handle)]


def _know_sockets() -> list[Change]:
    # A polite close writes first. Cancelled, or to a peer that does not read, it leaves the socket open
    # for ever, and so does a peer that hangs up. `cut` needs the socket; free-inbound notes those it accepts.
    upgrade, remove = Swarm.upgrade_outbound_raw_conn, Swarm.remove_conn

    async def noting(self: Swarm, raw: Any, peer: Any, scope: Any = None) -> Any:
        stream = getattr(raw, "_conn", raw).stream  # a pre-shared key wraps it once
        try:
            link = await upgrade(self, raw, peer, scope)
        except BaseException:  # a peer that accepts and then says nothing is given up by cancellation
            if isinstance(stream, TrioTCPStream):
                stream.stream.socket.close()
            raise
        if isinstance(stream, TrioTCPStream):  # a circuit has no socket of its own
            _sockets[link.muxed_conn] = stream
        return link

    def removing(self: Swarm, link: SwarmConn) -> None:
        remove(self, link)
        if not getattr(link, "_shared_muxed_conn", False):
            cut(link)

    return [(Swarm, "upgrade_outbound_raw_conn", noting), (Swarm, "remove_conn", removing)]


def _bound_window() -> list[Change]:
    read = yamux.Yamux._read_data_body

    async def bounded(self: yamux.Yamux, length: int) -> bytes:
        if sum(map(len, self.stream_buffers.values())) + length > CONNECTION_BUFFER_BYTES:
            _tell(getattr(self, "swarm", None), Fault("bound-window", str(self.peer_id), None))
            raise trio.TooSlowError  # which its caller answers by closing the connection
        return await read(self, length)

    return [(yamux.Yamux, "_read_data_body", bounded)]


def _bound_streams() -> list[Change]:
    handle = SwarmConn._handle_muxed_stream

    async def bounded(self: SwarmConn, stream: Any) -> None:
        inbound = sum(1 for s in self.streams if s._direction is Direction.INBOUND)
        if inbound < MAX_PEER_STREAMS:
            await handle(self, stream)
            return
        refused = getattr(self, "_refused_streams", 0) + 1
        self._refused_streams = refused  # type: ignore[attr-defined]
        _tell(self.swarm, Fault("bound-streams", str(self.muxed_conn.peer_id), None))
        with Contained():
            await (stream.reset() if refused < MAX_REFUSED_STREAMS else self.close())

    return [(SwarmConn, "_handle_muxed_stream", bounded)]


def _know_silence() -> list[Change]:
    # The muxer reads every frame, pings included, through this function: the one place where all signs of
    # life pass. It also did not notice an end of stream before a hundred empty reads.
    async def read(reader: Any, count: int) -> bytes:
        data: bytes = await reader.read(count)
        if len(data) < count:
            parts = bytearray(data)
            while len(parts) < count:
                data = await reader.read(count - len(parts))
                if not data:
                    raise IncompleteReadError(
                        f"the connection ended after {len(parts)} of {count} bytes",
                        expected_bytes=count,
                        received_bytes=len(parts),
                    )
                parts += data
            data = bytes(parts)
        reader._heard_at = trio.current_time()
        return data

    return [(yamux, "read_exactly", read)]


def _small_identify() -> list[Change]:
    # Of all this only the protocols are of use to us, and the key. Addresses from the signed record are
    # compared each with each: a message of 1 MB would stop the event loop for minutes.
    name = "update_peerstore_from_identify"
    update = getattr(basic_host, name)

    async def bounded(store: Any, peer: Any, message: Any) -> None:
        message.ClearField("signedPeerRecord")
        if len(message.public_key) > MAX_IDENTIFY_BYTES:
            message.ClearField("public_key")
        for field in (message.listen_addrs, message.protocols):
            some = [item for item in field if len(item) <= MAX_IDENTIFY_BYTES][:MAX_IDENTIFY_ITEMS]
            del field[:]
            field.extend(some)
        await update(store, peer, message)

    pushed = import_module("libp2p.identity.identify_push.identify_push")
    return [(module, name, bounded) for module in (basic_host, pushed)]


_PATCHES: dict[str, Callable[[], list[Change]]] = {
    "contain-handlers": _contain_handlers,
    "contain-push": _contain_push,
    "free-inbound": _free_inbound,
    "know-sockets": _know_sockets,
    "bound-window": _bound_window,
    "bound-streams": _bound_streams,
    "know-silence": _know_silence,
    "small-identify": _small_identify,
    **GOSSIP,
    **FLOW,
}
ALL: frozenset[str] = frozenset(_PATCHES)
_undo: list[Change] = []


def ensure() -> None:
    """Have all patches in force, unless a test has chosen some."""
    if not _undo:
        _apply(ALL)


def _apply(names: Collection[str]) -> None:
    if version("libp2p") != VERSION:
        raise LocalError(
            f"libp2p {version('libp2p')} is installed; gossip/net was written and tested for {VERSION}. "
            f"Install that one: pip install libp2p=={VERSION}"
        )
    while _undo:
        owner, name, value = _undo.pop()
        setattr(owner, name, value)
    for patch, changes in _PATCHES.items():
        if patch in names:
            for owner, name, value in changes():
                _undo.append((owner, name, getattr(owner, name)))
                setattr(owner, name, value)


@contextmanager
def applied(names: Collection[str]) -> Iterator[None]:
    """For tests: only the patches `names` inside, all of them afterwards."""
    _apply(names)
    try:
        yield
    finally:
        _apply(ALL)
