"""The agent's memory: the notebook kept in step with the evidence, and asked for what a briefing needs.

Before each question `follow` writes down what the board says by now about own ideas (a claim that others have
refuted is another outcome than the one that this node measured) and lets the lessons follow. The rest is
noted where it happens: an idea that was planned, one that is known, a trial that broke.
"""

from __future__ import annotations

from dataclasses import replace

from experiments.search.proposer import Proposal, Trial
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.evidence.standing import Standing
from leaderboard.ids import AuthorId, ContentId, RecipeId, TrackId
from leaderboard.records import Note
from leaderboard.standings import Standings

from ..notebook import Notebook
from ..notebook_entries import Attempt, Outcome
from ..store import Store
from .briefing import MOST_ROWS, POOL, Recollection, effect_of, read_recipe, trial_of
from .lessons import learn

__all__ = ["Memory"]

_LISTEN_EVERY_MS = 60_000


class Memory:
    """One agent's notebook."""

    def __init__(self, notebook: Notebook, store: Store, me: AuthorId) -> None:
        """`store` is where peers' notes are read."""
        self._notebook = notebook
        self._store = store
        self._me = me
        self._held: dict[TrackId, dict[RecipeId, Attempt]] = {}
        self._seen = -1
        self._heard: list[tuple[ContentId, Note]] = []
        self._listened_ms = 0

    def follow(self, track: Track, standings: Standings, now_ms: int) -> Recollection:
        """Bring the notebook up to date with the board, and tell what it knows about the track."""
        held = self._attempts(track.id)
        views = [row.view for row in standings.first(track.id, MOST_ROWS)]
        own = [view for view in views if view.author == self._me]
        for view in own:
            self._note(_of_claim(view, self._me, now_ms))
        lessons = learn(
            track, views, list(held.values()), self._trials(track, own), self._notes(views, now_ms)
        )
        self._notebook.revise(track.id, [replace(lesson, time_ms=now_ms) for lesson in lessons])
        return Recollection(tuple(held.values()), self._notebook.lessons(track.id))

    def planned(self, track: TrackId, proposal: Proposal, now_ms: int) -> None:
        """An idea is ready to be run."""
        self._note(_of_proposal(track, proposal, Outcome.PLANNED, now_ms))

    def known(
        self, track: TrackId, proposal: Proposal, headline: str, because: ContentId, now_ms: int
    ) -> None:
        """An idea is not run: it is a known technique, and `because` has it confirmed here."""
        attempt = _of_proposal(track, proposal, Outcome.KNOWN, now_ms)
        self._note(replace(attempt, why=headline, because=because))

    def failed(self, view: ClaimView, why: str, now_ms: int) -> None:
        """The trial of an own claim gave no value."""
        self._note(replace(_of_claim(view, self._me, now_ms), outcome=Outcome.FAILED, why=why))

    def _note(self, attempt: Attempt) -> None:
        held = self._attempts(attempt.track)
        before = held.get(attempt.id)
        if before is not None:
            if attempt.outcome is Outcome.PLANNED and before.outcome is not Outcome.PLANNED:
                return  # thought of again; what came of it stands
            attempt = attempt.after(before)
            if attempt.says_as_much_as(before):
                return
        self._notebook.note(attempt)
        held[attempt.id] = attempt

    def _attempts(self, track: TrackId) -> dict[RecipeId, Attempt]:
        """Attempts of a track by recipe, read again if another process has written to the notebook."""
        version = self._notebook.foreign_changes()
        if version != self._seen:
            self._held.clear()
            self._seen = version
        if track not in self._held:
            self._held[track] = {attempt.id: attempt for attempt in self._notebook.attempts(track)}
        return self._held[track]

    def _notes(self, views: list[ClaimView], now_ms: int) -> list[tuple[ContentId, Note]]:
        """What others wrote about the best claims; looked up once a while."""
        if now_ms - self._listened_ms >= _LISTEN_EVERY_MS:
            self._listened_ms = now_ms
            found = ((view.id, self._store.about(view.id, Note.kind)) for view in views[:POOL])
            records = ((claim, item.record) for claim, items in found for item in items)
            self._heard = [(claim, note) for claim, note in records if isinstance(note, Note)]
        return self._heard

    def _trials(self, track: Track, own: list[ClaimView]) -> list[Trial]:
        found = ((view, read_recipe(view, track)) for view in own if view.evidence.author is not None)
        return [trial_of(view, recipe, self._me) for view, recipe in found if recipe is not None]


def _of_proposal(track: TrackId, proposal: Proposal, outcome: Outcome, now_ms: int) -> Attempt:
    return Attempt(
        track=track,
        recipe=proposal.recipe.to_payload(),
        proposer=proposal.proposer,
        hypothesis=proposal.hypothesis,
        mechanism=proposal.mechanism,
        predicted=proposal.predicted_effect,
        outcome=outcome,
        time_ms=now_ms,
    )


def _of_claim(view: ClaimView, me: AuthorId, now_ms: int) -> Attempt:
    """What the board says about an own claim."""
    evidence = view.evidence
    outcome = Outcome.CLAIMED
    if evidence.author is not None or evidence.median is not None:
        outcome = Outcome.MEASURED
    elif view.standing is Standing.RETRACTED:
        outcome = Outcome.FAILED
    return Attempt(
        track=view.track,
        recipe=view.claim.recipe,
        proposer=view.claim.proposer,
        hypothesis=view.claim.hypothesis,
        predicted=view.claim.predicted_effect,
        claim=view.id,
        outcome=outcome,
        effect=effect_of(view, me),
        interval=evidence.interval,
        seeds=len(evidence.ordered) or (0 if evidence.author is None else evidence.author.seeds),
        standing=view.standing.value,
        time_ms=now_ms,
    )
