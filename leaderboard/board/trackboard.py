"""One track under one electorate: assessments, the bar, margins chained through opponents, and the order.

`refresh` takes the claims whose facts changed and does work in proportion to what follows from them: the
bar moves only at doublings, margins propagate to claims made against a changed opponent, and the ranking
keeps the tiers that were not touched.

A claim is confirmed if its evidence clears the bar and its opponent is the reference or itself confirmed by
evidence: otherwise anybody could claim a poor recipe and beat it. The opponent's evidence counts whatever
became of its author: a retraction or an author's lie about its own numbers must not unseat the descendants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..evidence.confseq import lower_bound
from ..evidence.electorate import Electorate
from ..evidence.facts import ClaimFacts
from ..evidence.fdr import bar_level
from ..evidence.policy import Policy
from ..evidence.pool import spare
from ..evidence.standing import Assessment, Standing, Terms, assess
from ..ids import AuthorId, ContentId, RecipeId
from ..manifest import TrackManifest
from .ranking import Margin, Placed, Ranking

__all__ = ["TrackBoard", "Verdict"]

_REFERENCE = Margin(0.0, 0.0, 0.0, chained=False)
_UNRANKED = (Standing.REFUTED, Standing.UNSTABLE, Standing.RETRACTED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim's standing after the comparison with all others."""

    standing: Standing
    reason: str
    margin: Margin | None


