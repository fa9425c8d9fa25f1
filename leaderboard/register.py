"""Which claims there are, and what names them: by track, recipe and opponent; and who took back what.

Holds ids and a card per claim, whoever looks at them. Records themselves are read again where they are
needed (leaderboard.evidence.archive).
"""

from __future__ import annotations

from collections.abc import Iterator

from .board.entry import CARD, Card
from .ids import AuthorId, ContentId, RecipeId, TrackId
from .tables import CLAIM, FLAG, NUMBER, Tables

__all__ = ["Register"]

_ID = 32


class Register:
    """The claims of a record set."""

    def __init__(self, tables: Tables) -> None:
        self._cards = tables.table("claims", CARD)
        self._of_track = tables.table("of_track", FLAG)
        self._counts = tables.table("claim_counts", NUMBER)
        self._of_recipe = tables.table("of_recipe", FLAG)
        self._against = tables.table("against", FLAG)
        self._retracted = tables.table("retracted", FLAG)
        self._findings = tables.table("findings", CLAIM)

    def enter(self, claim: ContentId, card: Card) -> None:
        """A claim's own record came."""
        self._cards.put(claim, card)
        self._of_track.put(card.track + claim, True)
        self._counts.put(card.track, self.count(card.track) + 1)
        self._of_recipe.put(card.recipe + claim, True)
        if card.opponent is not None:
            self._against.put(card.opponent + claim, True)

    def card(self, claim: ContentId) -> Card | None:
        """What a claim is; None while its own record is missing."""
        return self._cards.get(claim)

    def of_track(self, track: TrackId) -> Iterator[ContentId]:
        """Claims on a track, in order of id."""
        return (ContentId(key[_ID:]) for key, _ in self._of_track.scan(track))

    def count(self, track: TrackId) -> int:
        """Number of claims on a track."""
        return self._counts.get(track) or 0

    def of_recipe(self, recipe: RecipeId) -> Iterator[ContentId]:
        """Claims of a recipe, on any track, in order of id."""
        return (ContentId(key[_ID:]) for key, _ in self._of_recipe.scan(recipe))

    def against(self, opponent: ContentId) -> list[ContentId]:
        """Claims made against another claim."""
        return [ContentId(key[_ID:]) for key, _ in self._against.scan(opponent)]

    def remark(self, record: ContentId, claim: ContentId) -> None:
        """A finding or an ablation of a claim came."""
        self._findings.put(record, claim)

    def subject(self, record: ContentId) -> ContentId:
        """The claim that a finding or an ablation is about; any other record is its own subject."""
        return self._findings.get(record) or record

    def retract(self, target: ContentId, author: AuthorId) -> None:
        """Somebody takes a record back; it has an effect only if it is its author's."""
        self._retracted.put(target + author, True)

    def is_retracted(self, record: ContentId, author: AuthorId) -> bool:
        """Whether `author` took `record` back."""
        return self._retracted.get(record + author) is not None

    def retractors(self, record: ContentId) -> set[AuthorId]:
        """Everyone who took `record` back."""
        return {AuthorId(key[_ID:]) for key, _ in self._retracted.scan(record)}
