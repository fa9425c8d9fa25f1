"""What each proposer's ideas were worth, and how well it predicted them: from the claims on a board.

The swarm's claims count, not only this node's: how a model predicts does not depend on who asked it. An
effect is others' measurement where there is one and the author's own otherwise, so a figure is as good as the
claims behind it, and a node that invents results can make any proposer look good that it names.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from experiments.search.calibration import calibrations
from experiments.search.proposer import Trial
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.evidence.standing import Standing
from leaderboard.standings import Standings

from ..api.values import ProposerView
from .briefing import MOST_ROWS, read_recipe

__all__ = ["proposer_views"]


def proposer_views(track: Track, standings: Standings) -> list[ProposerView]:
    """A line for each proposer with a measured claim on the track, by name."""
    if track.id not in standings.tracks():
        return []
    views = [row.view for row in standings.first(track.id, MOST_ROWS)]
    trials: dict[str, list[Trial]] = defaultdict(list)
    confirmed: dict[str, int] = defaultdict(int)
    for view in views:
        trial = _trial(view, track)
        if trial is not None:
            trials[trial.proposer].append(trial)
            confirmed[trial.proposer] += view.standing is Standing.CONFIRMED
    return [_view(track, name, trials[name], confirmed[name]) for name in sorted(trials)]


def _trial(view: ClaimView, track: Track) -> Trial | None:
    """The claim as a trial; None if nobody measured it, or its recipe is not one of the track's."""
    author, median = view.evidence.author, view.evidence.median
    recipe = read_recipe(view, track)
    if recipe is None or (author is None and median is None):
        return None
    effect = median if median is not None or author is None else author.median
    predicted = view.claim.predicted_effect
    return Trial(recipe, effect, view.id, proposer=view.claim.proposer, predicted_effect=predicted)


def _view(track: Track, name: str, trials: Sequence[Trial], confirmed: int) -> ProposerView:
    bound = track.manifest.effect_bound
    effects = [-bound if trial.effect is None else trial.effect for trial in trials]
    (found,) = calibrations(trials, bound) or (None,)
    return ProposerView(
        track=track.name,
        name=name,
        claims=len(trials),
        confirmed=confirmed,
        mean_effect=math.fsum(effects) / len(effects),
        best_effect=max(effects),
        predictions=0 if found is None else found.predictions,
        bias=None if found is None else found.bias,
        error=None if found is None else found.error,
        right_sign=None if found is None else found.right_sign,
        correlation=None if found is None else found.correlation,
    )
