# ruff: noqa: SLF001 - notes of our own on objects of py-libp2p
"""Locks that do not give up the processor when they are free, and a TCP stream that reads ahead.

trio makes every acquisition of a lock a checkpoint, so that no code path holds the processor by accident. In
py-libp2p a message takes some fifteen uncontended locks on its way through stream, muxer and socket, each a
round of the scheduler: more than encryption, checks and system calls together. These locks wait only if they
have to. Reading ahead saves the second system call, and another round, for each noise message, whose two
bytes of length are otherwise read alone. What keeps things fair is that every wait for the network still is a
checkpoint, and that a stream which is served from its buffer gives way from time to time.
"""

from __future__ import annotations

import types
from typing import Any

import trio
from libp2p.io.exceptions import ConnectionClosedError

__all__ = ["EAGER_TRIO", "read_ahead"]

_AHEAD_BYTES = 65_536
_READS_IN_A_ROW = 32
"""Buffered reads after which other tasks get their turn; each is followed by some 50 us of work."""


class _Eager:
    """As a trio lock or semaphore, but acquiring it is a checkpoint only if somebody else has it."""

    __slots__ = ("_inner",)

    def __init__(self, inner: trio.Lock | trio.Semaphore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def acquire(self) -> None:
        try:
            self._inner.acquire_nowait()
        except trio.WouldBlock:
            await self._inner.acquire()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *error: object) -> None:
        self._inner.release()


class _EagerTrio(types.ModuleType):
    """trio for a module whose locks are to be eager."""

    def __getattr__(self, name: str) -> Any:
        return getattr(trio, name)

    @staticmethod
    def Lock() -> _Eager:  # noqa: N802 - trio's name
        return _Eager(trio.Lock())

    @staticmethod
    def Semaphore(value: int, **options: Any) -> _Eager:  # noqa: N802 - trio's name
        return _Eager(trio.Semaphore(value, **options))


EAGER_TRIO = _EagerTrio("trio")


async def read_ahead(stream: Any, count: int | None = None) -> bytes:
    """`TrioTCPStream.read`, from a buffer that each real read fills as far as data are there."""
    if count == 0:
        return b""
    ahead: bytearray | None = getattr(stream, "_ahead", None)
    if ahead is None:
        ahead, stream._reads = bytearray(), 0
        stream._ahead = ahead
    if not ahead:
        ahead += await _receive(stream)
        stream._reads = 0
    stream._reads += 1
    if stream._reads % _READS_IN_A_ROW == 0:
        await trio.lowlevel.checkpoint()
    taken = len(ahead) if count is None else min(count, len(ahead))
    data = bytes(memoryview(ahead)[:taken])
    del ahead[:taken]
    return data


async def _receive(stream: Any) -> bytes:
    try:
        data: bytes = await stream.stream.receive_some(_AHEAD_BYTES)
    except trio.BrokenResourceError as error:
        raise ConnectionClosedError(f"TCP connection reset by the other side: {error}") from error
    except trio.ClosedResourceError:
        return b""  # closed by us: an end, as the original has it
    return data
