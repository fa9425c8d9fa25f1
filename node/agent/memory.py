"""The agent's memory: the notebook kept in step with the evidence, and asked for what a briefing needs.

Before each question `follow` writes down what the board says by now about own ideas (a claim that others have
refuted is another outcome than the one that this node measured) and lets the lessons follow. The rest is
noted where it happens: an idea that was planned, one that is known, a trial that broke.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from .briefing import MOST_ROWS, POOL, Recollection, effect_of, remembered
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
        self._followed: dict[TrackId, dict[ContentId, ClaimView]] = {}
        """Own claims among the rows that were last followed, as they were written down."""
        self._read: dict[TrackId, dict[RecipeId, tuple[Attempt, Trial | None]]] = {}
        self._heard: dict[TrackId, tuple[int, tuple[tuple[ContentId, Note], ...]]] = {}

    def follow(self, track: Track, standings: Standings, now_ms: int) -> Recollection:
        """Bring the notebook up to date with the board, and tell what it knows about the track."""
        here = track.id
        held = self.attempts(here)
        # A node that has a past and no notebook yet writes all of it down once.
        rows = standings.first(here, MOST_ROWS) if held else standings.board(here).rows
        views = [row.view for row in rows]
        own = {view.id: view for view in views if view.author == self._me}
        followed = self._followed.get(here, {})
        for claim, view in own.items():
            if followed.get(claim) is not view:  # the same object is the same evidence
                self._write(_of_claim(view, self._me, now_ms), view.recipe, held)
        self._followed[here] = own
        lessons = learn(track, views, held, self._notes(here, views, now_ms))
        dated = [replace(lesson, time_ms=now_ms) for lesson in lessons]
        self._notebook.revise(here, dated, {view.id for view in views})
        return Recollection(held, self._remembered(track, held), self._notebook.lessons(here), rows)

    def planned(self, track: TrackId, proposal: Proposal, now_ms: int) -> None:
        """An idea is ready to be run."""
        self._note(_of_proposal(track, proposal, Outcome.PLANNED, now_ms), proposal.recipe.id)

    def known(
        self, track: TrackId, proposal: Proposal, headline: str, because: ClaimView, now_ms: int
    ) -> None:
        """An idea is not run, because a claim has shown what it would show, as long as that stands."""
        attempt = _of_proposal(track, proposal, Outcome.KNOWN, now_ms)
        attempt = replace(attempt, why=headline, because=because.id, standing=because.standing.value)
        self._note(attempt, proposal.recipe.id)

    def measured(self, view: ClaimView, now_ms: int) -> None:
        """The result of an own claim is there."""
        self._note(_of_claim(view, self._me, now_ms), view.recipe)

    def failed(self, view: ClaimView, why: str, now_ms: int) -> None:
        """The trial of an own claim gave no value."""
        attempt = replace(_of_claim(view, self._me, now_ms), outcome=Outcome.FAILED, why=why)
        self._note(attempt, view.recipe)

    def _note(self, attempt: Attempt, recipe: RecipeId) -> None:
        self._write(attempt, recipe, self.attempts(attempt.track))

    def _write(self, attempt: Attempt, recipe: RecipeId, held: dict[RecipeId, Attempt]) -> None:
        before = held.get(recipe)
        if before is not None:
            if attempt.outcome is Outcome.PLANNED and before.outcome is not Outcome.PLANNED:
                return  # thought of again; what came of it stands
            attempt = attempt.after(before)
            if attempt.says_as_much_as(before):
                return
        self._notebook.note(attempt)
        held[recipe] = attempt

    def attempts(self, track: TrackId) -> dict[RecipeId, Attempt]:
        """Attempts of a track by recipe; read again if another process has written to the notebook."""
        version = self._notebook.foreign_changes()
        if version != self._seen:
            self._held.clear()
            self._followed.clear()
            self._seen = version
        if track not in self._held:
            self._held[track] = {attempt.id: attempt for attempt in self._notebook.attempts(track)}
        return self._held[track]

    def _notes(
        self, track: TrackId, views: Sequence[ClaimView], now_ms: int
    ) -> Sequence[tuple[ContentId, Note]]:
        """What others wrote about the best claims; looked up once a while."""
        heard_ms, heard = self._heard.get(track, (0, ()))
        if now_ms - heard_ms >= _LISTEN_EVERY_MS:
            found = ((view.id, self._store.about(view.id, Note.kind)) for view in views[:POOL])
            records = ((claim, item.record) for claim, items in found for item in items)
            heard = tuple((claim, note) for claim, note in records if isinstance(note, Note))
            self._heard[track] = (now_ms, heard)
        return heard

    def _remembered(self, track: Track, held: Mapping[RecipeId, Attempt]) -> dict[RecipeId, Trial]:
        """Measured attempts as trials; each is read once, and again when it has changed."""
        read = self._read.setdefault(track.id, {})
        found: dict[RecipeId, Trial] = {}
        for recipe, attempt in held.items():
            if attempt.outcome is not Outcome.MEASURED:
                continue
            if recipe not in read or read[recipe][0] is not attempt:
                read[recipe] = (attempt, remembered(attempt, track))
            trial = read[recipe][1]
            if trial is not None:
                found[recipe] = trial
        return found


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
