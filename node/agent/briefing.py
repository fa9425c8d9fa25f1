"""What the proposer is told: written afresh before each question, from the standings and the notebook.

A proposer remembers nothing itself, so a node that was killed asks its next question exactly as if it had
never stopped. What steers are confirmed results of others, and what this node found itself when it ran their
claims; what they merely claim or measured themselves is work to avoid. What only the notebook knows (an
import, a lost record store, ideas that never became a claim) counts as own history, or as taken where there
is nothing to learn from trying it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from experiments.recipe import Recipe, RecipeError
from experiments.search.proposer import Briefing, Lesson, Trial
from experiments.track import Track
from leaderboard.board.rows import ClaimView, Row
from leaderboard.evidence.confseq import median
from leaderboard.evidence.effects import paired_effects
from leaderboard.evidence.facts import ClaimFacts
from leaderboard.evidence.standing import Standing
from leaderboard.ids import AuthorId, RecipeId
from leaderboard.standings import Standings

from ..notebook_entries import Attempt, Outcome
from ..notebook_entries import Lesson as Noted
from .leases import is_held, is_taken

__all__ = [
    "MOST_ROWS",
    "NOTHING",
    "POOL",
    "Recollection",
    "effect_of",
    "read_recipe",
    "remembered",
    "trial_of",
    "write_briefing",
]

POOL = 8
"""Confirmed recipes of the swarm in a briefing. Sharing only the best one misses the target in 8-25 % of
runs, a pool of eight keeps total evaluations nearly flat to 64 agents (measured on a surrogate)."""
MOST_ROWS = 300
"""Rows of the board that are read for a question: the ranked ones, then the newest (0.15 ms each). Older own
trials are in the notebook; a recipe of others beyond these rows is refused before it is run."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What the notebook has to say before a question."""

    attempts: Mapping[RecipeId, Attempt] = field(default_factory=dict)
    trials: Mapping[RecipeId, Trial] = field(default_factory=dict)
    """The measured ones of the attempts whose recipe the track takes."""
    lessons: Sequence[Noted] = ()
    rows: Sequence[Row] | None = None
    """Rows of the board, where they were read already."""


NOTHING = Recollection()


@dataclass(slots=True)
class _Sorted:
    """The rows of a board, by what they mean to this node."""

    history: list[tuple[int, Trial]] = field(default_factory=list)
    own: set[RecipeId] = field(default_factory=set)
    pool: list[Trial] = field(default_factory=list)
    checked: list[Trial] = field(default_factory=list)
    running: list[Recipe] = field(default_factory=list)
    unconfirmed: list[Recipe] = field(default_factory=list)
    taken: set[RecipeId] = field(default_factory=set)


def effect_of(view: ClaimView, viewer: AuthorId) -> float | None:
    """The best estimate of a claim's effect: by others' seeds if there are any, else the viewer's own."""
    if view.evidence.median is not None:
        return view.evidence.median
    if view.author == viewer and view.evidence.author is not None:
        return view.evidence.author.median
    return None


def write_briefing(
    track: Track,
    standings: Standings,
    viewer: AuthorId,
    now_ms: int,
    memory: Recollection = NOTHING,
) -> Briefing:
    """Own history, the confirmed pool, what is taken, and what was learned."""
    rows = standings.first(track.id, MOST_ROWS) if memory.rows is None else memory.rows
    found = _sorted(rows, track, standings, viewer, now_ms)
    for recipe, trial in memory.trials.items():
        if recipe not in found.own:
            found.history.append((memory.attempts[recipe].time_ms, trial))
    found.taken.update(
        recipe for recipe, attempt in memory.attempts.items() if _is_no_use(attempt, standings)
    )
    return Briefing(
        track=track,
        history=tuple(trial for _, trial in sorted(found.history, key=lambda item: item[0])),
        pool=tuple(found.pool),
        checked=tuple(found.checked),
        taken=frozenset(found.taken),
        open_claims=(*found.running, *found.unconfirmed),
        lessons=tuple(Lesson(lesson.kind, lesson.text) for lesson in memory.lessons),
    )


