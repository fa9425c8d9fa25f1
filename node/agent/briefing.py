"""What the proposer is told: written afresh from the standings before each question.

Nothing is remembered outside the record set, so a node that was killed asks its next question exactly as if
it had never stopped. Only confirmed results of others steer; what they merely claim is work to avoid.
"""

from __future__ import annotations

from experiments.recipe import Recipe, RecipeError
from experiments.search.proposer import Briefing, Trial
from experiments.track import Track
from leaderboard.board.rows import Board, ClaimView
from leaderboard.evidence.standing import Standing
from leaderboard.ids import AuthorId

__all__ = ["POOL", "effect_of", "write_briefing"]

POOL = 8
"""Confirmed recipes of the swarm in a briefing. Sharing only the best one misses the target in 8-25 % of
runs, a pool of eight keeps total evaluations nearly flat to 64 agents (measured on a surrogate)."""


def effect_of(view: ClaimView, viewer: AuthorId) -> float | None:
    """The best estimate of a claim's effect: by others' seeds if there are any, else the viewer's own."""
    if view.evidence.median is not None:
        return view.evidence.median
    if view.author == viewer and view.evidence.author is not None:
        return view.evidence.author.median
    return None


def write_briefing(track: Track, board: Board, viewer: AuthorId) -> Briefing:
    """Own history, the confirmed pool, and what is taken, from the track's board."""
    history: list[tuple[int, Trial]] = []
    pool: list[Trial] = []
    running: list[Recipe] = []
    for row in board.rows:
        view = row.view
        recipe = _recipe(view, track)
        if recipe is None:
            continue
        if view.author == viewer:
            if view.evidence.author is not None:
                history.append((view.time_ms, _trial(view, recipe, viewer)))
        elif view.standing is Standing.CONFIRMED and len(pool) < POOL and view.claim.derivable:
            pool.append(_trial(view, recipe, viewer))
        elif view.standing is Standing.CLAIMED:
            running.append(recipe)
    return Briefing(
        track=track,
        history=tuple(trial for _, trial in sorted(history, key=lambda item: item[0])),
        pool=tuple(pool),
        taken=frozenset(row.view.recipe for row in board.rows),
        open_claims=tuple(running),
    )


def _recipe(view: ClaimView, track: Track) -> Recipe | None:
    """The claim's recipe as this node reads it; None if it is not one of the track's."""
    try:
        return Recipe.from_payload(view.claim.recipe, track)
    except RecipeError:
        return None


def _trial(view: ClaimView, recipe: Recipe, viewer: AuthorId) -> Trial:
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
