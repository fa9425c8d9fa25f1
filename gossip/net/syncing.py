"""Sync over streams: compare with a peer at each new connection and with a random one every few seconds.

Push loses messages without telling; this is what makes all nodes equal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from secrets import token_bytes
from typing import Any

import trio

from gossip.proto.buckets import Buckets
from gossip.proto.conduct import BROKEN_PROTOCOL, REJECTED_RECORD
from gossip.proto.messages import SALT_BYTES, Busy
from gossip.proto.offered import Offered
from gossip.proto.peerid import PeerId
from gossip.proto.ranges import Arrangement, Order
from gossip.proto.replica import Replica
from gossip.proto.riblt import Keys
from gossip.proto.server import SyncServer
from gossip.proto.session import SOON_SECONDS, SYNC_ATTEMPTS, SyncSession
from gossip.proto.slots import Place, Slots, group_of
from gossip.proto.steps import (
    Admit,
    Admitted,
    Arrange,
    Arranged,
    Ending,
    Event,
    Finish,
    Opened,
    Outcome,
    Received,
    Send,
)
from gossip.proto.summary import Summary, View
from leaderboard.errors import PeerError, Refused

from .config import NetConfig
from .contain import Contained
from .host import Host
from .links import Links
from .streams import FrameStream
from .tally import Tally

__all__ = ["Sync"]

_SESSION_SECONDS = 120.0
"""A session that takes longer is dropped; the next one goes on where it stopped."""
_PER_PEER = 2
_AT_ONCE = 16
"""Sessions served at once, in all and per peer: each may hold a pack and a run of symbols. Networks share
them fairly (`gossip.proto.slots`)."""
_RANGES_SECONDS = 5.0
"""A peer may have us compare by ranges this often: each time costs a pass over all ids."""
_AUDIT_EVERY = 64
"""Every so many sessions equal digests are not believed, since digests can be forged with some work."""
_MOST_BLAMES = 9
"""Rejected records of one session that count: enough for a ban."""
_MAX_RANGED = 1024
_CALMEST = 1
"""After a session that found nothing the next waits up to twice as long."""
_BARREN = 1000
"""Differences from which a session that moved less than a tenth of them is a waste: the next one waits twice
as long, up to 64 times (three to six minutes). One side ignores what it is offered, for now or for good."""
_MOST_BARREN = 6
_ON_THE_WAY = 2
_HELPERS = 4
"""Peers asked at once during a bulk transfer."""


class Sync:
    """The pull side of one node."""

    def __init__(
        self, host: Host, config: NetConfig, replica: Replica, links: Links, *, tally: Tally, random: Random
    ) -> None:
        self.protocol = f"/consilience/1/{config.swarm.hex()}/sync"
        self._host = host
        self._config = config
        self._replica = replica
        self._links = links
        self._tally = tally
        self._random = random
        self._summary = Summary(Keys.of(config.swarm))
        self._order = Order()
        self._catching_up = trio.Lock()
        self._sessions = 0
        self._calm = 0
        self._barren = self._finds = 0
        self._ranged: dict[PeerId, float] = {}
        self._buckets = Buckets()
        self._serving = Slots(_AT_ONCE, _PER_PEER)
        self._scopes: dict[int, trio.CancelScope] = {}
        self._offered = Offered()
        self._asking: set[PeerId] = set()
        self._soon: dict[PeerId, float] = {}
        self._next_turn = trio.current_time()
        self._wake = trio.Event()

    def start(self) -> None:
        """Serve peers from now on."""
        self._host.basic.set_stream_handler(self.protocol, self._serve)

    def soon(self, peer: PeerId, delay: float) -> None:
        """Compare with `peer` in `delay` seconds rather than when its turn comes."""
        self._soon[peer] = trio.current_time() + delay
        self._wake.set()

    async def run(self) -> None:
        """Compare with peers until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                self._wake = trio.Event()
                now = trio.current_time()
                for peer in [p for p, due in self._soon.items() if due <= now]:
                    del self._soon[peer]
                    nursery.start_soon(self._once, peer, [])
                if self._next_turn <= now:
                    nursery.start_soon(self._turn)
                    calm = (1 + min(self._calm, _CALMEST)) << self._barren
                    self._next_turn = now + calm * self._config.sync_seconds * self._random.uniform(0.6, 1.4)
                with trio.move_on_at(min([self._next_turn, *self._soon.values()])):
                    await self._wake.wait()

    async def _turn(self) -> None:
        """Compare with a random peer, with several at once in a bulk transfer, with others if one fails."""
        tried: set[PeerId] = set()
        for _ in range(SYNC_ATTEMPTS):
            peers = [p for p in self._host.connected() if p not in self._asking | tried]
            chosen = self._random.sample(peers, min(_HELPERS if self._buckets.active else 1, len(peers)))
            tried.update(chosen)
            answers: list[bool] = []
            async with trio.open_nursery() as nursery:
                for peer in chosen:
                    nursery.start_soon(self._once, peer, answers)
            if any(answers) or not chosen:
                return

    async def _once(self, peer: PeerId, answers: list[bool]) -> None:
        """One session with a peer, unless one is under way; faults are the peer's or nobody's."""
        now = trio.current_time()
        if peer in self._asking or self._links.conduct.banned(peer, now):
            return
        self._asking.add(peer)
        try:
            with Contained() as outcome, trio.fail_after(_SESSION_SECONDS):
                self._ended(peer, await self._ask(peer))
                answers.append(True)
            if outcome.error is not None:
                self._failed(peer, outcome.error)
        finally:
            self._asking.discard(peer)

    def _ended(self, peer: PeerId, outcome: Outcome) -> None:
        self._tally.syncs[outcome.ending.value] += 1
        moved = outcome.received + outcome.given
        # What one side ignores goes on differing, and that is no reason to hurry.
        self._calm = 0 if moved or outcome.ending is Ending.PARTIAL else self._calm + 1
        self._tally.new_records += outcome.received
        self._blame_rejected(peer, outcome.rejected)
        barren = outcome.differed > max(_BARREN, 10 * moved)
        self._barren = min(self._barren + 1, _MOST_BARREN) if barren else 0
        self._finds = self._finds + 1 if moved else 0
        # One or two records are usually just on their way by push; if it happens again, they are not.
        if not barren and (moved > _ON_THE_WAY or self._finds > 1):
            pause = SOON_SECONDS * self._random.uniform(0.5, 1.5)
            if outcome.ending is Ending.PARTIAL:
                self.soon(peer, pause)
            self._hurry(pause)

    def _hurry(self, pause: float) -> None:
        """Have the next turn come no later than in `pause` seconds."""
        self._next_turn = min(self._next_turn, trio.current_time() + pause)
        self._wake.set()

    def _failed(self, peer: PeerId, error: Exception) -> None:
        if isinstance(error, PeerError):
            self._links.blame(peer, BROKEN_PROTOCOL, f"sync: {error}")
        elif not isinstance(error, Refused):
            self._tally.refuse(f"sync: {type(error).__name__}")

    async def _view(self) -> View:
        async with self._catching_up:
            while self._summary.catch_up(self._replica):
                await trio.lowlevel.checkpoint()
            return self._summary.view()

    async def _arrangement(self) -> Arrangement:
        async with self._catching_up:
            while self._order.catch_up(self._replica):
                await trio.lowlevel.checkpoint()
            return await trio.to_thread.run_sync(self._order.keys)

    async def _ask(self, peer: PeerId) -> Outcome:
        view = await self._view()
        self._sessions += 1
        session = SyncSession(
            self._replica,
            view,
            self._summary.keys,
            self._buckets,
            salt=token_bytes(SALT_BYTES),
            wide=self._calm == 0,
            audit=self._sessions % _AUDIT_EVERY == 0,
            lately=partial(self._offered.lately, peer, now=trio.current_time()),
        )
        async with self._stream(await self._host.open_stream(peer, self.protocol)) as stream:
            self._links.member(peer)
            try:
                return await self._drive(stream, session)
            finally:
                session.abandoned(trio.current_time())
                self._offered.note(peer, session.gave, trio.current_time())

    async def _drive(self, stream: FrameStream, session: SyncSession) -> Outcome:
        event: Event = Opened()
        while True:
            alone = not self._buckets.active
            effects = session.handle(event, trio.current_time())
            if alone and self._buckets.active:
                self._hurry(0.0)  # a bulk transfer begins: other peers can help
            for effect in effects:
                match effect:
                    case Finish(outcome):
                        return outcome
                    case Arrange():
                        arranged = Arranged(await self._arrangement())
                        effects.extend(session.handle(arranged, trio.current_time()))
                    case Admit(envelopes):
                        admitted = Admitted(await self._replica.admit(envelopes, stream.peer))
                        effects.extend(session.handle(admitted, trio.current_time()))
                    case Send(frame):
                        await stream.write(frame)
            answer = await stream.read()
            if answer is None:
                raise Refused("the peer closed the stream")
            event = Received(answer)

    async def _serve(self, raw: Any) -> None:
        """Stream handler: answer one session."""
        stream = FrameStream(raw)
        with Contained() as outcome:
            async with self._stream(stream):
                self._links.member(stream.peer)
                await self._serve_or_refuse(stream)
        if outcome.error is not None:
            self._failed(stream.peer, outcome.error)

    async def _serve_or_refuse(self, stream: FrameStream) -> None:
        place, loser = self._serving.take(stream.peer, group_of(stream.remote_ip))
        if loser is not None:
            self._tally.refuse("sync: place given to another network")
            self._scopes[loser.number].cancel()
        if place is None:
            await stream.write(Busy().encode())
            return
        self._tally.served += 1
        try:
            with trio.CancelScope(deadline=trio.current_time() + _SESSION_SECONDS) as scope:
                self._scopes[place.number] = scope
                await self._serve_session(stream, place)
            if scope.cancelled_caught:
                raise trio.TooSlowError
        finally:
            self._serving.leave(place)
            del self._scopes[place.number]

    async def _serve_session(self, stream: FrameStream, place: Place) -> None:
        peer, now = place.peer, trio.current_time()
        ranges = now - self._ranged.get(peer, float("-inf")) > _RANGES_SECONDS
        server = SyncServer(self._replica, await self._view(), token_bytes(SALT_BYTES), ranges=ranges)
        try:
            await self._answer(stream, server, peer)
        finally:
            self._tally.new_records += server.received
            self._blame_rejected(peer, server.rejected)

    def _blame_rejected(self, peer: PeerId, count: int) -> None:
        for _ in range(min(count, _MOST_BLAMES)):
            self._links.blame(peer, REJECTED_RECORD, "sync: rejected record")

    async def _answer(self, stream: FrameStream, server: SyncServer, peer: PeerId) -> None:
        while True:
            question = await stream.read()
            if question is None:
                return
            effects = server.handle(Received(question), trio.current_time())
            for effect in effects:
                if isinstance(effect, Arrange):
                    if len(self._ranged) >= _MAX_RANGED:
                        self._ranged.clear()
                    self._ranged[peer] = trio.current_time()
                    arranged = Arranged(await self._arrangement())
                    effects.extend(server.handle(arranged, trio.current_time()))
                elif isinstance(effect, Admit):
                    admissions = await self._replica.admit(effect.envelopes, peer)
                    effects.extend(server.handle(Admitted(admissions), trio.current_time()))
                elif isinstance(effect, Send):
                    await stream.write(effect.frame)

    @asynccontextmanager
    async def _stream(self, stream: FrameStream) -> AsyncIterator[FrameStream]:
        """Close on the way out, or reset if something went wrong; count the bytes."""
        try:
            yield stream
        except BaseException:
            await stream.reset()
            raise
        else:
            await stream.close()
        finally:
            self._tally.sync_bytes_in += stream.bytes_in
            self._tally.sync_bytes_out += stream.bytes_out
