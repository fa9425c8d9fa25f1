"""What is at stake for each claim of a track, read off the standings for the replicator's coin.

Eligible are those who research on this track, as their records show; claims that this node could not run or
has accepted already are not its business.
"""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.board.ranking import Margin
from leaderboard.board.rows import ClaimView
from leaderboard.evidence.draw import Situation
from leaderboard.evidence.standing import Standing
from leaderboard.ids import AuthorId, ContentId, TrackId
from leaderboard.standings import Standings

__all__ = ["Stakes"]

_REFERENCE = Margin(0.0, 0.0, 0.0, chained=False)
_DECIDED = (Standing.CONFIRMED, Standing.REFUTED)


class Stakes:
    """One look at one track; make a new one after the standings changed."""

    def __init__(self, standings: Standings, track: TrackId, viewer: AuthorId) -> None:
        self._standings = standings
        self._track = track
        self._viewer = viewer
        top = standings.top(track, 1) if track in standings.tracks() else []
        self._leader = top[0].view.margin if top else None
        self._views = {} if track not in standings.tracks() else self._read()
        self._researchers = {view.author for view in self._views.values()} | self._replicators()
        self._best: dict[AuthorId, list[tuple[float, ContentId]]] = self._best_of_authors()

    def open_claims(self) -> Iterator[ClaimView]:
        """Claims of others that have a result and that this node has not accepted."""
        for view in self._views.values():
            facts = self._standings.facts(view.id)
            if view.author == self._viewer or view.evidence.author is None or facts is None:
                continue
            if all(item.author != self._viewer for item in facts.commitments.values()):
                yield view

    def situation(self, view: ClaimView) -> Situation:
        """What the claim is up against."""
        others = [total for total, claim in self._best.get(view.author, ()) if claim != view.id]
        return Situation(
            leader=self._leader,
            opponent=self._opponent(view),
            own_best=max(others, default=None),
            decided=self._is_decided(view),
            quarantined=self._is_quarantined(view.author),
        )

    def eligible(self, view: ClaimView) -> int:
        """How many could still accept, this node included."""
        facts = self._standings.facts(view.id)
        accepted = {item.author for item in facts.commitments.values()} if facts else set()
        return len((self._researchers | {self._viewer}) - accepted - {view.author})

    def already(self, view: ClaimView) -> int:
        """Accepts by researchers on this track whom this node has not caught lying."""
        facts = self._standings.facts(view.id)
        authors = {item.author for item in facts.commitments.values()} if facts else set()
        return sum(1 for author in authors & self._researchers if not self._is_quarantined(author))

    def _read(self) -> dict[ContentId, ClaimView]:
        return {claim: self._standings.claim(claim) for claim in self._standings.claims(self._track)}

    def _replicators(self) -> set[AuthorId]:
        return {
            item.author
            for claim in self._views
            if (facts := self._standings.facts(claim)) is not None
            for item in facts.commitments.values()
        }

    def _best_of_authors(self) -> dict[AuthorId, list[tuple[float, ContentId]]]:
        found: dict[AuthorId, list[tuple[float, ContentId]]] = {}
        for view in self._views.values():
            author, base = view.evidence.author, self._opponent(view)
            if author is not None and author.median is not None and base is not None:
                found.setdefault(view.author, []).append((base.median + author.median, view.id))
        return found

    def _opponent(self, view: ClaimView) -> Margin | None:
        if view.claim.opponent is None:
            return _REFERENCE
        opponent = self._views.get(view.claim.opponent)
        return None if opponent is None else opponent.margin

    def _is_decided(self, view: ClaimView) -> bool:
        same = self._standings.claims_of_recipe(view.recipe) - {view.id}
        return any(claim in self._views and self._views[claim].standing in _DECIDED for claim in same)

    def _is_quarantined(self, author: AuthorId) -> bool:
        trust = self._standings.trust(self._viewer).get(author)
        return trust is not None and trust.quarantined
