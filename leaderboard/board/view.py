"""All boards under one electorate, brought up to date only where records changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..evidence.causes import causes_of
from ..evidence.electorate import Electorate
from ..evidence.facts import ClaimFacts
from ..evidence.policy import Policy
from ..evidence.standing import Standing
from ..ids import AuthorId, ContentId, TrackId
from ..manifest import TrackManifest
from .findings import findings_of
from .rows import Board, ClaimView, Row
from .trackboard import TrackBoard

__all__ = ["View"]


class View:
    """Boards and claims as one electorate sees them. Reads facts, never changes them."""

    def __init__(
        self,
        policy: Policy,
        electorate: Electorate,
        facts: Mapping[ContentId, ClaimFacts],
        silent: Callable[[AuthorId, ContentId], bool],
    ) -> None:
        self._policy = policy
        self._electorate = electorate
        self._facts = facts
        self._silent = silent
        self._tracks: dict[TrackId, TrackBoard] = {}
        self._dirty: dict[TrackId, set[ContentId]] = {}
        self._boards: dict[TrackId, Board] = {}
        self._claims: dict[ContentId, ClaimView] = {}
        """Views as last read; dropped when their verdict may have changed or their track's bar moved."""

    def open_track(self, manifest: TrackManifest, claims: Iterable[ContentId]) -> None:
        """A track became known; `claims` were waiting for it."""
        self._tracks[manifest.id] = TrackBoard(manifest, self._policy, self._electorate)
        self._dirty[manifest.id] = set(claims)
        self._boards.pop(manifest.id, None)

    def touch(self, track: TrackId, claim: ContentId) -> None:
        """The facts of a claim on a known track, or the weight of its replicators, changed."""
        self._dirty[track].add(claim)
        self._boards.pop(track, None)

    def track(self, track: TrackId) -> TrackBoard:
        """The state behind a track's board, up to date; KeyError if the track is unknown."""
        state = self._tracks[track]
        if self._dirty[track]:
            level = state.bar_level
            moved = state.refresh(self._dirty[track], self._facts)
            self._dirty[track] = set()
            for claim in moved if level == state.bar_level else state.assessments:
                self._claims.pop(claim, None)
        return state

    def board(self, track: TrackId) -> Board:
        """The whole board of a known track."""
        if track not in self._boards:
            self._boards[track] = self._compose(track)
        return self._boards[track]

    def top(self, track: TrackId, most: int) -> list[Row]:
        """The first confirmed rows alone, without composing the whole board."""
        state = self.track(track)
        return [
            self._row(state, placed.claim, rank, tier)
            for rank, (tier, placed) in enumerate(state.ranking.top(most), start=1)
        ]

    def claim(self, facts: ClaimFacts) -> ClaimView:
        """One claim of a known track."""
        assert facts.claim is not None
        return self._claim(self.track(facts.claim.track), facts)

    def _compose(self, track: TrackId) -> Board:
        state = self.track(track)
        rows = self.top(track, len(state.ranking))
        ranked = {row.view.recipe for row in rows}
        grey = [
            self._row(state, state.shown_claim(recipe), None, None)
            for recipe in state.recipes
            if recipe not in ranked
        ]
        grey.sort(key=lambda row: (_ORDER[row.view.standing], -row.view.time_ms, row.view.id))
        return Board(
            track=track,
            rows=(*rows, *grey),
            tested=state.tested,
            bar=self._policy.odds << state.bar_level,
            policy=self._policy.payload(),
            viewer=self._electorate.viewer,
        )

    def _row(self, state: TrackBoard, claim: ContentId, rank: int | None, tier: int | None) -> Row:
        view = self._claim(state, self._facts[claim])
        claims = state.recipes[view.recipe]
        others = tuple(sorted(claims - {claim})) if len(claims) > 1 else ()
        return Row(rank, tier, view, others)

    def _claim(self, state: TrackBoard, facts: ClaimFacts) -> ClaimView:
        view = self._claims.get(facts.id)
        if view is None:
            view = self._claims[facts.id] = self._look(state, facts)
        return view

    def _look(self, state: TrackBoard, facts: ClaimFacts) -> ClaimView:
        assert facts.claim is not None
        assert facts.author is not None
        assert facts.recipe is not None
        verdict = state.verdict(facts.id)
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
            evidence=state.assessments[facts.id],
            findings=findings_of(facts, self._silent) if facts.findings else (),
            causes=causes_of(facts, state.manifest, self._policy.odds, self._silent),
            bar_level=state.bar_level,
            odds=self._policy.odds,
            delta_min=state.manifest.delta_min,
        )


_ORDER = {standing: index for index, standing in enumerate(Standing)}
