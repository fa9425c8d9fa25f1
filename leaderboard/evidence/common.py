"""The electorate of the common board: every non-author, by conduct alone."""

from __future__ import annotations

from ..ids import AuthorId, ContentId
from .electorate import Weight
from .facts import Commitment
from .identities import Identities

__all__ = ["CommonElectorate"]


class CommonElectorate:
    """Knows nobody: weights follow from what identities did in the set (leaderboard.evidence.identities)."""

    viewer: AuthorId | None = None

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def weight(self, author: AuthorId, claim: ContentId) -> Weight:
        """How `author`'s replications of `claim` count."""
        return self._identities[author].weight(claim)

    def overdue(self, promised: Commitment) -> bool:
        """Whether an accept without delivery is no longer believed to be running."""
        return self._identities[promised.author].is_overdue(promised)
