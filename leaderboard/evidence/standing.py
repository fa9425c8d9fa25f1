"""The standing of one claim: what the records about it add up to, under a policy and an electorate.

`assess` is a pure function of the claim's facts. It decides everything except the comparison with other
claims: whether the evidence clears the bar depends on how many claims were tested (leaderboard.evidence.fdr)
and whether the opponent is itself confirmed; both are decided by the board.

Order of verdicts: an author's retraction; then re-runs by distinct peers that contradict the author's
numbers (`refuted`) or find NaN against a number (`unstable`), where one such peer alone is only a dispute
and a liar cannot refute by itself; then reverse evidence (`refuted`: at least two replicators find that the
opponent holds on most seeds, E >= 20); then how far the replication has come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from ..ids import AuthorId, ContentId
from ..manifest import TrackManifest
from .confseq import median, median_interval
from .effects import Count, paired_effects
from .electorate import Weight
from .eprocess import strength
from .facts import ClaimFacts
from .policy import Policy
from .pool import Share, forward_e, reverse_e
from .replay import Check
from .shares import UNCHECKED, Terms, balanced, checks_of, pooled, shares_of, spared

__all__ = ["Assessment", "AuthorSummary", "Standing", "assess"]


class Standing(Enum):
    """Where a claim stands; the order is the order on the board."""

    CONFIRMED = "confirmed"
    REPLICATED = "replicated"
    MEASURED = "measured"
    CLAIMED = "claimed"
    UNSTABLE = "unstable"
    REFUTED = "refuted"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class AuthorSummary:
    """What the author says about its own claim; shown in grey, never ranked."""

    seeds: int
    median: float | None
    diverged: int
    environment: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """One claim's evidence before it is compared with other claims."""

    claim: ContentId
    standing: Standing
    """What it is if it does not clear the bar."""
    reason: str
    author: AuthorSummary | None
    shares: tuple[Share, ...]
    total: Count
    """Seeds of replicators who count, within caps, undelivered ones not included."""
    overdue: int
    outstanding: int
    ordered: tuple[float, ...]
    """Effects against the opponent in ascending order, balanced between replicators: losses by silence at
    the lower bound, ties as 0."""
    spared: tuple[tuple[float, ...], ...]
    """The same without any f replicators, once there are enough of them."""
    median: float | None
    interval: tuple[float, float] | None
    """Anytime-valid 95 % confidence interval of the median effect; None while it is infinite."""
    e_value: Fraction
    reverse_e_value: Fraction
    level: int | None
    """Evidence level for the bar; None while too few replicators delivered."""
    tested: bool
    """Whether this claim counts among those that raise the bar."""
    held: str
    """Why the claim is held back whatever its evidence; empty if it is not."""
    shortfall: tuple[str, ...]
    """What is missing, in words."""
    check: Check
    """How the author's own numbers replayed."""
    environments: tuple[str, ...]

    @property
    def replicators(self) -> int:
        """Distinct replicators whose delivered seeds count."""
        return sum(1 for share in self.shares if share.counts and share.delivered)


@dataclass(frozen=True, slots=True)
class Hearing:
    """All by which one electorate's assessment of the same records can differ from another's."""

    policy: Policy
    viewer: AuthorId | None
    """Whose board it is, if it has run any of the claim itself or made it; others are the same bystander."""
    bystander: bool
    weights: tuple[Weight, ...]
    """Of everyone who accepted, in order of the accepts."""
    overdue: tuple[bool, ...]
    """Of the accepts without delivery, in the same order."""


def assess(facts: ClaimFacts, terms: Terms) -> Assessment:
    """What the records about one claim add up to; the claim itself must be among the facts."""
    hearing = _hearing(facts, terms)
    found = facts.assessed.get(hearing)
    if found is None:
        found = facts.assessed[hearing] = _assess(facts, terms)
    return found


def _hearing(facts: ClaimFacts, terms: Terms) -> Hearing:
    viewer, promised = terms.electorate.viewer, facts.commitments.values()
    takes_part = viewer == facts.author or any(item.author == viewer for item in promised)
    return Hearing(
        terms.policy,
        viewer if takes_part else None,
        viewer is not None and not takes_part,
        tuple(terms.electorate.weight(item.author, facts.id) for item in promised),
        tuple(terms.electorate.overdue(item) for item in promised if item.id not in facts.deliveries),
    )


