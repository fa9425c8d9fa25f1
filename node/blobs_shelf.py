"""The node's blobs as gossip and the agent see them: the store in threads, and the swarm behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import trio

from gossip.proto.peerid import PeerId
from leaderboard.blob import BlobHead, BlobId
from leaderboard.errors import Refused
from leaderboard.ids import short

from .blobs import BlobStore
from .blobs_file import IncomingFile
from .replica import NodeReplica

if TYPE_CHECKING:
    from gossip.net.swarm import Swarm

__all__ = ["Blobs"]


class Blobs:
    """A `gossip.proto.blobs.BlobShelf`, and the place to `put` and `obtain` blobs."""

    def __init__(self, store: BlobStore, replica: NodeReplica, swarm: Callable[[], Swarm | None]) -> None:
        """`swarm`: the swarm at that moment; None while gossip is down."""
        self.store = store
        self._replica = replica
        self._swarm = swarm

    async def put(self, data: bytes) -> BlobId:
        """Keep a blob of this node's own and serve it to peers; durable on return."""
        return await trio.to_thread.run_sync(self.store.put, data)

    async def get(self, blob: BlobId, most_bytes: int) -> bytes | None:
        """A blob that is here; None if it is not, or has more than `most_bytes`."""
        return await trio.to_thread.run_sync(self.store.get, blob, most_bytes)

    async def obtain(self, blob: BlobId, most_bytes: int, near: Sequence[PeerId] = ()) -> bytes:
        """A blob from here or from peers; it is on the disk afterwards.

        `near`: peers that surely had it, such as the author of the record that names it. Raises Refused if
        no connected peer gives it now, it has more than `most_bytes`, or there is no room.
        """
        data = await self.get(blob, most_bytes)
        if data is None:
            swarm = self._swarm()
            if swarm is None:
                raise Refused(f"blob {short(blob)} is not here, and this node has no peers now")
            await swarm.fetch_blob(blob, most_bytes, near)
            data = await self.get(blob, most_bytes)
        if data is None:
            raise Refused(f"blob {short(blob)} has just been removed to make room; raise `limits.blob_mb`")
        return data

    async def head(self, blob: BlobId) -> BlobHead | None:
        return await trio.to_thread.run_sync(self.store.head, blob)

    async def chunk(self, blob: BlobId, index: int) -> bytes | None:
        return await trio.to_thread.run_sync(self.store.chunk, blob, index)

    async def begin(self, head: BlobHead) -> _Incoming:
        referenced = frozenset[bytes]() if self.store.fits(head) else self._referenced()

        def reserve() -> IncomingFile:
            return self.store.begin(head, referenced=referenced)

        return _Incoming(await trio.to_thread.run_sync(reserve))

    def _referenced(self) -> frozenset[bytes]:
        """Programs of the claims we know. A pass over all claims, only made when room is short."""
        standings, found = self._replica.standings, set[bytes]()
        for track in standings.tracks():
            for claim in standings.claims(track):
                facts = standings.facts(claim)
                program = facts.claim.recipe.get("program") if facts and facts.claim else None
                if isinstance(program, bytes):
                    found.add(program)
        return frozenset(found)


class _Incoming:
    """An `IncomingFile`, written to in threads."""

    def __init__(self, file: IncomingFile) -> None:
        self._file = file
        self.have = file.have

    async def write(self, index: int, chunk: bytes) -> None:
        await trio.to_thread.run_sync(self._file.write, index, chunk)

    async def keep(self) -> None:
        await trio.to_thread.run_sync(self._file.keep)

    async def drop(self) -> None:
        await trio.to_thread.run_sync(self._file.drop)
