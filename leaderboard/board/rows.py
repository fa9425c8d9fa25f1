"""What people and programs read: one claim in full, one row of a board, and a board with its digest.

The digest covers everything on the common board. Effects are differences, minima and medians of recorded
floats and e-values are ratios of integers rounded once, so every IEEE machine computes the same bytes; no
logarithm or integral takes part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction

from ..codec import ValueMap, encode
from ..evidence.causes import Cause
from ..evidence.pool import Share
from ..evidence.standing import Assessment, Standing
from ..ids import AuthorId, ContentId, RecipeId, TrackId
from ..records import Claim
from .ranking import Margin

__all__ = ["Board", "ClaimView", "FindingView", "Row", "as_float"]

_DIGEST_DOMAIN = b"consilience/board/v1\x00"
_LARGEST = 1e300
"""E-values beyond this are shown as this."""


def as_float(value: Fraction) -> float:
    """An e-value for people: correctly rounded, capped at 1e300."""
    return float(value) if value < _LARGEST else _LARGEST


@dataclass(frozen=True, slots=True)
class FindingView:
    """What authors say about a claim's novelty in one slot, grouped by verdict."""

    label: str
    relation: str
    technique: str | None
    mode: str
    slot: str
    gain: float | None
    strength: str
    paper: str
    symbol: str
    authors: tuple[AuthorId, ...]
    """Distinct authors of this verdict, in order of id."""
    others: int
    """Authors whose verdict on the same slot is a different one."""

    def payload(self) -> ValueMap:
        return {
            "authors": self.authors,
            "gain": self.gain,
            "label": self.label,
            "mode": self.mode,
            "others": self.others,
            "paper": self.paper,
            "relation": self.relation,
            "slot": self.slot,
            "strength": self.strength,
            "symbol": self.symbol,
            "technique": self.technique,
        }


@dataclass(frozen=True, slots=True)
class ClaimView:
    """Everything that is known about one claim."""

    id: ContentId
    author: AuthorId
    track: TrackId
    recipe: RecipeId
    recipe_bytes: int
    time_ms: int
    claim: Claim
    standing: Standing
    reason: str
    margin: Margin | None
    """Against the track's reference; None unless the claim is confirmed."""
    evidence: Assessment
    findings: tuple[FindingView, ...]
    causes: tuple[Cause, ...]
    """What each change of the recipe contributes, where somebody ablated it."""
    bar_level: int
    """The track's bar at this moment: E >= odds * 2^bar_level confirms."""
    odds: int
    delta_min: float

    @property
    def bar(self) -> int:
        """The e-value that confirms at this moment."""
        return self.odds << self.bar_level


@dataclass(frozen=True, slots=True)
class Row:
    """One recipe on a board, under its best supported claim."""

    rank: int | None
    """From 1 for confirmed claims; None for the grey part of the board."""
    tier: int | None
    """Confirmed claims of one tier cannot be told apart by the data."""
    view: ClaimView
    also_claimed: tuple[ContentId, ...]
    """Other claims of the same recipe on this track, the best supported first; at most 64."""

    def payload(self) -> ValueMap:
        view, evidence, margin = self.view, self.view.evidence, self.view.margin
        return {
            "also_claimed": self.also_claimed,
            "author": view.author,
            "causes": [cause.payload() for cause in view.causes],
            "claim": view.id,
            "diverged": evidence.total.diverged,
            "e_value": as_float(evidence.e_value),
            "effect": evidence.median,
            "environments": evidence.environments,
            "findings": [finding.payload() for finding in view.findings],
            "hypothesis": view.claim.hypothesis,
            "interval": evidence.interval,
            "losses": evidence.total.losses,
            "margin": None
            if margin is None
            else {
                "chained": margin.chained,
                "lower": margin.lower,
                "median": margin.median,
                "upper": margin.upper,
            },
            "opponent": view.claim.opponent,
            "outstanding": evidence.outstanding,
            "overdue": evidence.overdue,
            "proposer": view.claim.proposer,
            "rank": self.rank,
            "reason": view.reason,
            "recipe": view.claim.recipe,
            "recipe_id": view.recipe,
            "replicators": [_share_payload(share) for share in evidence.shares],
            "shortfall": evidence.shortfall,
            "standing": view.standing.value,
            "tier": self.tier,
            "ties": evidence.total.ties,
            "time": view.time_ms,
            "wins": evidence.total.wins,
        }


@dataclass(frozen=True, slots=True)
class Board:
    """A track's claims in order: confirmed ones ranked, then the grey part."""

    track: TrackId
    rows: tuple[Row, ...]
    tested: int
    """Claims that count in the false-discovery procedure."""
    bar: int
    """The e-value that confirms at this moment."""
    policy: ValueMap
    viewer: AuthorId | None
    """None for the common board."""
    _digest: list[bytes] = field(default_factory=list, compare=False, repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 over everything on the board; equal sets of records give equal digests."""
        if not self._digest:
            state = hashlib.sha256(_DIGEST_DOMAIN + encode(self._header()))
            for row in self.rows:
                state.update(hashlib.sha256(encode(row.payload())).digest())
            self._digest.append(state.digest())
        return self._digest[0]

    @property
    def leader(self) -> Row | None:
        """The first confirmed row."""
        return self.rows[0] if self.rows and self.rows[0].rank == 1 else None

    def to_payload(self) -> ValueMap:
        """Canonical values (ids as bytes) for interfaces."""
        return {**self._header(), "digest": self.digest, "rows": [row.payload() for row in self.rows]}

    def _header(self) -> ValueMap:
        return {
            "bar": float(self.bar),
            "policy": self.policy,
            "tested": self.tested,
            "track": self.track,
            "viewer": self.viewer,
        }


def _share_payload(share: Share) -> ValueMap:
    return {
        "author": share.author,
        "counts": share.counts,
        "diverged": share.count.diverged,
        "environments": share.environments,
        "losses": share.count.losses,
        "note": share.note,
        "outstanding": share.outstanding,
        "overdue": share.overdue,
        "ties": share.count.ties,
        "weight": share.weight.value,
        "wins": share.count.wins,
    }
