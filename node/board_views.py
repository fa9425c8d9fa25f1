"""Tracks, boards and rows as the API shows them: read off the standings, with nothing of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from experiments.track import Track as InstalledTrack
from leaderboard.board.explain import explain
from leaderboard.board.rows import ClaimView, Row
from leaderboard.codec import ValueMap
from leaderboard.ids import AuthorId, ContentId, TrackId, short, to_text
from leaderboard.lineage import credit_for
from leaderboard.manifest import TrackManifest
from leaderboard.records import Track

from .api.values import BoardRow, BoardView, FindingView, TrackView
from .errors import NotFound
from .replica import NodeReplica
from .views import recipe_line, track_view

__all__ = ["LEAST_PREFIX", "BoardViews"]

LEAST_PREFIX = 4
"""Characters of an id that name something: fewer are more likely a slip than an id."""


class BoardViews:
    """What is known, in the API's words."""

    def __init__(self, replica: NodeReplica, installed: Sequence[InstalledTrack]) -> None:
        self._replica = replica
        self._installed = {track.id: track.manifest for track in installed}

    def manifests(self, track: str | None) -> list[TrackManifest]:
        """Known tracks, or the one that `track` (name, id or prefix) names; NotFound if there is none."""
        known = {**self._installed, **self._replica.standings.tracks()}
        found = [item for item in known.values() if track is None or _named(item, track)]
        if track is not None and not found:
            names = ", ".join(sorted({item.name for item in known.values()}))
            raise NotFound(f"no track is called {track!r}", f"known tracks: {names or 'none yet'}")
        return sorted(found, key=lambda item: (item.name, item.version, item.id))

    def digest(self) -> bytes:
        """One digest over the common boards of all tracks, in order of track id."""
        standings = self._replica.standings
        state = hashlib.sha256()
        for track in sorted(standings.tracks()):
            state.update(track + standings.digest(track))
        return state.digest()

    def track(self, manifest: TrackManifest) -> TrackView:
        standings = self._replica.standings
        known = manifest.id in standings.tracks()
        return track_view(
            Track(manifest),
            installed=manifest.id in self._installed,
            claims=standings.claim_count(manifest.id),
            confirmed=standings.confirmed(manifest.id) if known else 0,
        )

    def board(self, manifest: TrackManifest, limit: int) -> BoardView:
        """The best `limit` rows; an installed track that no record names yet has none, and no digest."""
        standings = self._replica.standings
        if manifest.id not in standings.tracks():
            return BoardView(self.track(manifest), digest="", rows=())
        return BoardView(
            track=self.track(manifest),
            digest=to_text(standings.digest(manifest.id)),
            rows=tuple(self.row(row.view, row) for row in standings.first(manifest.id, limit)),
        )

    def row(self, view: ClaimView, row: Row | None = None) -> BoardRow:
        """A claim and where it stands; `row` is its place on the board."""
        evidence = view.evidence
        low, high = evidence.interval or (None, None)
        return BoardRow(
            rank=None if row is None else row.rank,
            claim=to_text(view.id),
            author=to_text(view.author),
            author_name=self.name(view.author),
            standing=view.standing.value,
            summary=recipe_line(view.claim.recipe, self._reference(view.claim.track)),
            hypothesis=view.claim.hypothesis,
            effect=evidence.median,
            low=low,
            high=high,
            bound=None if view.margin is None else view.margin.lower,
            measured=None if evidence.author is None else evidence.author.median,
            replicators=evidence.replicators,
            seeds=len(evidence.ordered),
            findings=self._findings(view),
            time_ms=view.time_ms,
        )

    def explanation(self, view: ClaimView) -> list[str]:
        """What the numbers mean, and who made a confirmed claim possible."""
        parts = [
            f"{self.name(credit.author)} {float(credit.share):.0%} ({', '.join(credit.roles)})"
            for credit in credit_for(view, self._claim)
        ]
        return [*explain(view), f"Credit: {'; '.join(parts)}."] if parts else explain(view)

    def name(self, author: AuthorId) -> str:
        """The name an author gives itself, or its short id."""
        profile = self._replica.standings.profile(author)
        return (profile and profile.name) or short(author)

    def _claim(self, claim: ContentId) -> ClaimView | None:
        try:
            return self._replica.standings.claim(claim)
        except KeyError:
            return None

    def _reference(self, track: TrackId) -> ValueMap | None:
        manifest = self._replica.standings.tracks().get(track)
        return None if manifest is None else manifest.reference

    def _findings(self, view: ClaimView) -> tuple[FindingView, ...]:
        return tuple(
            FindingView(
                label=found.label,
                relation=found.relation,
                technique=found.technique,
                mode=found.mode,
                gain=found.gain,
                paper=found.paper,
                symbol=found.symbol,
                strength=found.strength,
                authors=tuple(self.name(author) for author in found.authors),
                others=found.others,
            )
            for found in view.findings
        )


def _named(manifest: TrackManifest, text: str) -> bool:
    by_id = len(text) >= LEAST_PREFIX and to_text(manifest.id).startswith(text.lower())
    return manifest.name == text or by_id
