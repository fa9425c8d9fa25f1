"""Whose replications count: the one thing that differs between the common board and "my board".

The common board knows nobody, so it counts every non-author who has not equivocated and does not withhold.
Among them it tells newcomers from known replicators (who have delivered elsewhere), because identities are
free: a newcomer's accept that is never delivered must not be a free veto, and a newcomer's silence must not
be a free file drawer. How both are kept apart: leaderboard.evidence.pool.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from ..ids import AuthorId, ContentId
from .facts import Commitment

__all__ = ["Electorate", "Weight"]


class Weight(Enum):
    """How an identity's replications of one claim count."""

    KNOWN = "known"
    NEWCOMER = "newcomer"
    EQUIVOCATED = "equivocated"
    """Signed two records with one chain position."""
    WITHHOLDS = "withholds"
    """More overdue accepts than deliveries."""
    UNTRUSTED = "not checked by you yet"
    QUARANTINED = "quarantined"

    @property
    def counts(self) -> bool:
        """Whether its owner is heard at all."""
        return self in (Weight.KNOWN, Weight.NEWCOMER)


class Electorate(Protocol):
    """Decides who is heard."""

    @property
    def viewer(self) -> AuthorId | None:
        """Whose board it is; None for the common board."""

    def weight(self, author: AuthorId, claim: ContentId) -> Weight:
        """How `author`'s replications of `claim` count."""

    def overdue(self, promised: Commitment) -> bool:
        """Whether an accept without delivery is no longer believed to be running."""
