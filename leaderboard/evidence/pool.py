"""Pooling replicators into one e-value that no single one of them, and no crowd of strangers, decides.

Accepted seeds that were not delivered are losses, or else a replicator could publish only the outcomes it
likes (simulated: 40 identities doing so confirm a null claim in 99 % of cases). But identities are free and
the set has no clock, so "an accept without a delivery is a loss" alone would let any stranger veto any claim
with one signature. Therefore two readings are averaged, and an average of e-values is an e-value under any
dependence:

- *strict*: everyone's seeds, every undelivered seed a loss, including runs still under way;
- *known*: only replicators who have delivered elsewhere, with the losses of their overdue accepts alone.

Strangers who withhold defeat only the strict half: at worst they halve E, which costs one more win. Known
replicators who withhold pay with losses as soon as they deliver later work or hold too many accepts open; a
veto through overdue accepts costs at least as many real deliveries, since whoever withholds more than it
delivers is not heard at all.

Where several environment classes took part, E is the smaller of the full count and of one in which each
environment is scaled down to its cap; with three or more replicators, the smallest over removing any f of
them, where f grows with their number (1 of 3 to 6, 2 of 7 to 9, 3 of 10 to 12). Minima of e-values are
e-values. A single environment is not capped (there is nothing to balance it against): the board shows the
number of environments instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations

from ..ids import AuthorId
from .effects import Count
from .electorate import Weight
from .eprocess import e_value
from .policy import Policy

__all__ = ["Share", "forward_e", "removals", "reverse_e", "spare"]

_HALF = Fraction(1, 2)
_MOST_SEEDS = 4_096
"""Beyond this many seeds counts are scaled down in proportion, against the claim: bounds the cost of E."""
_MOST_REMOVALS = 16
"""Only the removal of the strongest supporters is tried; removing anybody else leaves more."""
_EXACT = 128
"""Up to this many subsets all are tried; beyond, each supporter with the strongest others."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one replicator contributes to one claim."""

    author: AuthorId
    weight: Weight
    count: Count
    """Delivered seeds within the cap."""
    overdue: int
    """Accepted seeds that count as losses: overdue, or missing from a delivery."""
    outstanding: int
    """Accepted seeds that may still be running: losses in the strict reading alone."""
    environments: tuple[str, ...]
    note: str = ""
    """Why it does not count, if it does not."""

    @property
    def counts(self) -> bool:
        """Whether it enters the evidence."""
        return self.weight.counts and not self.note

    @property
    def delivered(self) -> int:
        """Delivered seeds within the cap."""
        return self.count.wins + self.count.losses + self.count.ties


def forward_e(shares: Sequence[Share], policy: Policy) -> Fraction:
    """E against "no more than half of the seeds gain delta_min", robust to the removal of any f."""
    return min(_forward(subset, policy) for subset in _subsets(shares, removals(shares, policy)))


def reverse_e(shares: Sequence[Share], policy: Policy) -> Fraction:
    """E against "at least half of the seeds gain delta_min": delivered seeds only, no veto by silence."""
    against = [replace(share, count=share.count.reversed()) for share in shares]
    return min(_reverse(subset) for subset in _subsets(shares, removals(against, policy)))


def spare(deliverers: int, policy: Policy) -> int:
    """How many replicators the evidence must do without, f of the `deliverers`."""
    return 0 if deliverers < policy.removal_from else max(1, (deliverers - 1) // policy.removal_from)


def removals(shares: Iterable[Share], policy: Policy) -> list[frozenset[AuthorId]]:
    """Whom to leave out in turn, f at a time: nobody while there are too few."""
    deliverers = [share for share in shares if share.delivered]
    gone = spare(len(deliverers), policy)
    if not gone:
        return []
    deliverers.sort(key=lambda share: (share.count.losses - share.count.wins, share.author))
    authors = [share.author for share in deliverers]
    if math.comb(len(authors), gone) <= _EXACT:
        return [frozenset(chosen) for chosen in combinations(authors, gone)]
    strongest = authors[: gone - 1]
    return [frozenset({*strongest, other}) for other in authors[gone - 1 : gone - 1 + _MOST_REMOVALS]]


def _subsets(shares: Sequence[Share], left_out: Iterable[frozenset[AuthorId]]) -> list[list[Share]]:
    """All shares, or all without each group of `left_out`."""
    return [[share for share in shares if share.author not in gone] for gone in left_out] or [list(shares)]


def _forward(shares: Iterable[Share], policy: Policy) -> Fraction:
    everyone = list(shares)
    known = [share for share in everyone if share.weight is Weight.KNOWN]
    strict = [
        (share.environments, share.count.wins, share.count.losses + share.overdue + share.outstanding)
        for share in everyone
    ]
    trusting = [(share.environments, share.count.wins, share.count.losses + share.overdue) for share in known]
    first = _capped_e(strict, policy)
    second = first if strict == trusting else _capped_e(trusting, policy)
    return first if first == second else _HALF * (first + second)


def _reverse(shares: Iterable[Share]) -> Fraction:
    total = sum((share.count for share in shares), Count())
    return e_value(*_scaled(total.losses, total.wins, _MOST_SEEDS))


def _capped_e(rows: Sequence[tuple[tuple[str, ...], int, int]], policy: Policy) -> Fraction:
    full = e_value(*_scaled(sum(row[1] for row in rows), sum(row[2] for row in rows), _MOST_SEEDS))
    by_environment: dict[tuple[str, ...], tuple[int, int]] = {}
    for environments, wins, losses in rows:
        before = by_environment.get(environments, (0, 0))
        by_environment[environments] = (before[0] + wins, before[1] + losses)
    if len(by_environment) < 2:
        return full
    capped = [_scaled(wins, losses, policy.environment_cap) for wins, losses in by_environment.values()]
    wins, losses = sum(wins for wins, _ in capped), sum(losses for _, losses in capped)
    return min(full, e_value(*_scaled(wins, losses, _MOST_SEEDS)))


def _scaled(wins: int, losses: int, cap: int) -> tuple[int, int]:
    """Counts shrunk in proportion to `cap` seeds, rounding against the claim."""
    total = wins + losses
    if total <= cap:
        return wins, losses
    kept = wins * cap // total
    return kept, cap - kept
