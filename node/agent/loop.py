"""The agent's loop: what the device does next.

Order: promises first (own claims without a result, accepted replications without a delivery), then
replication while it is below its share of the time, then the next idea, which was prepared while the last
trial ran, and replication beyond its share if there is no idea. The device waits only if there is nothing.
"""

from __future__ import annotations

import structlog
import trio

from leaderboard.errors import Refused
from leaderboard.records import Profile, Track

from .findings import Examiner
from .replicate import Replicator
from .research import Plan, Researcher
from .share import DeviceShare
from .workbench import Activity, Workbench

__all__ = ["Agent"]

_PATIENCE_S = 2.0
"""How long to wait for news before asking again: the coin's rate for old claims rises with time."""


class Agent:
    """Research and replication on one device."""

    def __init__(
        self,
        bench: Workbench,
        researcher: Researcher,
        replicator: Replicator,
        share: DeviceShare,
        profile: Profile,
    ) -> None:
        self._bench = bench
        self._researcher = researcher
        self._replicator = replicator
        self._share = share
        self._profile = profile
        self._log = structlog.get_logger("agent")
        self._go = trio.Event()
        self._go.set()

    @property
    def activity(self) -> Activity:
        """What the agent is doing."""
        return self._bench.activity

    @property
    def paused(self) -> bool:
        return not self._go.is_set()

    def pause(self) -> None:
        """Start nothing new; promises that were made are still kept."""
        if self._go.is_set():
            self._go = trio.Event()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    async def run(self) -> None:
        """Work until cancelled."""
        await self._introduce()
        send, receive = trio.open_memory_channel[Plan](0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._prepare, send)
            nursery.start_soon(Examiner(self._bench).run)
            while True:
                await self._step(receive)

    async def _introduce(self) -> None:
        """Make this node's name and its tracks known, once."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        if standings.profiles().get(me) != self._profile:
            await self._bench.author.publish(self._profile)
        for track in self._bench.tracks.values():
            if track.id not in standings.tracks():
                await self._bench.author.publish(Track(track.manifest))

    async def _prepare(self, plans: trio.MemorySendChannel[Plan]) -> None:
        """Have the next idea ready before the device asks for it."""
        while True:
            await self._go.wait()
            prepared = False
            for track in self._bench.tracks.values():
                try:
                    plan = await self._researcher.prepare(track)
                except Refused as refusal:
                    self._log.info("no proposal", track=track.name, reason=str(refusal))
                    continue
                if plan is not None:
                    prepared = True
                    await plans.send(plan)
            if not prepared:
                await self._news(self._bench.replica.cursor)

    async def _step(self, plans: trio.MemoryReceiveChannel[Plan]) -> None:
        """One piece of work, or a wait for some."""
        cursor = self._bench.replica.cursor
        if await self._keep_promises() or self.paused:
            if self.paused:
                self._bench.activity.begin("paused")
                await self._news(cursor)
            return
        if self._share.replication_is_due() and await self._replicate():
            return
        try:
            plan = plans.receive_nowait()
        except trio.WouldBlock:
            if not await self._replicate():
                self._bench.activity.begin("idle")
                await self._news(cursor)
            return
        if not self._researcher.is_taken(plan):
            started = trio.current_time()
            await self._researcher.carry_out(plan)
            self._share.research_s += trio.current_time() - started

    async def _keep_promises(self) -> bool:
        claim = self._researcher.unfinished()
        if claim is not None:
            await self._researcher.finish(claim)
            return True
        return await self._replicator.keep_promise()

    async def _replicate(self) -> bool:
        """Replicate one claim of the node's own choice; False if it chooses none."""
        started = trio.current_time()
        done = await self._replicator.replicate_one()
        self._share.replication_s += trio.current_time() - started
        return done

    async def _news(self, cursor: int) -> None:
        """Wait for a new record, or a moment."""
        with trio.move_on_after(_PATIENCE_S):
            await self._bench.replica.wait_beyond(cursor)
