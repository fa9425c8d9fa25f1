"""What each proposer's ideas were worth, and how well it predicted them.

This node's own ideas count, all that the notebook remembers, and those of the swarm that stand first on the
board (the ranked ones and the newest): how a model predicts does not depend on who asked it. An effect is
others' measurement where there is one and the author's own otherwise, so a figure is as good as the claims
behind it, and a node that invents results can make any proposer look good that it names.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.search.calibration import calibrate
from experiments.track import Track
from leaderboard.board.rows import ClaimView
from leaderboard.evidence.standing import Standing
from leaderboard.standings import Standings

from ..api.values import ProposerView
from ..notebook_entries import Attempt, Outcome
from .briefing import MOST_ROWS, read_recipe

__all__ = ["proposer_views"]


@dataclass(frozen=True, slots=True)
class _Measured:
    """What came of one idea."""

    proposer: str
    predicted: float | None
    effect: float | None
    """None if it diverged."""
    confirmed: bool


def proposer_views(
    track: Track, standings: Standings, attempts: Iterable[Attempt] = ()
) -> list[ProposerView]:
    """A line for each proposer with a measured claim on the track, by name; `attempts` are the notebook's."""
    if track.id not in standings.tracks():
        return []
    views = [row.view for row in standings.first(track.id, MOST_ROWS)]
    shown = {view.id for view in views}
    found: dict[str, list[_Measured]] = defaultdict(list)
    for measured in (
        *(_of_claim(view, track) for view in views),
        *(_of_attempt(attempt) for attempt in attempts if attempt.claim not in shown),
    ):
        if measured is not None:
            found[measured.proposer].append(measured)
    return [_view(track, name, found[name]) for name in sorted(found)]


def _of_claim(view: ClaimView, track: Track) -> _Measured | None:
    """None if nobody measured it, or its recipe is not one of the track's."""
    author, median = view.evidence.author, view.evidence.median
    if (author is None and median is None) or read_recipe(view, track) is None:
        return None
    effect = median if median is not None or author is None else author.median
    claim = view.claim
    return _Measured(claim.proposer, claim.predicted_effect, effect, view.standing is Standing.CONFIRMED)


def _of_attempt(attempt: Attempt) -> _Measured | None:
    if attempt.outcome is not Outcome.MEASURED:
        return None
    confirmed = attempt.standing == Standing.CONFIRMED.value
    return _Measured(attempt.proposer, attempt.predicted, attempt.effect, confirmed)


def _view(track: Track, name: str, measured: Sequence[_Measured]) -> ProposerView:
    bound = track.manifest.effect_bound
    effects = [-bound if item.effect is None else item.effect for item in measured]
    (found,) = calibrate(((name, item.predicted, item.effect) for item in measured), bound) or (None,)
    return ProposerView(
        track=track.name,
        name=name,
        claims=len(measured),
        confirmed=sum(item.confirmed for item in measured),
        mean_effect=math.fsum(effects) / len(effects),
        best_effect=max(effects),
        predictions=0 if found is None else found.predictions,
        bias=None if found is None else found.bias,
        error=None if found is None else found.error,
        right_sign=None if found is None else found.right_sign,
        correlation=None if found is None else found.correlation,
    )
