"""Says of confirmed recipes what they are known as, and signs it.

Every node with an agent looks for itself: a finding by several authors is worth more than one, and a
disagreement is shown.
"""

from __future__ import annotations

import structlog
import trio

from experiments.recipe import Recipe, RecipeError
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.errors import LocalError
from leaderboard.ids import ContentId, short

from .screen import finding_of, question
from .workbench import Workbench

__all__ = ["Examiner"]

LOOK_AT = 10
"""Confirmed rows of a board that this node checks: what people read first."""


class Examiner:
    """Watches the top of the boards and publishes one finding per claim."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._log = structlog.get_logger("findings")
        self._seen: set[ContentId] = set()

    async def run(self) -> None:
        """Check whatever enters the top rows, until cancelled."""
        cursor = -1
        while True:
            cursor = await self._bench.replica.wait_beyond(cursor)
            for track in self._bench.tracks.values():
                await self.look(track)

    async def look(self, track: Track) -> None:
        """Publish findings for those of the track's top rows that have none by this node yet."""
        standings = self._bench.replica.standings
        if track.id not in standings.tracks():
            return
        for row in standings.top(track.id, LOOK_AT):
            if not self._has_spoken(row.view.id):
                self._seen.add(row.view.id)
                await self._examine(track, row.view)
                await trio.lowlevel.checkpoint()

    def _has_spoken(self, claim: ContentId) -> bool:
        facts = self._bench.replica.standings.facts(claim)
        me = self._bench.author.id
        spoken = facts is not None and any(found[0] == me for found in facts.findings.values())
        return spoken or claim in self._seen

    async def _examine(self, track: Track, view: ClaimView) -> None:
        try:
            recipe = Recipe.from_payload(view.claim.recipe, track)
            answer = await self._bench.checker.check(
                question(recipe, track, view.claim.hypothesis, view.claim.proposer)
            )
        except (RecipeError, LocalError) as error:
            self._log.warning("no finding", claim=short(view.id), error=str(error))
            return
        await self._bench.author.publish(finding_of(view.id, recipe, track, answer))
