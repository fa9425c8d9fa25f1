"""Blobs in memory, for tests and the simulator; nothing is durable."""

from __future__ import annotations

from leaderboard.blob import CHUNK_BYTES, BlobHead, BlobId, head_of
from leaderboard.errors import Refused

__all__ = ["MemoryIncoming", "MemoryShelf"]


class MemoryShelf:
    """A `BlobShelf` over a dictionary, with room for `room` bytes."""

    def __init__(self, room: int = 1 << 40) -> None:
        self.blobs: dict[BlobId, tuple[BlobHead, bytes]] = {}
        self.unfinished: dict[BlobId, dict[int, bytes]] = {}
        self.room = room

    def put(self, data: bytes) -> BlobId:
        """Keep a blob."""
        head = head_of(data)
        self.blobs[head.id] = head, data
        self.room -= head.size
        return head.id

    async def head(self, blob: BlobId) -> BlobHead | None:
        found = self.blobs.get(blob)
        return None if found is None else found[0]

    async def chunk(self, blob: BlobId, index: int) -> bytes | None:
        found = self.blobs.get(blob)
        if found is None:
            return None
        return found[1][index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES] or None

    async def begin(self, head: BlobHead) -> MemoryIncoming:
        if head.size > self.room:
            raise Refused("no room for the blob")
        return MemoryIncoming(self, head)


class MemoryIncoming:
    """A blob on its way into a `MemoryShelf`."""

    def __init__(self, shelf: MemoryShelf, head: BlobHead) -> None:
        self._shelf = shelf
        self._head = head
        self._chunks = shelf.unfinished.setdefault(head.id, {})
        self.have = frozenset(self._chunks)

    async def write(self, index: int, chunk: bytes) -> None:
        self._chunks[index] = chunk

    async def keep(self) -> None:
        self._shelf.put(b"".join(self._chunks[index] for index in range(self._head.chunks)))
        self._shelf.unfinished.pop(self._head.id)

    async def drop(self) -> None:
        """What was written stays for the next fetch."""
