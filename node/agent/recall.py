"""What the novelty checker is told about trials of the swarm, and what it makes of that.

A recipe can be written in many ways and do one thing. Its id tells apart the texts; the checker's fingerprint
of what the slots do tells apart the deeds. So an idea that is new as a text may be an old trial: if that
trial, by anybody, gained nothing beyond its noise, running it again is a waste. One that gained something is
no reason to stop: it is refined, or replicated as itself.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from experiments.track import Track
from leaderboard.board.rows import ClaimView, Row
from leaderboard.ids import AuthorId, ContentId, TrackId, short
from leaderboard.records import Profile
from leaderboard.standings import Standings

from .briefing import MOST_ROWS, read_recipe

__all__ = ["MOST_TOLD", "Recall"]

MOST_TOLD = 1_000
"""Rows of the board that are told at first: the ranked ones, then the newest. Afterwards those are looked at
again that a briefing reads, and twice this many trials are kept."""
_EFFECT_STEP = 1e-6  # effects are told in multiples of this, so that a repeated look tells nothing anew


class Recall:
    """What was told of each track's trials, so that a question costs what has changed since the last one."""

    def __init__(self) -> None:
        self._told: dict[TrackId, OrderedDict[ContentId, _Told]] = {}

    def trials(self, track: Track, standings: Standings) -> list[Mapping[str, object]]:
        """The measured claims of a track without programs, as `Memory.learn` of the checker wants them."""
        here = track.id
        told = self._told.setdefault(here, OrderedDict())
        for row in standings.first(here, MOST_ROWS if told else MOST_TOLD):
            before = told.get(row.view.id)
            if before is None or before.view is not row.view:
                trial = _trial(row, track, standings.profile(row.view.author))
                told[row.view.id] = _Told(row.view, trial)
        while len(told) > 2 * MOST_TOLD:
            told.popitem(last=False)
        return [item.trial for item in told.values() if item.trial is not None]

    def dead_end(
        self, track: TrackId, answer: Mapping[str, object], standings: Standings
    ) -> tuple[str, ClaimView] | None:
        """A trial that did exactly the same and gained nothing beyond its noise, in words, and its claim."""
        useless = {str(item.get("run")): item for item in _maps(answer.get("memory")) if _is_useless(item)}
        if not useless:
            return None
        for claim in self._told.get(track, ()):
            if short(claim) in useless:
                return str(useless[short(claim)].get("words"))[:400], standings.claim(claim)
        return None


@dataclass(frozen=True, slots=True)
class _Told:
    """A claim as it was when it was told, and what was said of it; None if there was nothing to say."""

    view: ClaimView
    trial: Mapping[str, object] | None


def _is_useless(item: Mapping[str, object]) -> bool:
    """Whether a trial that the checker remembers did the same and gained nothing beyond its noise."""
    effect, noise = item.get("effect"), item.get("noise")
    measured = isinstance(effect, float) and isinstance(noise, float) and effect <= 2.0 * noise
    return measured and item.get("distance") == 0


def _trial(row: Row, track: Track, profile: Profile | None) -> dict[str, object] | None:
    view = row.view
    effect, noise = _measured(view)
    recipe = read_recipe(view, track)
    if effect is None or recipe is None or recipe.program is not None:
        return None
    return {
        "track": track.name,
        "run": short(view.id),
        "peer": _name(view.author, profile),
        "effect": round(effect / _EFFECT_STEP) * _EFFECT_STEP,
        "noise": round(noise / _EFFECT_STEP) * _EFFECT_STEP,
        "expressions": dict(recipe.slots),
        "settings": dict(recipe.settings),
    }


def _measured(view: ClaimView) -> tuple[float | None, float]:
    """(effect, its standard error): by others' seeds where there are any, else by the author's own.

    An author's summary says no spread; it counts as exact, and so a positive one never makes a dead end.
    """
    ordered = view.evidence.ordered
    if view.evidence.median is not None:
        return view.evidence.median, _error_of_median(ordered)
    author = view.evidence.author
    return (None if author is None else author.median), 0.0


def _error_of_median(ordered: Sequence[float]) -> float:
    """From the middle half of the effects: 1.2533 * sigma / sqrt(n), sigma = quartile range / 1.349."""
    count = len(ordered)
    if count < 4:  # no quartiles: the whole range is all there is to say
        return (ordered[-1] - ordered[0]) / 2.0 if ordered else 0.0
    spread = ordered[(3 * count) // 4] - ordered[count // 4]
    return 1.2533 * spread / 1.349 / math.sqrt(count)


def _name(author: AuthorId, profile: Profile | None) -> str:
    return profile.name[:64] if profile is not None and profile.name else short(author)


def _maps(value: object) -> Iterable[Mapping[str, object]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()
