"""Says of confirmed recipes what they are known as, and signs it.

Every node with an agent looks for itself: a finding by several authors is worth more than one, and a
disagreement is shown. The recipe's expressions are probed by what they do; a person's or a model's words are
looked at too, the embedded search's own sentences are not, because they describe nothing that is not in the
expressions.
"""

from __future__ import annotations

import structlog
import trio

from experiments.recipe import Recipe, RecipeError
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.errors import LocalError
from leaderboard.ids import ContentId, short

from .checker import finding_of
from .workbench import Workbench

__all__ = ["Examiner"]

LOOK_AT = 10
"""Confirmed rows of a board that this node checks: what people read first."""
_EMBEDDED = "search/"


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
            answer = await self._bench.checker.check(question(recipe, track, view))
        except (RecipeError, LocalError) as error:
            self._log.warning("no finding", claim=short(view.id), error=str(error))
            return
        await self._bench.author.publish(finding_of(view.id, _changed_slots(recipe, track), answer))


def question(recipe: Recipe, track: Track, view: ClaimView) -> dict[str, object]:
    """A recipe against its track's reference, as the checker wants to be asked."""
    embedded = view.claim.proposer.startswith(_EMBEDDED)
    return {
        "claim": "" if embedded else view.claim.hypothesis,
        "expressions": dict(recipe.slots),
        "reference": dict(track.reference.slots),
        "settings": dict(recipe.settings),
        "baseline": dict(track.reference.settings),
    }


def _changed_slots(recipe: Recipe, track: Track) -> str:
    before = dict(track.reference.slots)
    return ",".join(slot for slot, text in recipe.slots if before.get(slot) != text)
