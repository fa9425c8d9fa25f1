# ruff: noqa: SLF001 - reaching into private parts is what this module is for
"""Changes to py-libp2p for messages on their way: none lost, each at less cost (see `patches`).

Loss: long-queues (more than 32 messages at once are dropped silently), ignore-records (messages are dropped
because of an address record nobody needs, which also costs two signatures each).
Cost: batch-window (a frame of credit for every read), buffer-reads (reads of one byte), flat-tasks (a search
through all tasks for each new one), eager-locks (a round of the scheduler for every free lock), read-ahead
(two system calls per encrypted message), plain-writes (a round of the scheduler after every frame).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import trio
from libp2p.io import trio as tcp
from libp2p.io.exceptions import MessageTooLarge
from libp2p.io.trio import TrioTCPStream
from libp2p.network.stream import net_stream
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerstore import env_to_send_in_RPC
from libp2p.pubsub import gossipsub, pubsub
from libp2p.pubsub.rpc_queue import RpcQueue
from libp2p.stream_muxer import rw_lock
from libp2p.stream_muxer.yamux import yamux
from libp2p.tools.anyio_service.trio_manager import TrioManager

from .eager import EAGER_TRIO, read_ahead

__all__ = ["FLOW", "Change"]

QUEUE_MESSAGES = 1024
SUBSCRIPTION_MESSAGES = 4096
RECORD_SECONDS = 30.0
"""How long our own signed address record is reused."""

Change = tuple[object, str, object]
"""An owner, the name of what is changed, and the new value."""


def _long_queues() -> list[Change]:
    def queue() -> RpcQueue:
        return RpcQueue(max_size=QUEUE_MESSAGES)

    return [(pubsub, "RpcQueue", queue), (pubsub, "SUBSCRIPTION_CHANNEL_SIZE", SUBSCRIPTION_MESSAGES)]


def _batch_window() -> list[Change]:
    half = yamux.DEFAULT_WINDOW_SIZE // 2

    async def batched(self: yamux.YamuxStream, *, bytes_read: int = 0) -> None:
        """Return credit once half a window was read. The window stays at its default size."""
        self._pending_recv_release += bytes_read
        if self._pending_recv_release >= half:
            credit, self._pending_recv_release = self._pending_recv_release, 0
            self.recv_window += credit
            await self.send_window_update(credit, skip_lock=True)

    return [(yamux.YamuxStream, "_auto_tune_and_send_window_update", batched)]


def _buffer_reads() -> list[Change]:
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


def _ignore_records() -> list[Change]:
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


def _flat_tasks() -> list[Change]:
    # The parent is only needed to count children and to cancel in order; the nursery does both.
    def no_parent(self: TrioManager, task: trio.lowlevel.Task) -> None:
        del self, task

    return [(TrioManager, "_find_parent_task", no_parent)]


def _eager_locks() -> list[Change]:
    return [(module, "trio", EAGER_TRIO) for module in (yamux, rw_lock, net_stream, tcp)]


def _read_ahead() -> list[Change]:
    return [(TrioTCPStream, "read", read_ahead)]


def _plain_writes() -> list[Change]:
    # The original takes the frame apart again for its log, and gives way after each; the socket does that.
    async def write(self: yamux.Yamux, data: bytes) -> None:
        async with self._write_lock:
            await self.secured_conn.write(data)

    return [(yamux.Yamux, "_write_frame", write)]


FLOW: dict[str, Callable[[], list[Change]]] = {
    "long-queues": _long_queues,
    "batch-window": _batch_window,
    "buffer-reads": _buffer_reads,
    "ignore-records": _ignore_records,
    "flat-tasks": _flat_tasks,
    "eager-locks": _eager_locks,
    "read-ahead": _read_ahead,
    "plain-writes": _plain_writes,
}