def _assess(facts: ClaimFacts, terms: Terms) -> Assessment:
    policy = terms.policy
    checks = checks_of(facts, terms)
    own_check = checks.get(facts.author, Check()) if facts.author is not None else Check()
    shares, values = shares_of(facts, terms, checks)
    heard = [share for share in shares if share.counts]
    values = balanced(values)
    ordered = pooled(values.values())
    forward, reverse = forward_e(heard, policy), reverse_e(heard, policy)
    deliverers = sum(1 for share in heard if share.delivered)
    standing, reason = _verdict(facts, terms, own_check, deliverers, reverse)
    return Assessment(
        claim=facts.id,
        standing=standing,
        reason=reason,
        author=_author_summary(facts, terms.manifest),
        shares=shares,
        total=sum((share.count for share in heard), Count()),
        overdue=sum(share.overdue for share in heard),
        outstanding=sum(share.outstanding for share in heard),
        ordered=ordered,
        spared=spared(values, heard, policy),
        median=median(ordered),
        interval=median_interval(ordered, policy.odds),
        e_value=forward,
        reverse_e_value=reverse,
        level=strength(forward, policy.odds) if deliverers >= policy.least_replicators else None,
        tested=any(_tests(share) for share in heard),
        held=_held(facts, heard, checks, terms.electorate.viewer),
        shortfall=_shortfall(deliverers, policy),
        check=own_check,
        environments=tuple(sorted({name for share in heard for name in share.environments})),
    )


def _held(
    facts: ClaimFacts, heard: Sequence[Share], checks: Mapping[AuthorId, Check], viewer: AuthorId | None
) -> str:
    """Why "my board" does not believe the claim yet; empty if it may, and on the common board.

    Nothing is confirmed for a viewer who has not run any of it at all, or by whom less than a third of the
    evidence is borne out: its own seeds, and those of replicators of whom it ran a seed of this very claim
    again. One honest re-run of one seed exposes numbers that were made up, and whoever made them up cannot
    know on whom the viewer's coin falls: a coalition of peers the viewer trusts carries a claim only if all
    of those on whom it fell told the truth. It costs two runs a seed, and only claims that would be confirmed
    otherwise need it. A third is a guess: a half, with audits in every round of the drill rather than in
    every other, confirmed nothing false either and brought one simulated swarm to a stand; the two were not
    tried apart.
    """
    if viewer is None or viewer == facts.author:
        return ""
    own = sum(share.delivered for share in heard if share.author == viewer)
    published = UNCHECKED if facts.author is None else checks.get(facts.author, UNCHECKED)
    if own < _OWN_SEEDS and viewer not in published.supporters:
        return "you have not run any of it yourself"
    delivered = sum(share.delivered for share in heard)
    borne_out = own + sum(
        share.delivered for share in heard if viewer in checks.get(share.author, UNCHECKED).supporters
    )
    if 3 * borne_out < delivered:
        return "you have run again no seed of those from whom two thirds of the evidence come"
    return ""


_OWN_SEEDS = 4
"""Own seeds that make a check where the author's numbers cannot be replayed. A guess."""


def _tests(share: Share) -> bool:
    """A commitment tests a claim if it was kept, or if its maker is known to keep them."""
    return bool(share.delivered or share.overdue) or share.weight is Weight.KNOWN


def _verdict(
    facts: ClaimFacts, terms: Terms, check: Check, deliverers: int, reverse: Fraction
) -> tuple[Standing, str]:
    policy, viewer = terms.policy, terms.electorate.viewer
    if check.contradicted(policy.second_opinion, viewer):
        return Standing.REFUTED, "author's numbers do not replay"
    if check.shaky(policy.second_opinion, viewer):
        return Standing.UNSTABLE, "runs that gave numbers to the author diverge elsewhere"
    if deliverers >= policy.least_replicators and reverse >= policy.odds:
        return Standing.REFUTED, "its opponent holds on most seeds of the replicators"
    disputed = "; a peer could not replay the author's numbers" if check.mismatched else ""
    if deliverers:
        return Standing.REPLICATED, f"{deliverers} replicator{'s' if deliverers > 1 else ''}{disputed}"
    if facts.measured:
        seeds = len(facts.measured[0].seeds)
        early = "; its author stopped early" if seeds < terms.manifest.author_seeds else ""
        return Standing.MEASURED, f"measured by its author alone on {seeds} seeds{early}"
    return Standing.CLAIMED, "no measurement yet"


def _shortfall(deliverers: int, policy: Policy) -> tuple[str, ...]:
    missing: list[str] = []
    if deliverers < policy.least_replicators:
        missing.append(f"{deliverers} of at least {policy.least_replicators} replicators")
    if deliverers < policy.removal_from:
        missing.append(f"rests on every single replicator (needs {policy.removal_from} to spare one)")
    return tuple(missing)


def _author_summary(facts: ClaimFacts, manifest: TrackManifest) -> AuthorSummary | None:
    if not facts.measured:
        return None
    own = facts.measured[0]
    effects = paired_effects(own, manifest, len(own.seeds))
    return AuthorSummary(
        seeds=len(own.seeds),
        median=median(sorted(0.0 if effect is None else effect for effect in effects)),
        diverged=sum(value is None for value in own.candidate),
        environment=own.environment,
    )
