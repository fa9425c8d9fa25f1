"""What the record set adds up to: the one view that the node, the agent and every interface read.

`Standings` takes envelopes in any order and any number of times, and at every moment equals a fold of the
same set from scratch; tests/leaderboard/test_standings.py proves it with Hypothesis. How it takes them in is
in leaderboard.fold; boards are brought up to date by `settle`, or when they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from .board.rows import Board, ClaimView, Row
from .board.view import View
from .envelope import Envelope
from .evidence.draw import Situation, Stake, stake_of
from .evidence.facts import ClaimFacts, Commitment
from .evidence.identities import Identity
from .evidence.replay import seeds_run_again
from .evidence.trust import Dispute, PeerTrust, TrustBook
from .fold import Fold
from .ids import AuthorId, ContentId, RecipeId, TrackId
from .manifest import TrackManifest
from .records import Profile

__all__ = ["Standings"]


class Standings(Fold):
    """An incremental view of a record set. Not thread-safe; reading may compute what changed."""

    def tracks(self) -> Mapping[TrackId, TrackManifest]:
        """Tracks whose record is in the set."""
        return MappingProxyType(self._tracks)

    def board(self, track: TrackId) -> Board:
        """The common board: equal sets give equal digests. KeyError for an unknown track."""
        return self._common.board(track)

    def digest(self, track: TrackId) -> bytes:
        """A hash of what the common board rests on, cheap at any size; equal sets give equal digests."""
        return self._common.digest(track)

    def first(self, track: TrackId, most: int) -> list[Row]:
        """The first rows of the common board, those without rank included."""
        return self._common.first(track, most)

    def tested(self, track: TrackId) -> int:
        """How many claims of a track were put to a test: what the bar grows with."""
        return self._common.track(track).tested

    def confirmed(self, track: TrackId) -> int:
        """How many rows of the common board have a rank."""
        return self._common.track(track).confirmed

    def top(self, track: TrackId, most: int = 10) -> list[Row]:
        """The first confirmed rows of the common board, cheap after any change."""
        return self._common.top(track, most)

    def my_board(self, track: TrackId, viewer: AuthorId) -> Board:
        """The board by the viewer's own trust: a function of the set and the viewer's id."""
        return self._viewed(viewer)[1].board(track)

    def my_top(self, track: TrackId, viewer: AuthorId, most: int = 10) -> list[Row]:
        """The first confirmed rows of the viewer's board."""
        return self._viewed(viewer)[1].top(track, most)

    def claim(self, claim: ContentId, viewer: AuthorId | None = None) -> ClaimView:
        """One claim on the common board or the viewer's; KeyError if it, or its track, is unknown."""
        facts = self.facts(claim)
        if facts is None or facts.claim is None:
            raise KeyError(claim)
        view = self._common if viewer is None else self._viewed(viewer)[1]
        return view.claim(facts)

    def facts(self, claim: ContentId) -> ClaimFacts | None:
        """The records about a claim, to be read and not changed; None if there are none."""
        self._archive.trim()
        return self._archive.get(claim)

    def claims(self, track: TrackId) -> frozenset[ContentId]:
        """All claims on a track."""
        return frozenset(self._register.of_track(track))

    def open_claims(self, track: TrackId, viewer: AuthorId | None, most: int) -> list[ContentId]:
        """Claims that replication may still change: the most promising, the newest, and the top of the board.

        As the viewer or the common board sees them; at most four times `most`, however many there are.
        """
        boards = self._common if viewer is None else self._viewed(viewer)[1]
        return boards.track(track).open_claims(most)

    def claims_by(self, author: AuthorId) -> Iterator[tuple[ContentId, TrackId]]:
        """An author's own claims, on any track, in order of id."""
        for claim in self._identities[author].claims:
            card = self._register.card(claim)
            if card is not None and card.author == author:
                yield claim, card.track

    def best_of(self, author: AuthorId, track: TrackId, most: int) -> list[ContentId]:
        """An author's claims on a track by what it measured itself, the best first."""
        return list(islice(self._common.track(track).best_of(author), most))

    def claim_count(self, track: TrackId) -> int:
        """How many claims there are on a track."""
        return self._register.count(track)

    def claims_of_recipe(self, recipe: RecipeId) -> frozenset[ContentId]:
        """All claims of a recipe, on any track."""
        return frozenset(self._register.of_recipe(recipe))

    def stake(self, claim: ContentId, viewer: AuthorId | None = None) -> Stake:
        """What is at stake in a claim, on the viewer's board or the common one."""
        view = self.claim(claim, viewer)
        return stake_of(view, self._situation(view, viewer))

    def _situation(self, view: ClaimView, viewer: AuthorId | None) -> Situation:
        book, boards = (None, self._common) if viewer is None else self._viewed(viewer)
        state = boards.track(view.track)
        leader = state.ranking.leader
        return Situation(
            leader=None if leader is None else leader.margin,
            opponent=state.base(view.id),
            own_best=state.own_best(view.author, view.id),
            decided=state.is_decided(view.recipe, view.id),
            quarantined=book is not None and book.of(view.author).quarantined,
        )

    def outstanding(self, author: AuthorId) -> list[Commitment]:
        """An author's accepts without a valid delivery, in order of id: what a node must still run."""
        promised = []
        for claim, accept in self._identities[author].open_accepts():
            facts = self.facts(claim)
            assert facts is not None
            promised.append(facts.commitments[accept])
        return sorted(promised, key=lambda commitment: commitment.id)

    def identity(self, author: AuthorId) -> Identity | None:
        """An author's conduct, to be read and not changed; None for somebody without records."""
        return self._identities.get(author)

    def proves_fork(self, envelope: Envelope) -> bool:
        """Whether a record outside the set would be the first proof that its author equivocated."""
        return not self._identities[envelope.author].equivocated and self._places.is_taken(envelope)

    def authors(self) -> frozenset[AuthorId]:
        """Everyone with a record in the set."""
        return frozenset(self._identities)

    def profile(self, author: AuthorId) -> Profile | None:
        """The latest profile of an author (by its own clock)."""
        known = self._profiles.get(author)
        return None if known is None else known[2]

    def profiles(self) -> Mapping[AuthorId, Profile]:
        """The latest profile of everyone who has one."""
        return {AuthorId(author): profile for author, (_, _, profile) in self._profiles.scan(b"")}

    def trust(self, viewer: AuthorId) -> Mapping[AuthorId, PeerTrust]:
        """What the viewer's own re-runs say about each peer."""
        return self._viewed(viewer)[0].peers()

    def disputes(self, viewer: AuthorId) -> Sequence[Dispute]:
        """Seeds the viewer should run again: the appeals of peers whose numbers differed."""
        return self._viewed(viewer)[0].disputes()

    def unchecked(self, track: TrackId, viewer: AuthorId) -> list[ContentId]:
        """Claims that would stand confirmed on the viewer's board once it has run a seed of them itself."""
        return self._viewed(viewer)[1].track(track).held_back()

    def contested(self, viewer: AuthorId) -> list[tuple[ContentId, int]]:
        """Seeds of claims on which two peers whom the viewer trusts contradict each other.

        A run by the viewer tells who lies. Quarrels with strangers are free to invent and change nothing on
        the viewer's board, so they are left alone.
        """
        book = self._viewed(viewer)[0]
        found: set[tuple[ContentId, int]] = set()
        for key, comparisons in list(self._contested.scan(b"")):
            claim = ContentId(key)
            for item in comparisons:
                sides = (item.publisher, item.checker)
                believed = viewer not in sides and all(book.of(side).trusted for side in sides)
                if believed and not self._ran_again(claim, viewer, item.seed):
                    found.add((claim, item.seed))
        return sorted(found)

    def _ran_again(self, claim: ContentId, viewer: AuthorId, seed: int) -> bool:
        facts = self.facts(claim)
        return facts is not None and seed in seeds_run_again(facts, viewer)

    def _viewed(self, viewer: AuthorId) -> tuple[TrustBook, View]:
        self.watch(viewer)
        return self._mine[viewer]
