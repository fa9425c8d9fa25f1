# ruff: noqa: SLF001 - reaching into private parts is what this module is for
"""Changes to py-libp2p 0.8.1 that a node on the open network cannot do without.

Each is a few lines, has a name, can be left out (tests leave one out to show what it prevents) and touches
private names, hence the exact version guard. `docs/libp2p.md` tells what was seen without each.

Safety: contain-handlers (an exception in any stream handler ends the process), contain-push (a message with
an unreadable key or a failing validator ends it too), free-inbound (250 inbound connections over a lifetime,
and the node is deaf), know-sockets (a connection that is not closed politely is not closed), bound-window (a
peer that ignores flow control fills the memory), bound-streams (a peer opens streams without end),
know-silence (nobody knows when a connection last said anything).
Loss: long-queues (more than 32 messages at once are dropped silently), ignore-records (messages are dropped
because of an address record nobody needs, which also costs two signatures each).
Cost: batch-window (a frame of credit for every read), buffer-reads (reads of one byte), flat-tasks (a search
through all tasks for each new one), eager-locks (a round of the scheduler for every free lock), read-ahead
(two system calls per encrypted message), plain-writes (a round of the scheduler after every frame).
"""

from __future__ import annotations

import struct
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import trio
from libp2p.host.basic_host import BasicHost
from libp2p.io import trio as tcp
from libp2p.io.exceptions import IncompleteReadError, MessageTooLarge
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.stream import net_stream
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.network.swarm import Swarm
from libp2p.peer.peerstore import env_to_send_in_RPC
from libp2p.pubsub import gossipsub, pubsub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.rpc_queue import RpcQueue
from libp2p.rcmgr import Direction
from libp2p.stream_muxer import rw_lock
from libp2p.stream_muxer.yamux import yamux
from libp2p.tools.anyio_service.trio_manager import TrioManager

from leaderboard.errors import LocalError

from .contain import Contained
from .eager import EAGER_TRIO, read_ahead

__all__ = ["ALL", "Fault", "applied", "observe"]

VERSION = "0.8.1"

CONNECTION_BUFFER_BYTES = 8 * 1024 * 1024
"""Unread bytes on one connection: 32 streams with full windows of 256 kB."""
MAX_PEER_STREAMS = 64
"""Streams that a peer may have open at us on one connection; ours use about six."""
MAX_REFUSED_STREAMS = 512
"""Streams refused on one connection before it is closed: nobody needs to be told that often."""
QUEUE_MESSAGES = 1024
SUBSCRIPTION_MESSAGES = 4096
RECORD_SECONDS = 30.0
"""How long our own signed address record is reused."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a patch contained or refused."""

    where: str
    """Name of the patch."""
    peer: str
    """PeerId text, empty if unknown."""
    error: Exception | None


_Observer = Callable[[Fault], None]
_Change = tuple[object, str, object]
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


def _contain_handlers() -> list[_Change]:
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


def _contain_push() -> list[_Change]:
    push = Pubsub.push_msg

    async def contained(self: Pubsub, forwarder: Any, message: Any) -> None:
        def report(error: Exception) -> None:
            _tell(self.host.get_network(), Fault("contain-push", str(forwarder), error))

        with Contained(report):
            await push(self, forwarder, message)

    return [(Pubsub, "push_msg", contained)]


def _free_inbound() -> list[_Change]:
    async def handle(self: Swarm, socket: Any, address: Any, event: Any) -> None:
        """As the original for TCP, but it ends with the connection and not with the process."""
        del event
        remote = self._build_remote_multiaddr(socket)
        if remote is not None and not await self.connection_gate.is_allowed(remote):
            await socket.close()
            return

        def report(error: Exception) -> None:
            _tell(self, Fault("free-inbound", "", error))

        raw = RawConnection(socket, False)
        with Contained(report) as outcome:
            connection = await self.upgrade_inbound_raw_conn(raw, address)
            _sockets[connection] = socket
            await connection.event_closed.wait()  # type: ignore[attr-defined]
        if outcome.error is not None:
            with Contained():
                await raw.close()

    return [(Swarm, "_do_handle_inbound_connection", handle)]


def _know_sockets() -> list[_Change]:
    # A polite close writes first. Cancelled, or to a peer that does not read, it leaves the socket open
    # for ever; `cut` needs the socket. Inbound ones are noted by free-inbound.
    upgrade = Swarm.upgrade_outbound_raw_conn

    async def noting(self: Swarm, raw: Any, peer: Any, scope: Any = None) -> Any:
        link = await upgrade(self, raw, peer, scope)
        stream = getattr(raw, "_conn", raw).stream  # a pre-shared key wraps it once
        if isinstance(stream, TrioTCPStream):  # a circuit has no socket of its own
            _sockets[link.muxed_conn] = stream
        return link

    return [(Swarm, "upgrade_outbound_raw_conn", noting)]


