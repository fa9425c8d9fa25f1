"""The agent's loop: what the devices do next.

Several lanes of work share the devices, twice as many as there are devices: while one lane's trial runs, the
other signs, publishes, chooses and prepares, so a device goes from trial to trial. Order in each lane:
promises first (own claims without a result, accepted replications without a delivery), then replication while
it is below its share of the time, then the next idea from the shelf, and replication beyond its share if
there is no idea. A lane waits only if there is nothing to do at all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog
import trio

from experiments.harness.pool import Pool
from leaderboard.ids import TrackId
from leaderboard.records import Profile, Track

from ..api.values import DeviceStatus
from ..notebook_entries import Attempt
from .findings import Examiner
from .model import Model
from .replicate import Replicator
from .research import Researcher
from .rest import Rest
from .share import DeviceShare
from .shelf import Shelf
from .workbench import Activity, Workbench

__all__ = ["LANES_PER_DEVICE", "Agent"]

LANES_PER_DEVICE = 2
"""One runs, one gets ready. More would only make ideas older before they are tried."""
_PATIENCE_S = 2.0
"""How long to wait for news before asking again: the coin's rate for old claims rises with time."""


class Agent:
    """Research and replication on the devices of one machine."""

    def __init__(
        self,
        bench: Workbench,
        researcher: Researcher,
        replicator: Replicator,
        share: DeviceShare,
        profile: Profile,
        *,
        standby: Researcher | None = None,
        rest: Rest | None = None,
    ) -> None:
        """`standby` has ideas at once, for when those of `researcher` take longer than a trial."""
        self._bench = bench
        self._researcher = researcher
        self._replicator = replicator
        self._share = share
        self._profile = profile
        self._rest = rest or Rest()
        self._lanes = LANES_PER_DEVICE * (len(bench.device) if isinstance(bench.device, Pool) else 1)
        thinkers = [researcher] if standby is None else [researcher, standby]
        self._shelf = Shelf(bench, thinkers, self._lanes, self._rest)
        self._since = trio.current_time()
        self._idle = 0
        self._unproven = list(bench.tracks.values())
        self._rehearsing = trio.Lock()
        self._replicating = trio.Lock()  # one lane at a time: what is promised must not be begun twice
        self._log = structlog.get_logger("agent")

    @property
    def activity(self) -> Activity:
        """What the agent is doing."""
        return self._bench.activity

    @property
    def model(self) -> Model | None:
        """The language model that has ideas here, if one is configured."""
        return self._bench.model

    def attempts(self, track: TrackId) -> Iterable[Attempt]:
        """What this node tried on the track, as far as it is remembered."""
        return self._researcher.attempts(track)

    def devices(self) -> tuple[DeviceStatus, ...]:
        """How each device has fared since the agent was made."""
        passed = max(trio.current_time() - self._since, 1e-9)
        device = self._bench.device
        found = device.statistics() if isinstance(device, Pool) else (device.statistics(),)
        return tuple(
            DeviceStatus(it.name, min(1.0, it.busy_s / passed), it.trials, it.failures, it.last_fault)
            for it in found
        )

    @property
    def rest(self) -> Rest:
        """Whether it works, and why not."""
        return self._rest

    @property
    def paused(self) -> bool:
        """Whether somebody told it to pause."""
        return self._rest.paused

    def pause(self) -> None:
        """Start nothing new; promises that were made are still kept."""
        self._rest.pause()

    def resume(self) -> None:
        """Go on."""
        self._rest.resume()

    async def run(self) -> None:
        """Work until cancelled."""
        await self._introduce()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._shelf.run)
            nursery.start_soon(Examiner(self._bench).run)
            for _ in range(self._lanes):
                nursery.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            await self._step()

    async def _introduce(self) -> None:
        """Make this node's name and its tracks known, once."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        if standings.profiles().get(me) != self._profile:
            await self._bench.author.publish(self._profile)
        for track in self._bench.tracks.values():
            if track.id not in standings.tracks():
                await self._bench.author.publish(Track(track.manifest))

    async def _rehearse(self) -> None:
        """Run each track's reference before anything is claimed or promised on it.

        Neither can be unsaid, and a machine that lacks a package or a text would go on claiming what it
        cannot measure. The run is the calibration that the first measurement needs anyway, and it is kept.
        """
        async with self._rehearsing:
            while self._unproven:
                track = self._unproven[-1]
                self._bench.activity.begin(f"trying out {track.name}")
                await self._bench.device.measure(track, track.reference, track.reference, (), gate=False)
                self._unproven.pop()

    async def _step(self) -> None:
        """One piece of work, or a wait for some."""
        cursor = self._bench.replica.cursor
        if self._rest.machine():
            await self._wait(self._rest.machine(), self._rest.wait_for_machine)
        elif await self._keep_promises():
            return
        elif self.paused:
            await self._wait("paused", partial(self._news, cursor))
        elif self._unproven:
            await self._rehearse()
        elif self._share.replication_is_due() and await self._replicate():
            return
        elif not await self._research() and not await self._replicate():
            await self._wait("idle", partial(self._news, cursor))

    async def _keep_promises(self) -> bool:
        claim = self._researcher.unfinished()
        if claim is not None:
            await self._researcher.finish(claim)
            return True
        if self._replicating.locked():
            return False
        async with self._replicating:
            return await self._replicator.keep_promise()

    async def _research(self) -> bool:
        """Carry out one idea; False if none is ready."""
        plan = self._shelf.take()
        if plan is None:
            return False
        started = trio.current_time()
        await self._researcher.carry_out(plan)
        self._share.research_s += trio.current_time() - started
        return True

    async def _replicate(self) -> bool:
        """Replicate one claim of the node's own choice; False if it chooses none or another lane is at it."""
        if self._replicating.locked():
            return False
        async with self._replicating:
            started = trio.current_time()
            done = await self._replicator.replicate_one()
        self._share.replication_s += trio.current_time() - started
        return done

    async def _wait(self, why: str, until: Callable[[], Awaitable[None]]) -> None:
        """Say so if no lane works any more, and wait."""
        self._idle += 1
        if self._idle == self._lanes:
            self._bench.activity.begin(why)
        try:
            await until()
        finally:
            self._idle -= 1

    async def _news(self, cursor: int) -> None:
        """Wait for a new record, an idea, or a moment."""
        with trio.move_on_after(_PATIENCE_S):
            async with trio.open_nursery() as nursery:

                async def first(wait: Callable[[], Awaitable[object]]) -> None:
                    await wait()
                    nursery.cancel_scope.cancel()

                nursery.start_soon(first, partial(self._bench.replica.wait_beyond, cursor))
                nursery.start_soon(first, self._shelf.wait_changed)
