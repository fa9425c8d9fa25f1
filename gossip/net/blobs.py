"""Blobs over streams: serve ours, fetch others', with deadlines and limits on both sides.

The decisions are `gossip.proto.blobs_server` and `gossip.proto.blobs_fetch`; here they meet streams, storage
and the clock. Every frame has a deadline (`FrameStream`), a session has one, and a peer has few sessions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any

import trio

from gossip.proto.blobs import BlobShelf
from gossip.proto.blobs_fetch import BlobFetch
from gossip.proto.blobs_server import BlobServer, Found, Load, Loaded, Look, ServerEffect
from gossip.proto.messages import Busy
from gossip.proto.peerid import PeerId
from gossip.proto.slots import Slots, group_of
from gossip.proto.steps import Received, Send
from leaderboard.blob import BlobId
from leaderboard.errors import Refused

from .blobs_fetching import Fetching, Surroundings
from .config import NetConfig
from .contain import Contained
from .host import Host
from .links import Links
from .streams import FrameStream
from .tally import Tally

__all__ = ["Blobs"]

_SESSION_SECONDS = 300.0
"""A stream served longer is dropped; whoever fetches opens another and goes on."""
_PER_PEER = 2
_AT_ONCE = 8
"""Streams served at once, per peer and in all: each holds one chunk in memory. Networks share them fairly."""
_FETCHES = 4
"""Blobs fetched at once; further ones wait."""


class Blobs:
    """The blob side of one node."""

    def __init__(
        self, host: Host, config: NetConfig, shelf: BlobShelf, links: Links, *, tally: Tally, random: Random
    ) -> None:
        protocol = f"/consilience/1/{config.swarm.hex()}/blobs"
        self._around = Surroundings(host, protocol, shelf, links, tally)
        self._shelf = shelf
        self._tally = tally
        self._random = random
        self._serving = Slots(_AT_ONCE, _PER_PEER)
        self._scopes: dict[int, trio.CancelScope] = {}
        """Of the sessions that hold a place, by its number."""
        self._fetching: dict[BlobId, trio.Lock] = {}
        self._slots = trio.CapacityLimiter(_FETCHES)

    def start(self) -> None:
        """Serve peers from now on."""
        self._around.host.basic.set_stream_handler(self._around.protocol, self._serve)

    async def fetch(self, blob: BlobId, most_bytes: int, near: Sequence[PeerId]) -> None:
        """Have a blob on our shelf; Refused if no connected peer gives it, or it has too many bytes."""
        lock = self._fetching.setdefault(blob, trio.Lock())
        try:
            async with lock:  # a second caller finds it on the shelf
                head = await self._shelf.head(blob)
                if head is None:
                    async with self._slots:
                        machine = BlobFetch(blob, most_bytes, self._candidates(near))
                        await Fetching(self._around, machine).run()
                elif head.size > most_bytes:
                    raise Refused(f"the blob has {head.size} bytes, and {most_bytes} were allowed")
        finally:
            if not lock.statistics().tasks_waiting:
                self._fetching.pop(blob, None)

    def _candidates(self, near: Sequence[PeerId]) -> list[PeerId]:
        """Those who surely had it, if they can be reached, then connected peers in random order."""
        now, links = trio.current_time(), self._around.links
        connected = [p for p in self._around.host.connected() if not links.conduct.banned(p, now)]
        self._random.shuffle(connected)
        known = [p for p in near if p in connected or links.book.get(p) is not None]
        return list(dict.fromkeys((*known, *connected)))

    async def _serve(self, raw: Any) -> None:
        """Stream handler: answer one session."""
        stream = FrameStream(raw)
        with Contained() as outcome:
            try:
                self._around.links.member(stream.peer)
                await self._serve_or_refuse(stream)
            except BaseException:
                await stream.reset()
                raise
            finally:
                self._tally.blob_bytes_in += stream.bytes_in
                self._tally.blob_bytes_out += stream.bytes_out
            await stream.close()
        self._around.judge(stream.peer, outcome.error)

    async def _serve_or_refuse(self, stream: FrameStream) -> None:
        place, loser = self._serving.take(stream.peer, group_of(stream.remote_ip))
        if loser is not None:
            self._tally.refuse("blobs: place given to another network")
            self._scopes[loser.number].cancel()
        if place is None:
            await stream.write(Busy().encode())
            return
        try:
            with trio.CancelScope(deadline=trio.current_time() + _SESSION_SECONDS) as scope:
                self._scopes[place.number] = scope
                await self._answer(stream)
            if scope.cancelled_caught:
                raise trio.TooSlowError
        finally:
            self._serving.leave(place)
            del self._scopes[place.number]

    async def _answer(self, stream: FrameStream) -> None:
        server = BlobServer()
        while (question := await stream.read()) is not None:
            todo = deque[ServerEffect](server.handle(Received(question), trio.current_time()))
            while todo:
                match todo.popleft():
                    case Send(frame):
                        await stream.write(frame)
                    case Look(blob):
                        found = Found(await self._shelf.head(blob))
                        todo.extend(server.handle(found, trio.current_time()))
                    case Load(blob, index):
                        loaded = Loaded(await self._shelf.chunk(blob, index))
                        todo.extend(server.handle(loaded, trio.current_time()))
