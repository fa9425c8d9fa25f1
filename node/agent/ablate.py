"""Which change caused the gain? Taking apart confirmed recipes that differ from their opponent in many ways.

Every author ablates its own confirmed claims; others join by a private coin whose rate rises while nobody
has published anything (leaderboard.evidence.draw.ablates). Only what stands among the first rows of a board
is taken apart: what it says will steer somebody. Seeds are of this node's own pool, enough for an interval.
"""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from experiments.harness.outcome import TrialError
from experiments.harness.undo import differences, measure_changes
from experiments.recipe import Recipe, RecipeError
from experiments.track import Track
from leaderboard.ablation import MAX_CHANGES, Ablation
from leaderboard.board.rows import ClaimView
from leaderboard.errors import Refused
from leaderboard.evidence.draw import TOP, ablates
from leaderboard.evidence.seeds import author_seeds
from leaderboard.ids import ContentId, short

from ..replica import now_ms
from .workbench import Workbench

__all__ = ["ABLATION_SEEDS", "Ablator"]

ABLATION_SEEDS = 8
"""Paired seeds of each change: a median's interval is finite from 7 on (leaderboard.evidence.confseq)."""


class Ablator:
    """Chooses and ablates confirmed claims."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._log = structlog.get_logger("ablation")
        self._given_up: set[ContentId] = set()

    async def ablate_own(self) -> bool:
        """Ablate one confirmed claim of this node; False if there is none left."""
        me = self._bench.author.id
        return await self._first(view for view in self._open() if view.author == me)

    async def ablate_other(self) -> bool:
        """Ablate one confirmed claim of somebody else that the coin chose; False if there is none."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        eligible = len(standings.profiles())
        return await self._first(
            view
            for view in self._open()
            if view.author != me
            and ablates(self._bench.coin, view.id, eligible, 0 if view.causes else now_ms() - view.time_ms)
        )

    async def _first(self, views: Iterator[ClaimView]) -> bool:
        for view in views:
            track = self._bench.tracks[view.track]
            recipes = self._recipes(view)
            if recipes is not None:
                await self._ablate(track, view, *recipes)
                return True
        return False

    def _open(self) -> Iterator[ClaimView]:
        """Confirmed claims among the first rows that this node has not ablated."""
        standings, me = self._bench.replica.standings, self._bench.author.id
        for track in self._bench.tracks:
            for row in standings.top(track, TOP) if track in standings.tracks() else ():
                facts = standings.facts(row.view.id)
                done = facts is not None and any(author == me for author, _ in facts.ablations.values())
                if not done and row.view.id not in self._given_up:
                    yield row.view

    def _recipes(self, view: ClaimView) -> tuple[Recipe, Recipe] | None:
        """The claim's recipe and its opponent's, if they differ in several ways that can be undone here."""
        try:
            recipe, baseline = self._bench.recipes(view)
        except RecipeError:
            return None
        count = len(differences(recipe, baseline))
        return (recipe, baseline) if 1 < count <= MAX_CHANGES else None

    async def _ablate(self, track: Track, view: ClaimView, recipe: Recipe, baseline: Recipe) -> None:
        bench = self._bench
        bench.activity.begin(f"taking {short(view.id)} apart")
        seeds = author_seeds(track.id, bench.author.id, ABLATION_SEEDS)
        try:
            changes = await measure_changes(
                bench.device, track, recipe, baseline, seeds, on_progress=bench.activity.report
            )
        except (TrialError, Refused) as error:
            self._given_up.add(view.id)
            self._log.warning("ablation failed", claim=short(view.id), error=str(error))
            return
        await bench.author.publish(Ablation(view.id, view.claim.opponent, changes))
