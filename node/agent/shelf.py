"""Ideas that are ready to be run, so that no device waits for somebody to think.

Thinking goes on while trials run: a proposer is asked as soon as there is room, not when a device asks. A
slow one (a language model takes seconds) cannot feed a fast device, so a second, quick proposer may stand by:
it keeps ideas ready, which are run only while the shelf has nothing better. An idea made a while ago does not
know the latest results; there is room for as many as can be in work at a time, and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import structlog
import trio

from experiments.recipe import Recipe
from experiments.track import Track
from leaderboard.errors import Refused

from .research import Plan, Researcher
from .rest import Rest
from .workbench import Workbench

__all__ = ["Shelf"]

_PATIENCE_S = 2.0
"""How long to wait for news before a proposer that had no idea is asked again."""


class Shelf:
    """Keeps plans ready from one proposer, or from a slow and a quick one."""

    def __init__(self, bench: Workbench, thinkers: Sequence[Researcher], room: int, rest: Rest) -> None:
        """`thinkers` in order of preference; `room` is the number of plans that each keeps ready."""
        self._bench = bench
        self._thinkers = tuple((thinker, deque[Plan]()) for thinker in thinkers)
        self._room = room
        self._rest = rest
        self._changed = trio.Event()
        self._log = structlog.get_logger("agent")

    async def run(self) -> None:
        """Think until cancelled."""
        async with trio.open_nursery() as nursery:
            for thinker, plans in self._thinkers:
                nursery.start_soon(self._fill, thinker, plans)

    def take(self) -> Plan | None:
        """The best plan that is ready; None if there is none."""
        for thinker, plans in self._thinkers:
            while plans:
                plan = plans.popleft()
                self._announce()
                if not thinker.is_taken(plan):
                    return plan
        return None

    async def wait_changed(self) -> None:
        """Return after a plan was put on the shelf or taken."""
        await self._changed.wait()

    def _announce(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def _fill(self, thinker: Researcher, plans: deque[Plan]) -> None:
        while True:
            cursor, found = self._bench.replica.cursor, False
            for track in self._bench.tracks.values():
                while len(plans) >= self._room:
                    await self._changed.wait()
                await self._rest.wait_over()
                plan = await self._think(thinker, track)
                if plan is not None:
                    found = True
                    plans.append(plan)
                    self._announce()
            if not found:
                with trio.move_on_after(_PATIENCE_S):
                    await self._bench.replica.wait_beyond(cursor)

    async def _think(self, thinker: Researcher, track: Track) -> Plan | None:
        try:
            return await thinker.prepare(track, tuple(self._waiting(track)))
        except Refused as refusal:
            self._log.info("no proposal", track=track.name, reason=str(refusal))
            return None

    def _waiting(self, track: Track) -> Iterable[Recipe]:
        """Recipes of the track that are on the shelf."""
        for _, plans in self._thinkers:
            yield from (plan.proposal.recipe for plan in plans if plan.track.id == track.id)
