"""What each replicator contributes to a claim: its accepts, what came of them, and the effects that it found.

Seeds count within the policy's cap, in the order in which they were committed to. What was accepted and not
delivered counts against the claim if it is overdue, and is still open otherwise. A replicator whose weight or
whose numbers do not count is listed with the reason, and its effects are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from ..ids import AuthorId, ContentId
from ..manifest import TrackManifest
from .effects import count, paired_effects
from .electorate import Electorate, Weight
from .facts import ClaimFacts, Commitment, Delivery
from .policy import Policy
from .pool import Share, removals
from .replay import Check, cross_check

__all__ = ["UNCHECKED", "Terms", "balanced", "checks_of", "pooled", "shares_of", "spared"]

UNCHECKED = Check()
"""Of a publisher none of whose numbers anybody ran again."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which contest, policy and electorate a claim is judged."""

    manifest: TrackManifest
    policy: Policy
    electorate: Electorate


def checks_of(facts: ClaimFacts, terms: Terms) -> Mapping[AuthorId, Check]:
    """How the numbers of everybody who published some on the claim replayed with those who are heard."""
    if not facts.replications:
        return {}
    silent = {
        promised.author
        for promised in facts.commitments.values()
        if not terms.electorate.weight(promised.author, facts.id).counts
    }
    return cross_check(facts, terms.manifest.tolerance, silent)


def shares_of(
    facts: ClaimFacts, terms: Terms, checks: Mapping[AuthorId, Check]
) -> tuple[tuple[Share, ...], dict[AuthorId, list[float]]]:
    """One share per replicator in order of id, and the effects by replicator that counts."""
    by_author: dict[AuthorId, list[Commitment]] = {}
    for promised in facts.commitments.values():
        if promised.author != facts.author:
            by_author.setdefault(promised.author, []).append(promised)
    shares: list[Share] = []
    values: dict[AuthorId, list[float]] = {}
    for author in sorted(by_author):
        weight = terms.electorate.weight(author, facts.id)
        check = checks.get(author, UNCHECKED)
        wrong = check.contradicted(terms.policy.second_opinion, terms.electorate.viewer)
        note = "its numbers do not replay" if wrong else "" if weight.counts else weight.value
        tally = _tally(by_author[author], facts.deliveries, terms)
        share = tally.share(author, weight, note, terms.manifest.delta_min)
        shares.append(share)
        if share.counts:
            delivered = [0.0 if effect is None else effect for effect in tally.effects]
            values[author] = [-terms.manifest.effect_bound] * tally.overdue + delivered
    return tuple(shares), values


def balanced(values: Mapping[AuthorId, list[float]]) -> dict[AuthorId, list[float]]:
    """As many effects of each replicator as at least half of them have (their lower median).

    The e-value is robust to any one replicator's sign; this keeps any one from deciding the size of the
    effect by delivering four times the seeds of the others.
    """
    lengths = sorted(len(effects) for effects in values.values() if effects)
    most = lengths[(len(lengths) - 1) // 2] if lengths else 0
    return {author: effects[:most] for author, effects in values.items()}


def pooled(values: Iterable[list[float]]) -> tuple[float, ...]:
    """All effects in ascending order."""
    return tuple(sorted(chain.from_iterable(values)))


def spared(
    values: Mapping[AuthorId, list[float]], heard: Iterable[Share], policy: Policy
) -> tuple[tuple[float, ...], ...]:
    """Pooled effects without each f deliverers in turn, as leaderboard.evidence.pool removes them."""
    return tuple(
        pooled(effects for author, effects in values.items() if author not in left_out)
        for left_out in removals(heard, policy)
    )


@dataclass(slots=True)
class _Tally:
    """What one replicator's accepts of one claim led to."""

    effects: list[float | None] = field(default_factory=list)
    environments: set[str] = field(default_factory=set)
    diverged: int = 0
    overdue: int = 0
    outstanding: int = 0

    def share(self, author: AuthorId, weight: Weight, note: str, delta_min: float) -> Share:
        counted = count(self.effects, delta_min, self.diverged)
        places = tuple(sorted(self.environments))
        return Share(author, weight, counted, self.overdue, self.outstanding, places, note)


def _tally(
    commitments: Iterable[Commitment], deliveries: Mapping[ContentId, Delivery], terms: Terms
) -> _Tally:
    tally = _Tally()
    room = terms.policy.replicator_cap
    for promised in sorted(commitments, key=lambda item: item.order):
        seeds = min(room, promised.accept.seeds)
        room -= seeds
        delivery = deliveries.get(promised.id)
        if delivery is not None:
            delivered = paired_effects(delivery.own, terms.manifest, seeds)
            tally.effects.extend(delivered)
            tally.overdue += seeds - len(delivered)
            tally.diverged += sum(value is None for value in delivery.own.candidate[:seeds])
            tally.environments.add(delivery.own.environment)
        elif terms.electorate.overdue(promised):
            tally.overdue += seeds
        else:
            tally.outstanding += seeds
    return tally
