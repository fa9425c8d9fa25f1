"""The electorate of the common board: every non-author, by conduct alone."""

from __future__ import annotations

from collections.abc import Mapping

from ..ids import AuthorId, ContentId
from .electorate import Weight
from .identities import Identity

__all__ = ["CommonElectorate"]


class CommonElectorate:
    """Knows nobody: weights follow from what identities did in the set (leaderboard.evidence.identities)."""

    viewer: AuthorId | None = None

    def __init__(self, identities: Mapping[AuthorId, Identity]) -> None:
        self._identities = identities

    def weight(self, author: AuthorId, claim: ContentId) -> Weight:
        """How `author`'s replications of `claim` count."""
        return self._identities[author].weight(claim)

    def overdue(self, author: AuthorId, accept: ContentId) -> bool:
        """Whether an accept without delivery is no longer believed to be running."""
        return self._identities[author].is_overdue(accept)
