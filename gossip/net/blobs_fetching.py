"""Driving one `BlobFetch`: a task per peer, a clock, and the shelf that takes the chunks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import trio

from gossip.proto.blobs import BlobShelf, Incoming
from gossip.proto.blobs_fetch import BlobFetch
from gossip.proto.blobs_steps import (
    Begun,
    Blame,
    Dial,
    FetchEffect,
    FetchEvent,
    Finish,
    Heard,
    Lost,
    Part,
    Ready,
    Reserve,
    Reserved,
    Tell,
    Tick,
    Write,
    Written,
)
from gossip.proto.conduct import BROKEN_PROTOCOL
from gossip.proto.peerid import PeerId
from leaderboard.errors import LocalError, PeerError, Refused

from .contain import Contained
from .host import Host
from .links import Links
from .streams import FrameStream
from .tally import Tally

__all__ = ["Fetching", "Surroundings"]

_TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What both sides of the blob protocol use."""

    host: Host
    protocol: str
    shelf: BlobShelf
    links: Links
    tally: Tally

    def judge(self, peer: PeerId, error: Exception | None) -> None:
        """What an error on a stream costs the peer."""
        if isinstance(error, PeerError):
            self.links.blame(peer, BROKEN_PROTOCOL, f"blobs: {error}")
        elif error is not None and not isinstance(error, Refused):
            self.tally.refuse(f"blobs: {type(error).__name__}")


class Fetching:
    """One fetch; `run` returns when the blob is on the shelf."""

    def __init__(self, around: Surroundings, machine: BlobFetch) -> None:
        self._around = around
        self._machine = machine
        self._incoming: Incoming | None = None
        self._outboxes: dict[PeerId, trio.MemorySendChannel[bytes]] = {}
        self._called: set[PeerId] = set()
        """Peers that were not connected before."""
        self._done = trio.Event()
        self._failure: Exception | None = None
        self._nursery: trio.Nursery

    async def run(self) -> None:
        """Raises Refused if no peer gives the blob or it is too big, and what the shelf raises."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                await self._feed(Begun())
                nursery.start_soon(self._tick)
                await self._done.wait()
                nursery.cancel_scope.cancel()
            await self._around.links.release(self._called)
            if self._failure is not None:
                raise self._failure
            if self._incoming is not None:
                await self._incoming.keep()
                self._around.tally.blobs_fetched += 1
        finally:
            if self._incoming is not None:
                with trio.CancelScope(shield=True):
                    await self._incoming.drop()

    async def _tick(self) -> None:
        while True:
            await trio.sleep(_TICK_SECONDS)
            await self._feed(Tick())

    async def _feed(self, event: FetchEvent) -> None:
        """Hand an event to the machine and do what follows; our own failure ends the fetch."""
        try:
            todo = deque(self._machine.handle(event, trio.current_time()))
            while todo:
                following = await self._perform(todo.popleft())
                if following is not None:
                    todo.extend(self._machine.handle(following, trio.current_time()))
        except (LocalError, Refused) as error:
            self._end(error)

    async def _perform(self, effect: FetchEffect) -> FetchEvent | None:
        match effect:
            case Dial(peer):
                # One question is out at a time, so that one place is enough.
                self._outboxes[peer], outbox = trio.open_memory_channel[bytes](1)
                self._nursery.start_soon(self._talk, peer, outbox)
            case Tell(peer, frame):
                self._outboxes[peer].send_nowait(frame)
            case Part(peer):
                self._outboxes[peer].close()
            case Blame(peer, reason):
                self._around.links.blame(peer, BROKEN_PROTOCOL, f"blobs: {reason}")
            case Reserve(head):
                self._incoming = await self._around.shelf.begin(head)
                return Reserved(self._incoming.have)
            case Write(index, chunk):
                assert self._incoming is not None
                await self._incoming.write(index, chunk)
                return Written(index)
            case Finish(why):
                self._end(Refused(why) if why else None)
        return None

    def _end(self, failure: Exception | None) -> None:
        self._failure = self._failure or failure
        self._done.set()

    async def _talk(self, peer: PeerId, outbox: trio.MemoryReceiveChannel[bytes]) -> None:
        """Everything between us and one peer, until the machine parts with it."""
        with Contained() as opened:
            if peer not in self._around.host.connected():
                self._called.add(peer)
                await self._around.links.reach(peer)
            stream = await self._around.host.open_stream(peer, self._around.protocol)
        if opened.error is not None:
            await self._feed(Lost(peer))
            return
        self._around.links.member(peer)
        try:
            await self._feed(Ready(peer))
            async with outbox:
                async for question in outbox:
                    if not await self._ask(peer, stream, question):
                        await self._feed(Lost(peer))
                        return
        finally:
            await stream.reset()
            self._around.tally.blob_bytes_in += stream.bytes_in
            self._around.tally.blob_bytes_out += stream.bytes_out

    async def _ask(self, peer: PeerId, stream: FrameStream, question: bytes) -> bool:
        """Send a question and read until the next one is to be sent; False if the stream failed."""
        with Contained() as sent:
            await stream.write(question)
        if sent.error is not None:
            self._around.judge(peer, sent.error)
            return False
        while self._machine.expects(peer) and not self._outboxes[peer].statistics().current_buffer_used:
            answer = None
            with Contained() as read:
                answer = await stream.read()
            self._around.judge(peer, read.error)
            if answer is None:
                return False
            await self._feed(Heard(peer, answer))
        return True
