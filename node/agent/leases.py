"""Who is at work on a recipe: an open claim is a lease that expires.

A claim says "I am running this"; until it has a result nobody else begins the same recipe (one canonical
form, one id). But a node that went away for good must not lock a recipe for ever, so a claim without a result
holds it for a while only, by its author's clock, which is good enough for that: a clock that runs fast is
refused at the door beyond ten minutes, one that runs slow shortens its own lease. What was measured once is
done, and run again only as a replication. A claim that its author took back without a result holds nothing.
"""

from __future__ import annotations

from leaderboard.board.rows import ClaimView, Row
from leaderboard.evidence.facts import ClaimFacts
from leaderboard.evidence.standing import Standing
from leaderboard.ids import AuthorId, RecipeId, TrackId
from leaderboard.standings import Standings

__all__ = ["LEASE_MS", "is_held", "is_taken", "runs_before"]

LEASE_MS = 3_600_000
"""One hour: far longer than a trial of any track for small machines, and a morning lost at worst on a track
whose trials take longer, since only a doubled run is at stake. A guess."""


def _is_running(facts: ClaimFacts, me: AuthorId, now_ms: int) -> bool:
    """Whether the claim's author may still be measuring it; an own claim is owed and never expires."""
    if facts.measured or facts.retracted or facts.claim is None:
        return False
    return facts.author == me or now_ms - facts.time_ms <= LEASE_MS


def is_held(row: Row, me: AuthorId, now_ms: int) -> bool | None:
    """The same as `is_taken`, read off a row of the board; None if the row alone does not tell."""
    view = row.view
    if view.standing is Standing.CLAIMED:
        if view.author == me or now_ms - view.time_ms <= LEASE_MS:
            return True
        return None if row.also_claimed else False
    if view.standing is Standing.RETRACTED:
        measured = view.evidence.author is not None or view.evidence.median is not None
        if measured or view.author == me:
            return True
        return None if row.also_claimed else False
    return True


def is_taken(standings: Standings, track: TrackId, recipe: RecipeId, me: AuthorId, now_ms: int) -> bool:
    """Whether the recipe was measured on this track, is being run, or could not be run by this node."""
    for claim in standings.claims_of_recipe(recipe):
        facts = standings.facts(claim)
        if facts is None or facts.claim is None or facts.claim.track != track:
            continue
        own_failure = facts.author == me and facts.retracted
        if facts.measured or facts.replications or own_failure or _is_running(facts, me, now_ms):
            return True
    return False


def runs_before(standings: Standings, view: ClaimView) -> bool:
    """Whether somebody else claimed the same recipe earlier and still holds it; ids decide between equals.

    Whoever copies claims with a clock that runs slow can make their authors stop early. It gains nothing by
    that (an author's own seeds never rank), and the first seed is always run.
    """
    for claim in standings.claims_of_recipe(view.recipe):
        facts = standings.facts(claim)
        if facts is None or facts.claim is None or facts.author == view.author:
            continue
        same = facts.claim.track == view.track and facts.claim.opponent is None and not facts.retracted
        if same and (facts.time_ms, facts.id) < (view.time_ms, view.id):
            return True
    return False
