"""What each change of a recipe contributes, from everybody's ablations of a claim.

Only measurements on the derived seeds of the record's author count, one record per author (of several, the
one with the smallest id), and not those of equivocators. Values of one change are pooled over authors, as
many of each as at least half of them have, so that nobody decides by the number of its seeds; the interval
is the confidence sequence of the median (leaderboard.evidence.confseq). An effect whose interval includes 0
is not shown to matter; a negative one says that the recipe is better without that change.

An ablation explains a claim and never ranks it, and nobody replays it: whoever invents one misleads only
those who read it, and the number of its authors is shown with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..ablation import Ablation
from ..codec import ValueMap
from ..ids import AuthorId, ContentId
from ..manifest import TrackManifest
from .confseq import median, median_interval
from .effects import paired_effects
from .facts import ClaimFacts
from .seeds import author_seeds

__all__ = ["Cause", "causes_of"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One change and what the recipe loses without it, in units of the metric."""

    name: str
    effect: float
    """Median over seeds of the gain due to this change."""
    interval: tuple[float, float] | None
    """Anytime-valid confidence interval; None while it is infinite (below 7 seeds)."""
    seeds: int
    authors: int

    def payload(self) -> ValueMap:
        return {
            "authors": self.authors,
            "effect": self.effect,
            "interval": self.interval,
            "name": self.name,
            "seeds": self.seeds,
        }

    @property
    def text(self) -> str:
        """In words, for people and for an agent's memory."""
        lost = f"Without its {self.name} it loses {self.effect:.4g} (median of {self.seeds} seeds"
        if self.authors > 1:
            lost += f" of {self.authors} nodes"
        if self.interval is None:
            return f"{lost}; too few for an interval)."
        low, high = self.interval
        doubt = " It may not matter." if low <= 0.0 <= high else ""
        return f"{lost}, between {low:.4g} and {high:.4g} with 95 % confidence).{doubt}"


def causes_of(
    facts: ClaimFacts, manifest: TrackManifest, odds: int, silent: Callable[[AuthorId, ContentId], bool]
) -> tuple[Cause, ...]:
    """Every ablated change of a claim, the greatest effect first."""
    values: dict[str, list[list[float]]] = {}
    heard: set[AuthorId] = set()
    for key in sorted(facts.ablations):
        author, ablation = facts.ablations[key]
        if author in heard or silent(author, key) or not _on_own_seeds(author, ablation, manifest):
            continue
        heard.add(author)
        for change in ablation.changes:
            effects = paired_effects(change.measurement, manifest, len(change.measurement.seeds))
            values.setdefault(change.name, []).append([0.0 if e is None else e for e in effects])
    causes = [_cause(name, found, odds) for name, found in values.items()]
    return tuple(sorted(causes, key=lambda cause: (-cause.effect, cause.name)))


def _cause(name: str, by_author: list[list[float]], odds: int) -> Cause:
    most = sorted(map(len, by_author))[(len(by_author) - 1) // 2]
    ordered = sorted(value for values in by_author for value in values[:most])
    middle = median(ordered)
    assert middle is not None
    return Cause(name, middle, median_interval(ordered, odds), len(ordered), len(by_author))


def _on_own_seeds(author: AuthorId, ablation: Ablation, manifest: TrackManifest) -> bool:
    return all(
        bool(seeds := change.measurement.seeds) and seeds == author_seeds(manifest.id, author, len(seeds))
        for change in ablation.changes
    )
