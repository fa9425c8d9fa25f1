"""From paired runs to effects: which way the track improves, clipping, divergence, wins and losses.

Positive is better. A candidate that diverged where its opponent did not has lost by the track's
effect_bound, and the other way round has won by it; where both diverged the seed is a tie. Nothing is
dropped: the share of diverged runs is shown beside every effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..manifest import TrackManifest
from ..measurement import Measurement

__all__ = ["Count", "count", "paired_effects"]


@dataclass(frozen=True, slots=True)
class Count:
    """Seeds won, lost and tied, with how many candidate runs diverged among them."""

    wins: int = 0
    losses: int = 0
    ties: int = 0
    diverged: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.wins + other.wins,
            self.losses + other.losses,
            self.ties + other.ties,
            self.diverged + other.diverged,
        )

    def reversed(self) -> Count:
        """The same seeds from the opponent's side."""
        return Count(self.losses, self.wins, self.ties, self.diverged)


def paired_effects(measurement: Measurement, manifest: TrackManifest, most: int) -> tuple[float | None, ...]:
    """Clipped effect per seed in units of the metric, for the first `most` seeds; None is a tie."""
    pairs = zip(measurement.candidate[:most], measurement.opponent[:most], strict=True)
    bound, least = manifest.effect_bound, manifest.direction == "min"
    return tuple([_effect(candidate, opponent, bound, least) for candidate, opponent in pairs])


def _effect(candidate: float | None, opponent: float | None, bound: float, least: bool) -> float | None:
    """Effect of one seed; `least` says that a smaller value is better."""
    if candidate is None:
        return None if opponent is None else -bound
    if opponent is None:
        return bound
    gain = opponent - candidate if least else candidate - opponent
    return -bound if gain < -bound else bound if gain > bound else gain


def count(effects: Iterable[float | None], delta_min: float, diverged: int = 0) -> Count:
    """Wins are effects above `delta_min`; everything else that is not a tie is a loss."""
    wins = losses = ties = 0
    for effect in effects:
        if effect is None:
            ties += 1
        elif effect > delta_min:
            wins += 1
        else:
            losses += 1
    return Count(wins, losses, ties, diverged)