def _bound_window() -> list[_Change]:
    read = yamux.Yamux._read_data_body

    async def bounded(self: yamux.Yamux, length: int) -> bytes:
        if sum(map(len, self.stream_buffers.values())) + length > CONNECTION_BUFFER_BYTES:
            _tell(getattr(self, "swarm", None), Fault("bound-window", str(self.peer_id), None))
            raise trio.TooSlowError  # which its caller answers by closing the connection
        return await read(self, length)

    return [(yamux.Yamux, "_read_data_body", bounded)]


def _bound_streams() -> list[_Change]:
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


def _know_silence() -> list[_Change]:
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


def _long_queues() -> list[_Change]:
    def queue() -> RpcQueue:
        return RpcQueue(max_size=QUEUE_MESSAGES)

    return [(pubsub, "RpcQueue", queue), (pubsub, "SUBSCRIPTION_CHANNEL_SIZE", SUBSCRIPTION_MESSAGES)]


def _batch_window() -> list[_Change]:
    half = yamux.DEFAULT_WINDOW_SIZE // 2

    async def batched(self: yamux.YamuxStream, *, bytes_read: int = 0) -> None:
        """Return credit once half a window was read. The window stays at its default size."""
        self._pending_recv_release += bytes_read
        if self._pending_recv_release >= half:
            credit, self._pending_recv_release = self._pending_recv_release, 0
            self.recv_window += credit
            await self.send_window_update(credit, skip_lock=True)

    return [(yamux.YamuxStream, "_auto_tune_and_send_window_update", batched)]


def _buffer_reads() -> list[_Change]:
    async def read_frame(stream: Any, limit: int) -> bytes:
        buffer: bytearray | None = getattr(stream, "_frame_buffer", None)
        if buffer is None:
            buffer = stream._frame_buffer = bytearray()
        while True:
            head = _varint(buffer)
            if head is not None:
                length, start = head
                if length > limit:
                    raise MessageTooLarge(f"{length} bytes, the limit is {limit}")
                if len(buffer) >= start + length:
                    frame = bytes(memoryview(buffer)[start : start + length])
                    del buffer[: start + length]
                    return frame
            data = await stream.read(65_536)
            if not data:
                raise StreamEOF
            buffer += data

    return [(pubsub, "read_varint_prefixed_bytes_limited", read_frame)]


def _varint(buffer: bytearray) -> tuple[int, int] | None:
    """The number at the start of `buffer` and where it ends; None if it is not all there."""
    value = 0
    for index, byte in enumerate(buffer[:5]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, index + 1
    if len(buffer) >= 5:
        raise MessageTooLarge("a length of more than 35 bits")
    return None


def _ignore_records() -> list[_Change]:
    # Every message carries its sender's signed address record, and a receiver that holds a newer record
    # (identify is often faster) drops the whole message. We learn addresses elsewhere, so we do not look.
    made: weakref.WeakKeyDictionary[Any, tuple[float, int, bytes]] = weakref.WeakKeyDictionary()

    def make_cached(host: Any) -> tuple[bytes, bool]:
        now, listeners = trio.current_time(), len(host.get_network().listeners)
        last = made.get(host)
        if last is not None and now - last[0] < RECORD_SECONDS and listeners == last[1]:
            return last[2], False
        record, new = env_to_send_in_RPC(host)
        made[host] = (now, listeners, record)
        return record, new

    def ignore(message: Any, host: Any, peer: Any) -> bool:
        del message, host, peer
        return True

    changes = (("env_to_send_in_RPC", make_cached), ("maybe_consume_signed_record", ignore))
    return [(module, name, value) for module in (pubsub, gossipsub) for name, value in changes]


def _flat_tasks() -> list[_Change]:
    # The parent is only needed to count children and to cancel in order; the nursery does both.
    def no_parent(self: TrioManager, task: trio.lowlevel.Task) -> None:
        del self, task

    return [(TrioManager, "_find_parent_task", no_parent)]


def _eager_locks() -> list[_Change]:
    return [(module, "trio", EAGER_TRIO) for module in (yamux, rw_lock, net_stream, tcp)]


def _read_ahead() -> list[_Change]:
    return [(TrioTCPStream, "read", read_ahead)]


def _plain_writes() -> list[_Change]:
    # The original takes the frame apart again for its log, and gives way after each; the socket does that.
    async def write(self: yamux.Yamux, data: bytes) -> None:
        async with self._write_lock:
            await self.secured_conn.write(data)

    return [(yamux.Yamux, "_write_frame", write)]


_PATCHES: dict[str, Callable[[], list[_Change]]] = {
    "contain-handlers": _contain_handlers,
    "contain-push": _contain_push,
    "free-inbound": _free_inbound,
    "know-sockets": _know_sockets,
    "bound-window": _bound_window,
    "bound-streams": _bound_streams,
    "know-silence": _know_silence,
    "long-queues": _long_queues,
    "batch-window": _batch_window,
    "buffer-reads": _buffer_reads,
    "ignore-records": _ignore_records,
    "flat-tasks": _flat_tasks,
    "eager-locks": _eager_locks,
    "read-ahead": _read_ahead,
    "plain-writes": _plain_writes,
}
ALL: frozenset[str] = frozenset(_PATCHES)
_undo: list[_Change] = []


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