class TrackBoard:
    """The state behind one board; identical for any order in which facts changed."""

    def __init__(self, manifest: TrackManifest, policy: Policy, electorate: Electorate) -> None:
        self.manifest = manifest
        self.policy = policy
        self.bar_level = 0
        self.tested = 0
        self.ranking = Ranking(manifest.effect_bound / policy.tie_parts)
        self.assessments: dict[ContentId, Assessment] = {}
        self.recipes: dict[RecipeId, set[ContentId]] = {}
        self._terms = Terms(manifest, policy, electorate)
        self._levels: Counter[int] = Counter()
        self._facts: dict[ContentId, ClaimFacts] = {}
        self._children: dict[ContentId, list[ContentId]] = {}
        self._authors: dict[AuthorId, list[ContentId]] = {}
        self._margins: dict[ContentId, Margin] = {}
        self._shown: dict[RecipeId, ContentId] = {}

    def refresh(self, changed: Iterable[ContentId], facts: Mapping[ContentId, ClaimFacts]) -> set[ContentId]:
        """Bring the board up to date with claims (of this track) whose facts changed.

        Returns every claim whose verdict may have changed.
        """
        stale = list(changed)
        for claim in stale:
            self._reassess(facts[claim])
        level = bar_level(self.tested, self._levels)
        if level != self.bar_level:
            self.bar_level = level
            stale.extend(claim for claim, found in self.assessments.items() if found.level is not None)
        moved = self._remargin(stale).union(stale)
        for recipe in {self._recipe(claim) for claim in moved}:
            self._place(recipe)
        return moved

    def verdict(self, claim: ContentId) -> Verdict:
        """How the claim stands; it must have been refreshed."""
        found, margin = self.assessments[claim], self._margins.get(claim)
        if self._facts[claim].retracted:
            return Verdict(Standing.RETRACTED, "taken back by its author", None)
        if margin is not None and found.standing not in _UNRANKED:
            return Verdict(Standing.CONFIRMED, self._confirmed_reason(found), margin)
        if found.standing is Standing.REPLICATED:
            return Verdict(found.standing, self._pending_reason(found), None)
        return Verdict(found.standing, found.reason, None)

    def shown_claim(self, recipe: RecipeId) -> ContentId:
        """The best supported claim of a recipe."""
        return self._shown[recipe]

    def held_back(self) -> list[ContentId]:
        """Claims whose evidence clears the bar and which wait for a run by the viewer; best effects first."""
        held = [
            (-(found.median or 0.0), claim)
            for claim, found in self.assessments.items()
            if found.held and found.level is not None and found.level >= self.bar_level
            if self.verdict(claim).standing is Standing.REPLICATED
        ]
        return [claim for _, claim in sorted(held)]

    def base(self, claim: ContentId) -> Margin | None:
        """Margin of the claim's opponent over the reference; None if that is not confirmed."""
        record = self._facts[claim].claim
        assert record is not None
        return _REFERENCE if record.opponent is None else self._margins.get(record.opponent)

    def own_best(self, author: AuthorId, apart_from: ContentId) -> float | None:
        """The best margin that an author measured itself, over its other claims."""
        totals: list[float] = []
        for claim in self._authors.get(author, ()):
            summary, base = self.assessments[claim].author, self.base(claim)
            if claim != apart_from and base is not None and summary is not None:
                totals.append(base.median + (summary.median or 0.0))
        return max(totals, default=None)

    def is_decided(self, recipe: RecipeId, apart_from: ContentId) -> bool:
        """Whether another claim of the recipe is confirmed or refuted."""
        others = self.recipes[recipe] - {apart_from}
        return any(self.verdict(claim).standing in _DECIDED for claim in others)

    def _recipe(self, claim: ContentId) -> RecipeId:
        recipe = self._facts[claim].recipe
        assert recipe is not None
        return recipe

    def _reassess(self, facts: ClaimFacts) -> None:
        before = self.assessments.get(facts.id)
        if before is None:
            self._enter(facts)
        else:
            self._account(before, -1)
        self.assessments[facts.id] = after = assess(facts, self._terms)
        self._account(after, 1)

    def _enter(self, facts: ClaimFacts) -> None:
        self._facts[facts.id] = facts
        self.recipes.setdefault(self._recipe(facts.id), set()).add(facts.id)
        assert facts.claim is not None
        assert facts.author is not None
        self._authors.setdefault(facts.author, []).append(facts.id)
        if facts.claim.opponent is not None:
            self._children.setdefault(facts.claim.opponent, []).append(facts.id)

    def _account(self, assessment: Assessment, sign: int) -> None:
        self.tested += sign * assessment.tested
        if assessment.level is not None and not assessment.held:
            self._levels[assessment.level] += sign
            if not self._levels[assessment.level]:
                del self._levels[assessment.level]

    def _remargin(self, stale: Iterable[ContentId]) -> set[ContentId]:
        """Recompute margins of `stale` claims and of whatever was measured against one that changed."""
        changed: set[ContentId] = set()
        queue = list(stale)
        while queue:
            claim = queue.pop()
            before, after = self._margins.get(claim), self._margin(claim)
            if before == after:
                continue
            changed.add(claim)
            if after is None:
                del self._margins[claim]
            else:
                self._margins[claim] = after
            queue.extend(self._children.get(claim, ()))
        return changed

    def _margin(self, claim: ContentId) -> Margin | None:
        found = self.assessments.get(claim)
        if found is None or found.held or found.level is None or found.level < self.bar_level:
            return None
        record = self._facts[claim].claim
        assert record is not None
        base = self.base(claim)
        if base is None or found.median is None:
            return None
        bound = self.manifest.effect_bound
        lower = self._lower(found)
        upper = bound if found.interval is None else found.interval[1]
        return Margin(
            lower=base.lower + lower,
            median=base.median + found.median,
            upper=base.upper + upper,
            chained=record.opponent is not None,
        )

    def _lower(self, found: Assessment) -> float:
        """Selection-corrected lower bound of the median effect, whichever f replicators are left out."""
        odds = self.policy.odds << self.bar_level
        bounds = [lower_bound(ordered, odds) for ordered in found.spared or (found.ordered,)]
        return min(-self.manifest.effect_bound if bound is None else bound for bound in bounds)

    def _place(self, recipe: RecipeId) -> None:
        """Choose the claim under which a recipe is shown and enter it into the ranking."""
        claims = self.recipes[recipe]
        best = min(claims, key=self._support)
        self._shown[recipe] = best
        for claim in claims:
            margin = self._margins.get(claim)
            if claim == best and margin is not None and self._ranked(claim):
                self.ranking.put(Placed(claim, margin, self._facts[claim].recipe_bytes))
            else:
                self.ranking.remove(claim)

    def _ranked(self, claim: ContentId) -> bool:
        return self.verdict(claim).standing is Standing.CONFIRMED

    def _support(self, claim: ContentId) -> tuple[int, float, Fraction, ContentId]:
        """Sort key: standing, then what is certain, then the evidence, then id."""
        verdict = self.verdict(claim)
        lower = 0.0 if verdict.margin is None else -verdict.margin.lower
        return (_ORDER[verdict.standing], lower, -self.assessments[claim].e_value, claim)

    def _confirmed_reason(self, found: Assessment) -> str:
        spared = spare(found.replicators, self.policy)
        any_of = "any one" if spared == 1 else f"any {spared}"
        tail = f" and survives the removal of {any_of}" if spared else ""
        return f"confirmed by {found.replicators} replicators{tail}"

    def _pending_reason(self, found: Assessment) -> str:
        if found.level is None:
            return f"{found.reason}: {'; '.join(found.shortfall)}"
        if found.held:
            return f"{found.reason}: {found.held}"
        if found.level < self.bar_level:
            return f"{found.reason}: the evidence is below the bar of {self.policy.odds << self.bar_level}"
        return f"{found.reason}: it beat an opponent that is not confirmed itself"


_DECIDED = (Standing.CONFIRMED, Standing.REFUTED)
_ORDER = {standing: index for index, standing in enumerate(Standing)}
