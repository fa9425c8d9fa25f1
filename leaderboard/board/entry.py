"""What is remembered about a claim between two looks at its records, in some 150 bytes.

A `Card` says what the claim is and is the same for everybody; an `Entry` is what one electorate makes of it
on one board: all that is needed to move the bar, chain margins, rank and count without its records. Entries
are written by `TrackBoard` alone, whenever the claim's records or the conduct of those who wrote them
changed, so they are at any time what a look at all records would find.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ..evidence.confseq import lower_bound
from ..evidence.eprocess import strength
from ..evidence.policy import Policy
from ..evidence.standing import Assessment, Standing
from ..ids import AuthorId, ContentId, RecipeId, TrackId
from ..manifest import TrackManifest
from ..tables import ordered, packed
from .ranking import Margin

__all__ = ["CARD", "ENTRY", "Card", "Entry", "downwards", "entry_of", "order_of"]

_MOST_LEVELS = 40
"""Doublings of the number of tested claims that a bar can have gone through."""


@dataclass(frozen=True, slots=True)
class Card:
    """A claim's own record in brief."""

    track: TrackId
    author: AuthorId
    recipe: RecipeId
    recipe_bytes: int
    opponent: ContentId | None
    time_ms: int


CARD = packed(
    lambda card: (
        card.track, card.author, card.recipe, card.recipe_bytes, card.opponent, card.time_ms
    ),
    Card,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A claim on one board."""

    standing: Standing
    """What it is if it does not clear the bar, as in its assessment."""
    retracted: bool
    tested: bool
    level: int | None
    """Evidence level for the bar; None while it is too little for any."""
    held: bool
    median: float | None
    upper: float
    lowers: tuple[float, ...]
    """Selection-corrected lower bounds of the effect while the bar is at level 0, 1, ... up to `level`."""
    evidence: bytes
    """The e-value as bytes that sort downwards (see `downwards`)."""
    own_median: float | None
    """The author's own measurement; None if there is none."""
    voices: bytes
    """Hash of the findings and ablations that speak about it; empty if none does."""
    margin: Margin | None = None
    """Over the track's reference, while its evidence clears the bar and its opponent's does."""
    personal: float | None = None
    """What its author measured, over the reference; None while its opponent is not confirmed."""
    support: bytes = b""
    """How well it is supported among the claims of its recipe: the least comes first; empty at first."""
    ranked: bool = False
    listed: Standing | None = None
    """Its place among the rows without rank; None if it has none."""

    @property
    def verdict(self) -> Standing:
        """How the claim stands after the comparison with all others."""
        if self.retracted:
            return Standing.RETRACTED
        if self.margin is not None and self.standing not in _UNRANKED:
            return Standing.CONFIRMED
        return self.standing

    def placed_like(self, other: Entry) -> Entry:
        """With everything that follows from other claims as in `other`."""
        return replace(
            self,
            margin=other.margin,
            personal=other.personal,
            support=other.support,
            ranked=other.ranked,
            listed=other.listed,
        )

    @property
    def rank(self) -> bytes:
        """What `support` should be: standing, then what is certain, then the evidence."""
        is_confirmed = self.verdict is Standing.CONFIRMED and self.margin is not None
        lower = self.margin.lower if is_confirmed and self.margin is not None else 0.0
        return order_of(self.verdict) + ordered(-lower) + self.evidence

    @property
    def essence(self) -> bytes:
        """What a digest of the board covers: everything but what follows from the other claims alone."""
        return hashlib.sha256(
            _write(replace(self, personal=None, support=b"", ranked=False, listed=None))
        ).digest()


_UNRANKED = (Standing.REFUTED, Standing.UNSTABLE, Standing.RETRACTED)


def entry_of(
    found: Assessment, manifest: TrackManifest, policy: Policy, *, retracted: bool, voices: bytes
) -> Entry:
    """What to remember of an assessment; how it compares with others is for the board to fill in."""
    own = found.author
    level = None if found.level is None or found.level < 0 or found.median is None else found.level
    most = -1 if level is None else min(level, _MOST_LEVELS)
    return Entry(
        standing=found.standing,
        retracted=retracted,
        tested=found.tested,
        level=level,
        held=bool(found.held),
        median=found.median,
        upper=manifest.effect_bound if found.interval is None else found.interval[1],
        lowers=tuple(_lower(found, policy.odds << level, manifest) for level in range(most + 1)),
        evidence=downwards(found.e_value),
        own_median=None if own is None else own.median or 0.0,
        voices=voices,
    )


def _lower(found: Assessment, odds: int, manifest: TrackManifest) -> float:
    """Selection-corrected lower bound of the median effect, whichever f replicators are left out."""
    bounds = [lower_bound(ordered, odds) for ordered in found.spared or (found.ordered,)]
    return min(-manifest.effect_bound if bound is None else bound for bound in bounds)


def order_of(standing: Standing) -> bytes:
    """The place of a standing on the board, as the first byte of a key."""
    return bytes([_CODE[standing]])


def downwards(e_value: Fraction) -> bytes:
    """An e-value to 128 binary digits, as bytes of which the least belong to the greatest value.

    Exact fractions would sort by hundreds of bytes; two that differ in the 129th digit count as equal.
    """
    exponent = strength(e_value, 1)
    shift = _DIGITS - 1 - exponent
    numerator, denominator = e_value.numerator, e_value.denominator
    digits = (numerator << shift) // denominator if shift >= 0 else numerator // (denominator << -shift)
    upwards = ((exponent + _HALF) << _DIGITS) + digits
    return int.to_bytes((1 << 16 + _DIGITS) - 1 - upwards, 2 + _DIGITS // 8, "big")


_DIGITS = 128
_HALF = 1 << 15
"""Exponents lie within this, because seeds are capped (leaderboard.evidence.pool)."""
_STANDINGS = tuple(Standing)
_CODE = {standing: code for code, standing in enumerate(_STANDINGS)}


_PLAIN = (
    "retracted", "tested", "level", "held", "median", "upper", "lowers", "evidence", "own_median", "voices",
    "personal", "support", "ranked",
)  # fmt: skip


def _taken_apart(entry: Entry) -> tuple[object, ...]:
    margin = entry.margin
    return (
        _CODE[entry.standing],
        None if margin is None else (margin.lower, margin.median, margin.upper, margin.chained),
        None if entry.listed is None else _CODE[entry.listed],
        *(getattr(entry, name) for name in _PLAIN),
    )


def _put_together(
    standing: int,
    margin: tuple[float, float, float, bool] | None,
    listed: int | None,
    *plain: Any,
) -> Entry:
    return Entry(
        standing=_STANDINGS[standing],
        margin=None if margin is None else Margin(*margin),
        listed=None if listed is None else _STANDINGS[listed],
        **dict(zip(_PLAIN, plain, strict=True)),
    )


ENTRY = packed(_taken_apart, _put_together)
_write = ENTRY.write
