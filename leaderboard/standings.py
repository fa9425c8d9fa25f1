"""What the record set adds up to: the one view that the node, the agent and every interface read.

`Standings` takes envelopes in any order and any number of times, and at every moment equals a fold of the
same set from scratch; tests/leaderboard/test_standings.py proves it with Hypothesis. Work is in proportion
to what a record can change: its claim, the claims of replicators whose conduct it changes, and what ranks
after them. Boards are computed when they are read.

Not covered: memory. All facts of measurements are kept as Python objects, about 3 kB a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from .ablation import Ablation
from .board.rows import Board, ClaimView, Row
from .board.view import View
from .envelope import Envelope
from .evidence.common import CommonElectorate
from .evidence.draw import Situation, Stake, stake_of
from .evidence.facts import ClaimFacts, Commitment
from .evidence.identities import Chain, Identity, Placement
from .evidence.policy import COMMON, Policy
from .evidence.replay import Comparison, contested_seeds, own_comparisons, ran_again
from .evidence.trust import Dispute, MyElectorate, PeerTrust, TrustBook
from .ids import AuthorId, ContentId, RecipeId, TrackId
from .manifest import TrackManifest
from .records import Accept, Claim, Finding, Note, Profile, Replication, Result, Retraction, Track

__all__ = ["Standings"]


class Standings:
    """An incremental view of a record set. Not thread-safe; reading may compute what changed."""

    def __init__(self, policy: Policy = COMMON) -> None:
        self.policy = policy
        self._facts: dict[ContentId, ClaimFacts] = {}
        self._identities: dict[AuthorId, Identity] = {}
        self._tracks: dict[TrackId, TrackManifest] = {}
        self._claims: dict[TrackId, set[ContentId]] = {}
        self._recipes: dict[RecipeId, set[ContentId]] = {}
        self._retractors: dict[ContentId, set[AuthorId]] = {}
        self._profiles: dict[AuthorId, tuple[int, ContentId, Profile]] = {}
        self._notes: dict[ContentId, tuple[AuthorId, int, Note]] = {}
        self._delivered: dict[ContentId, frozenset[ContentId]] = {}
        self._contested: dict[ContentId, frozenset[Comparison]] = {}
        self._finding_claims: dict[ContentId, ContentId] = {}
        self._common = View(policy, CommonElectorate(self._identities), self._facts, self._is_silent)
        self._mine: dict[AuthorId, tuple[TrustBook, View]] = {}

    # Taking records in

    def add(self, envelopes: Iterable[Envelope]) -> None:
        """Take records of the set in; what was taken before changes nothing."""
        for envelope in envelopes:
            identity = self._identity(envelope.author)
            chain = identity.chains.setdefault(envelope.chain, Chain())
            placement = chain.place(envelope)
            if placement is Placement.FORK and not identity.equivocated:
                identity.equivocated = True
                self._touch_all(identity.claims)
            if placement is not Placement.DUPLICATE:
                self._take(envelope)

    def _take(self, envelope: Envelope) -> None:
        record = envelope.record
        match record:
            case Track():
                self._take_track(record.manifest)
            case Claim() | Accept() | Result() | Replication() | Finding() | Ablation():
                claim = envelope.id if isinstance(record, Claim) else record.claim
                self._take_fact(claim, envelope)
            case Retraction():
                self._take_retraction(record.target, envelope.author)
            case Profile():
                known = self._profiles.get(envelope.author)
                if known is None or (envelope.time_ms, envelope.id) > known[:2]:
                    self._profiles[envelope.author] = (envelope.time_ms, envelope.id, record)
            case Note():
                self._notes[envelope.id] = (envelope.author, envelope.time_ms, record)

    def _take_track(self, manifest: TrackManifest) -> None:
        if manifest.id in self._tracks:
            return
        self._tracks[manifest.id] = manifest
        waiting = self._claims.setdefault(manifest.id, set())
        self._common.open_track(manifest, waiting)
        for _, view in self._mine.values():
            view.open_track(manifest, waiting)
        for claim in waiting:
            self._learn(self._facts[claim])

    def _take_fact(self, claim: ContentId, envelope: Envelope) -> None:
        facts = self._facts.get(claim)
        if facts is None:
            facts = self._facts[claim] = ClaimFacts(claim)
        facts.add(envelope)
        identity = self._identity(envelope.author)
        identity.claims.add(claim)
        match envelope.record:
            case Claim() as record:
                facts.retractors |= self._retractors.get(claim, set())
                self._claims.setdefault(record.track, set()).add(claim)
                assert facts.recipe is not None
                self._recipes.setdefault(facts.recipe, set()).add(claim)
            case Accept():
                with self._conduct(identity):
                    identity.accept(envelope.id, envelope.chain, envelope.seq, claim)
            case Finding() | Ablation():
                self._finding_claims[envelope.id] = claim
                self._touch(facts)
                return
        self._settle(facts)
        self._learn(facts)
        self._touch(facts)

    def _take_retraction(self, target: ContentId, author: AuthorId) -> None:
        self._retractors.setdefault(target, set()).add(author)
        facts = self._facts.get(self._finding_claims.get(target, target))
        if facts is not None:
            facts.retractors |= self._retractors.get(facts.id, set())
            self._touch(facts)

    def _settle(self, facts: ClaimFacts) -> None:
        """Tell replicators' identities which of their accepts of this claim are delivered by now."""
        before, after = self._delivered.get(facts.id, frozenset()), frozenset(facts.deliveries)
        if before == after:
            return
        self._delivered[facts.id] = after
        for accept in after - before:
            identity = self._identities[facts.commitments[accept].author]
            with self._conduct(identity):
                identity.deliver(accept)
        for accept in before - after:
            identity = self._identities[facts.commitments[accept].author]
            with self._conduct(identity):
                identity.undeliver(accept)

    @contextmanager
    def _conduct(self, identity: Identity) -> Iterator[None]:
        """Around a change of an identity's conduct: look again at the claims on which it weighs."""
        before, unsettled = identity.conduct, identity.unsettled()
        yield
        if identity.conduct != before:
            self._touch_all(identity.claims)
        else:
            self._touch_all({*unsettled, *identity.unsettled()})

    def _learn(self, facts: ClaimFacts) -> None:
        """Let every viewer's trust follow what this claim's re-runs say."""
        if facts.claim is None or not facts.replications or facts.claim.track not in self._tracks:
            return
        contested = contested_seeds(facts, self._tracks[facts.claim.track].tolerance)
        if contested:
            self._contested[facts.id] = contested
        else:
            self._contested.pop(facts.id, None)
        for book, view in self._mine.values():
            self._learn_as(book, view, facts)

    def _learn_as(self, book: TrustBook, view: View, facts: ClaimFacts) -> None:
        assert facts.claim is not None
        tolerance = self._tracks[facts.claim.track].tolerance
        for peer in book.observe(facts.id, own_comparisons(facts, tolerance, book.viewer)):
            for claim in self._identity(peer).claims:
                self._touch_in(view, claim)

    def _touch(self, facts: ClaimFacts) -> None:
        self._touch_all((facts.id,))

    def _touch_all(self, claims: Iterable[ContentId]) -> None:
        for claim in claims:
            self._touch_in(self._common, claim)
            for _, view in self._mine.values():
                self._touch_in(view, claim)

    def _touch_in(self, view: View, claim: ContentId) -> None:
        facts = self._facts[claim]
        if facts.claim is not None and facts.claim.track in self._tracks:
            view.touch(facts.claim.track, claim)

    def _identity(self, author: AuthorId) -> Identity:
        identity = self._identities.get(author)
        if identity is None:
            identity = self._identities[author] = Identity(self.policy)
        return identity

    def _is_silent(self, author: AuthorId, record: ContentId) -> bool:
        """Whether a finding or an ablation does not speak: its author equivocated or took it back."""
        return self._identities[author].equivocated or author in self._retractors.get(record, ())

    # Reading

    def tracks(self) -> Mapping[TrackId, TrackManifest]:
        """Tracks whose record is in the set."""
        return MappingProxyType(self._tracks)

    def board(self, track: TrackId) -> Board:
        """The common board: equal sets give equal digests. KeyError for an unknown track."""
        return self._common.board(track)

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
        facts = self._facts[claim]
        if facts.claim is None:
            raise KeyError(claim)
        view = self._common if viewer is None else self._viewed(viewer)[1]
        return view.claim(facts)

    def facts(self, claim: ContentId) -> ClaimFacts | None:
        """The records about a claim, to be read and not changed; None if there are none."""
        return self._facts.get(claim)

    def claims(self, track: TrackId) -> frozenset[ContentId]:
        """All claims on a track."""
        return frozenset(self._claims.get(track, ()))

    def claims_of_recipe(self, recipe: RecipeId) -> frozenset[ContentId]:
        """All claims of a recipe, on any track."""
        return frozenset(self._recipes.get(recipe, ()))

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
        identity = self._identities.get(author)
        if identity is None:
            return []
        promised = (
            commitment
            for claim in identity.claims
            for commitment in self._facts[claim].commitments.values()
            if commitment.author == author and commitment.id not in self._delivered.get(claim, ())
        )
        return sorted(promised, key=lambda commitment: commitment.id)

    def identity(self, author: AuthorId) -> Identity | None:
        """An author's conduct, to be read and not changed; None for somebody without records."""
        return self._identities.get(author)

    def proves_fork(self, envelope: Envelope) -> bool:
        """Whether a record outside the set would be the first proof that its author equivocated."""
        identity = self._identities.get(envelope.author)
        return identity is not None and identity.proves_fork(envelope)

    def authors(self) -> frozenset[AuthorId]:
        """Everyone with a record in the set."""
        return frozenset(self._identities)

    def profiles(self) -> Mapping[AuthorId, Profile]:
        """The latest profile of each author (by its own clock)."""
        return {author: profile for author, (_, _, profile) in self._profiles.items()}

    def notes(self, about: ContentId | None = None) -> list[tuple[AuthorId, int, Note]]:
        """Notes about a record, or all notes, oldest first (by their authors' clocks)."""
        chosen = [
            (time_ms, key, author, note)
            for key, (author, time_ms, note) in self._notes.items()
            if about is None or note.about == about
        ]
        return [(author, time_ms, note) for time_ms, _, author, note in sorted(chosen, key=lambda n: n[:2])]

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
        for claim, comparisons in self._contested.items():
            for item in comparisons:
                sides = (item.publisher, item.checker)
                believed = viewer not in sides and all(book.of(side).trusted for side in sides)
                if believed and not ran_again(self._facts[claim], viewer, item.seed):
                    found.add((claim, item.seed))
        return sorted(found)

    def _viewed(self, viewer: AuthorId) -> tuple[TrustBook, View]:
        if viewer not in self._mine:
            book = TrustBook(viewer)
            view = View(self.policy, MyElectorate(book, self._identities), self._facts, self._is_silent)
            for track, manifest in self._tracks.items():
                claims = self._claims.get(track, set())
                view.open_track(manifest, claims)
                for claim in claims:
                    book.observe(claim, own_comparisons(self._facts[claim], manifest.tolerance, viewer))
            self._mine[viewer] = (book, view)
        return self._mine[viewer]
