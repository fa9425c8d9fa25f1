"""All boards under one electorate, brought up to date only where records changed."""

from __future__ import annotations

import hashlib
import sys
from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice

from ..codec import encode
from ..evidence.causes import causes_of
from ..evidence.electorate import Electorate
from ..evidence.facts import ClaimFacts
from ..evidence.policy import Policy
from ..ids import ContentId, RecipeId, TrackId
from ..manifest import TrackManifest
from .findings import findings_of
from .kept import ROWS
from .rows import Board, ClaimView, Row
from .trackboard import Sources, TrackBoard

__all__ = ["View"]

_STATE_DOMAIN = b"consilience/board-state/v1\x00"
_WARM = 10
"""First rows of a board that are kept ready to be read."""
_MOST_VIEWS = 512
"""Claims that are kept as last read: some 10 kB each."""


class View:
    """Boards and claims as one electorate sees them. Reads facts, never changes them."""

    def __init__(self, policy: Policy, electorate: Electorate, sources: Sources) -> None:
        self._policy = policy
        self._electorate = electorate
        self._sources = sources
        self._tracks: dict[TrackId, TrackBoard] = {}
        self._dirty: dict[TrackId, set[ContentId]] = {}
        self._boards: dict[TrackId, Board] = {}
        self._views: OrderedDict[ContentId, ClaimView] = OrderedDict()
        """Claims as last read; dropped when their verdict may have changed or a bar moved."""
        self._others: dict[RecipeId, tuple[ContentId, ...]] = {}
        """Claims of a recipe beside the one under which it is shown; dropped when one of them changed."""
        self._kept = sources.tables.table("first_rows", ROWS)
        """The confirmed ones among the first rows of each board, as it is after `settle`."""

    def open_track(self, manifest: TrackManifest, claims: Iterable[ContentId]) -> None:
        """A track became known, or is known again; `claims` are those that no board has seen yet."""
        self._tracks[manifest.id] = TrackBoard(manifest, self._policy, self._electorate, self._sources)
        self._dirty[manifest.id] = set(claims)
        self._boards.pop(manifest.id, None)

    def touch(self, track: TrackId, claim: ContentId) -> None:
        """The facts of a claim on a known track, or the weight of its replicators, changed."""
        self._dirty[track].add(claim)
        self._boards.pop(track, None)

    def settle(self) -> None:
        """Bring every board up to date and its first rows into memory."""
        for track, state in self._tracks.items():
            if self._dirty[track] or self._kept.get(state.key) is None:
                self._kept.put(state.key, tuple(self.top(track, _WARM)))

    def track(self, track: TrackId) -> TrackBoard:
        """The state behind a track's board, up to date; KeyError if the track is unknown."""
        state = self._tracks[track]
        if self._dirty[track]:
            level = state.bar_level
            moved = state.refresh(self._dirty[track])
            self._dirty[track] = set()
            self._kept.drop(state.key)
            if self._others:
                for claim in moved:
                    self._others.pop(state.recipe_of(claim), None)
            if level != state.bar_level:
                self._views.clear()
            elif self._views:
                for claim in moved:
                    self._views.pop(claim, None)
        return state

    def board(self, track: TrackId) -> Board:
        """The whole board of a known track."""
        if track not in self._boards:
            state = self.track(track)
            self._boards[track] = Board(
                track=track,
                rows=tuple(self.first(track, sys.maxsize)),
                tested=state.tested,
                bar=self._policy.odds << state.bar_level,
                policy=self._policy.payload(),
                viewer=self._electorate.viewer,
            )
        return self._boards[track]

    def digest(self, track: TrackId) -> bytes:
        """A hash of what the board rests on, cheap at any size; equal sets of records give equal digests."""
        state = self.track(track)
        header = encode(
            {
                "bar": float(self._policy.odds << state.bar_level),
                "entries": state.essence,
                "policy": self._policy.payload(),
                "tested": state.tested,
                "track": track,
                "viewer": self._electorate.viewer,
            }
        )
        return hashlib.sha256(_STATE_DOMAIN + header).digest()

    def top(self, track: TrackId, most: int) -> list[Row]:
        """The first confirmed rows alone."""
        state = self.track(track)
        kept = self._kept.get(state.key)
        if kept is not None and (most <= len(kept) or len(kept) < _WARM):
            return list(kept[:most])
        return [
            self._row(state, placed.claim, rank, tier)
            for rank, (tier, placed) in enumerate(state.ranking.top(most), start=1)
        ]

    def first(self, track: TrackId, most: int) -> list[Row]:
        """The first rows of the board: confirmed ones ranked, then the grey part."""
        rows = self.top(track, most)
        state = self._tracks[track]
        rest = list(islice(state.rest(), most - len(rows)))
        return rows + [self._row(state, claim, None, None) for claim in rest]

    def claim(self, facts: ClaimFacts) -> ClaimView:
        """One claim of a known track."""
        assert facts.claim is not None
        return self._view(self.track(facts.claim.track), facts.id)

    def _row(self, state: TrackBoard, claim: ContentId, rank: int | None, tier: int | None) -> Row:
        view = self._view(state, claim)
        others = self._others.get(view.recipe)
        if others is None:
            if len(self._others) > _MOST_VIEWS:
                self._others.clear()
            others = self._others[view.recipe] = state.also_claimed(claim)
        return Row(rank, tier, view, others)

    def _view(self, state: TrackBoard, claim: ContentId) -> ClaimView:
        view = self._views.get(claim)
        if view is None:
            facts = self._sources.archive.get(claim)
            assert facts is not None
            view = self._views[claim] = self._look(state, facts)
            self._sources.archive.trim()
            if len(self._views) > _MOST_VIEWS:
                self._views.popitem(last=False)
        return view

    def _look(self, state: TrackBoard, facts: ClaimFacts) -> ClaimView:
        assert facts.claim is not None
        assert facts.author is not None
        assert facts.recipe is not None
        found = state.assess(facts)
        verdict = state.verdict(found)
        return ClaimView(
            id=facts.id,
            author=facts.author,
            track=facts.claim.track,
            recipe=facts.recipe,
            recipe_bytes=facts.recipe_bytes,
            time_ms=facts.time_ms,
            claim=facts.claim,
            standing=verdict.standing,
            reason=verdict.reason,
            margin=verdict.margin,
            evidence=found,
            findings=findings_of(facts, self._sources.silent) if facts.findings else (),
            causes=causes_of(facts, state.manifest, self._policy.odds, self._sources.silent),
            bar_level=state.bar_level,
            odds=self._policy.odds,
            delta_min=state.manifest.delta_min,
        )