def _is_taken(row: Row, standings: Standings, viewer: AuthorId, now_ms: int) -> bool:
    held = is_held(row, viewer, now_ms)
    if held is None:
        held = is_taken(standings, row.view.track, row.view.recipe, viewer, now_ms)
    return held


def _sorted(
    rows: Sequence[Row], track: Track, standings: Standings, viewer: AuthorId, now_ms: int
) -> _Sorted:
    found = _Sorted()
    for row in rows:
        view, held = row.view, _is_taken(row, standings, viewer, now_ms)
        if held:
            found.taken.add(view.recipe)
        recipe = read_recipe(view, track)
        if recipe is None:
            continue
        if view.author == viewer:
            if view.evidence.author is not None:
                found.history.append((view.time_ms, trial_of(view, recipe, viewer)))
                found.own.add(view.recipe)
            continue
        if view.standing is Standing.CONFIRMED:
            if len(found.pool) < POOL and view.claim.derivable:
                found.pool.append(trial_of(view, recipe, viewer))
            continue
        if held:
            group = found.running if view.standing is Standing.CLAIMED else found.unconfirmed
            group.append(recipe)
        seen = _seen(standings.facts(view.id), track, viewer)
        if seen and view.claim.derivable:
            found.checked.append(
                replace(trial_of(view, recipe, viewer), effect=median(seen), seeds=len(seen), interval=None)
            )
    return found


def _seen(facts: ClaimFacts | None, track: Track, viewer: AuthorId) -> list[float]:
    """Effects against the reference that the viewer found on its own seeds, ascending; a tie is no effect."""
    if facts is None or facts.claim is None or facts.claim.opponent is not None:
        return []
    runs = [item.own for item in facts.deliveries.values() if item.commitment.author == viewer]
    found = [paired_effects(own, track.manifest, len(own.seeds)) for own in runs]
    return sorted(0.0 if effect is None else effect for effects in found for effect in effects)


def read_recipe(view: ClaimView, track: Track) -> Recipe | None:
    """The claim's recipe as this node reads it; None if it is not one of the track's."""
    try:
        return Recipe.from_payload(view.claim.recipe, track)
    except RecipeError:
        return None


def trial_of(view: ClaimView, recipe: Recipe, viewer: AuthorId) -> Trial:
    """What came of a claim, as a proposer wants to know it."""
    author = view.evidence.author
    return Trial(
        recipe=recipe,
        effect=effect_of(view, viewer),
        claim=view.id,
        seeds=len(view.evidence.ordered) or (author.seeds if author else 0),
        own=view.author == viewer,
        standing=view.standing.value,
        interval=view.evidence.interval,
        proposer=view.claim.proposer,
        hypothesis=view.claim.hypothesis,
        predicted_effect=view.claim.predicted_effect,
    )


def remembered(attempt: Attempt, track: Track) -> Trial | None:
    """A measured attempt as a trial; None if the track does not take its recipe."""
    if attempt.claim is None:
        return None
    try:
        recipe = Recipe.from_payload(attempt.recipe, track)
    except RecipeError:
        return None
    return Trial(
        recipe=recipe,
        effect=attempt.effect,
        claim=attempt.claim,
        seeds=max(attempt.seeds, 1),
        own=True,
        standing=attempt.standing or "measured",
        interval=attempt.interval,
        proposer=attempt.proposer,
        hypothesis=attempt.hypothesis,
        predicted_effect=attempt.predicted,
    )


def _is_no_use(attempt: Attempt, standings: Standings) -> bool:
    """Whether trying it again would teach nothing: it was run, or another claim has shown what it would show.

    The latter holds only as long as that claim stands as it stood.
    """
    if attempt.outcome is Outcome.KNOWN:
        facts = None if attempt.because is None else standings.facts(attempt.because)
        if facts is None or facts.claim is None:
            return True
        return standings.claim(facts.id).standing.value == attempt.standing
    return attempt.outcome in (Outcome.FAILED, Outcome.MEASURED)
