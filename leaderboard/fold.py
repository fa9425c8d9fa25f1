"""How records become standings: each is taken in once, and whatever it may change is looked at again.

Work is in proportion to what a record can change: its claim, the claims of replicators whose conduct it
changes, and what ranks after them. An author's conduct as a whole (it equivocated, it began to withhold)
changes all claims that it wrote about.

What is known lies in tables (leaderboard.tables); facts of a claim are read again from its records when they
are needed (leaderboard.evidence.archive). So memory is bounded, and a copy of the tables as they are after
`settle` is all that it takes to go on later: such a copy is a cache, whose only proof is the set itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import cast

from .ablation import Ablation
from .board.entry import Card
from .board.trackboard import Sources
from .board.view import View
from .codec import ValueMap, decode, encode
from .envelope import Envelope
from .evidence.archive import Archive, Log
from .evidence.common import CommonElectorate
from .evidence.facts import ClaimFacts
from .evidence.identities import Identities, Identity, Placement, Places
from .evidence.policy import COMMON, Policy
from .evidence.replay import Agreement, Comparison, contested_seeds, own_comparisons
from .evidence.trust import MyElectorate, TrustBook
from .fields import Fields
from .ids import AuthorId, ContentId
from .manifest import TrackManifest
from .records import Accept, Claim, Finding, Profile, Replication, Result, Retraction, Track
from .register import Register
from .tables import FLAG, Codec, MemoryTables, Tables, packed

__all__ = ["Fold"]


class Fold:
    """What a record set adds up to, taken in piece by piece; leaderboard.standings reads it."""

    def __init__(self, policy: Policy = COMMON, tables: Tables | None = None, log: Log | None = None) -> None:
        """`tables`: as an earlier one left them after `settle`, if not empty; `log` is then needed too."""
        tables = tables or MemoryTables()
        self.policy = policy
        self._places = Places(tables)
        self._identities = Identities(tables, policy)
        self._register = Register(tables)
        self._archive = Archive(log)
        self._profiles = tables.table("profiles", _PROFILE)
        self._contested = tables.table("contested", _CONTESTED)
        self._manifests = tables.table("tracks", _MANIFEST)
        self._viewers = tables.table("viewers", FLAG)
        self._sources = Sources(tables, self._register, self._archive, self._is_silent)
        self._tracks = {manifest.id: manifest for _, manifest in self._manifests.scan(b"")}
        self._common = self._new_view(None)
        self._mine: dict[AuthorId, tuple[TrustBook, View]] = {}
        for viewer in [AuthorId(key) for key, _ in self._viewers.scan(b"")]:
            book = TrustBook(viewer, tables)
            self._mine[viewer] = (book, self._new_view(book))

    def _new_view(self, book: TrustBook | None) -> View:
        """A view of all known tracks, without claims that its boards have not seen."""
        electorate = (
            CommonElectorate(self._identities) if book is None else MyElectorate(book, self._identities)
        )
        view = View(self.policy, electorate, self._sources)
        for manifest in self._tracks.values():
            view.open_track(manifest, ())
        return view

    def add(self, envelopes: Iterable[Envelope]) -> None:
        """Take records of the set in; what was taken before changes nothing."""
        self._archive.trim()
        for envelope in envelopes:
            self._identities.meet(envelope.author)
            placement = self._places.place(envelope)
            if placement is Placement.DUPLICATE:
                continue
            identity = self._identities[envelope.author]
            if placement is Placement.FORK and not identity.equivocated:
                identity.equivocate()
                self._touch_all(identity.claims)
            self._take(envelope)

    def settle(self) -> None:
        """Bring all boards up to date with what was taken in, so that reading finds nothing left to do."""
        self._archive.trim()
        for view in self._views():
            view.settle()

    def watch(self, viewer: AuthorId) -> None:
        """Keep the viewer's board from now on, which takes a look at all claims there are."""
        if viewer in self._mine:
            return
        book = TrustBook(viewer, self._sources.tables)
        view = self._new_view(book)
        self._mine[viewer] = (book, view)
        self._viewers.put(viewer, True)
        for claim in self._identities[viewer].claims:
            self._archive.trim()
            facts = self._archive.get(claim)
            if facts is not None and facts.claim is not None and facts.claim.track in self._tracks:
                tolerance = self._tracks[facts.claim.track].tolerance
                book.observe(claim, own_comparisons(facts, tolerance, viewer))
        for track, manifest in self._tracks.items():
            view.open_track(manifest, self._register.of_track(track))

    def _views(self) -> Iterator[View]:
        yield self._common
        yield from (view for _, view in self._mine.values())

    def _take(self, envelope: Envelope) -> None:
        record = envelope.record
        match record:
            case Track():
                self._take_track(record.manifest)
            case Claim() | Accept() | Result() | Replication() | Finding() | Ablation():
                claim = envelope.id if isinstance(record, Claim) else record.claim
                self._take_fact(claim, envelope)
            case Retraction():
                self._take_retraction(record.target, envelope)
            case Profile():
                known = self._profiles.get(envelope.author)
                if known is None or (envelope.time_ms, envelope.id) > known[:2]:
                    self._profiles.put(envelope.author, (envelope.time_ms, envelope.id, record))
            case _:
                pass  # notes are read where they are shown

    def _take_track(self, manifest: TrackManifest) -> None:
        if manifest.id in self._tracks:
            return
        self._tracks[manifest.id] = manifest
        self._manifests.put(manifest.id, manifest)
        waiting = list(self._register.of_track(manifest.id))
        for view in self._views():
            view.open_track(manifest, waiting)
        for claim in waiting:
            facts = self._archive.get(claim)
            assert facts is not None
            self._learn(facts)

    def _take_fact(self, claim: ContentId, envelope: Envelope) -> None:
        facts = self._archive.add(claim, envelope)
        identity = self._identities[envelope.author]
        identity.write(claim)
        match envelope.record:
            case Claim() as record:
                facts.retractors |= self._register.retractors(claim)
                assert facts.recipe is not None
                card = Card(
                    record.track, envelope.author, facts.recipe, facts.recipe_bytes, record.opponent,
                    envelope.time_ms,
                )  # fmt: skip
                self._register.enter(claim, card)
            case Accept():
                with self._conduct(identity):
                    identity.accept(facts.commitments[envelope.id], claim)
            case Finding() | Ablation():
                self._register.remark(envelope.id, claim)
                self._touch_all((claim,))
                return
        self._settle(facts)
        self._learn(facts)
        self._touch_all((claim,))

    def _take_retraction(self, target: ContentId, envelope: Envelope) -> None:
        self._register.retract(target, envelope.author)
        claim = self._register.subject(target)
        facts = self._archive.get(claim)
        if facts is not None:
            facts.retractors |= self._register.retractors(claim)
            self._touch_all((claim,))

    def _settle(self, facts: ClaimFacts) -> None:
        """Tell replicators' identities which of their accepts of this claim are delivered by now."""
        before, after = facts.settled, frozenset(facts.deliveries)
        if before == after:
            return
        facts.settled = after
        for accept in after - before:
            promised = facts.commitments[accept]
            identity = self._identities[promised.author]
            with self._conduct(identity):
                identity.deliver(promised, facts.id)
        for accept in before - after:
            promised = facts.commitments[accept]
            identity = self._identities[promised.author]
            with self._conduct(identity):
                identity.undeliver(promised, facts.id)

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
            self._contested.put(facts.id, contested)
        else:
            self._contested.drop(facts.id)
        for book, view in self._mine.values():
            self._learn_as(book, view, facts)

    def _learn_as(self, book: TrustBook, view: View, facts: ClaimFacts) -> None:
        assert facts.claim is not None
        tolerance = self._tracks[facts.claim.track].tolerance
        for peer in book.observe(facts.id, own_comparisons(facts, tolerance, book.viewer)):
            for claim in self._identities[peer].claims:
                self._touch_in(view, claim)

    def _touch_all(self, claims: Iterable[ContentId]) -> None:
        for claim in claims:
            for view in self._views():
                self._touch_in(view, claim)

    def _touch_in(self, view: View, claim: ContentId) -> None:
        card = self._register.card(claim)
        if card is not None and card.track in self._tracks:
            view.touch(card.track, claim)

    def _is_silent(self, author: AuthorId, record: ContentId) -> bool:
        """Whether a finding or an ablation does not speak: its author equivocated or took it back."""
        return self._identities[author].equivocated or self._register.is_retracted(record, author)


_PROFILE = packed(
    lambda known: (known[0], known[1], *astuple(known[2])),
    lambda time_ms, record, *profile: (time_ms, ContentId(record), Profile(*profile)),
)
_CONTESTED = packed(
    lambda found: tuple((item.publisher, item.checker, item.seed) for item in sorted(found, key=_by_seed)),
    lambda *found: frozenset(
        Comparison(AuthorId(publisher), AuthorId(checker), seed, Agreement.DIFFERENT)
        for publisher, checker, seed in found
    ),
)
_MANIFEST: Codec[TrackManifest] = Codec(
    lambda manifest: encode(manifest.payload()),
    lambda data: TrackManifest.read(Fields(cast("ValueMap", decode(data)), "track")),
)


def _by_seed(item: Comparison) -> tuple[int, AuthorId, AuthorId]:
    return (item.seed, item.publisher, item.checker)
