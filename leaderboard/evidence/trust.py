"""Trust that is earned: how a peer's published numbers fared when the viewer itself ran them again.

"My board" counts a peer's replications only after the viewer's own re-runs of seeds which that peer had
published agreed with them. A peer whose own re-runs merely agree earns nothing (published numbers can be
copied), but a re-run of its that the viewer's contradicts costs. So no crowd of identities can vote itself
in: symmetric reputation is never proof against Sybils (Cheng and Friedman, 2005), trust rooted in one's own
measurements is.

Each pair (claim, seed) is one observation: agreement if any re-run by the viewer matched. The rate of
agreement has a Beta(1 + agreed, 1 + differed) posterior. A peer is quarantined while it has not outweighed
each difference by nine agreements (posterior odds for a rate of 0.9): never for unwelcome outcomes, only for
numbers that do not replay, and NaN against a number or a sensitive seed is not a difference. Quarantine is
appealable by evidence: `disputes` lists what to run again, a matching second run of the disputed seed
withdraws the difference, and further agreements outweigh it.

Tolerance class D3 gives no replays, so nobody is trusted or quarantined by it: such tracks show the common
board alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import TypeAlias

from ..ids import AuthorId, ContentId
from ..tables import FLAG, MemoryTables, Tables, packed
from .electorate import Weight
from .facts import Commitment
from .identities import Identities
from .replay import Agreement, Comparison

__all__ = ["Dispute", "MyElectorate", "PeerTrust", "TrustBook"]

_OUTWEIGH = 9
"""Agreements that outweigh one difference: an honest rate of 0.9 or more. A guess, simulated in bench/."""


@dataclass(frozen=True, slots=True)
class PeerTrust:
    """What the viewer's own checks say about one peer."""

    agreed: int
    differed: int

    @property
    def mean(self) -> float:
        """Posterior mean of the rate of agreement under a uniform prior."""
        return (1 + self.agreed) / (2 + self.agreed + self.differed)

    @property
    def quarantined(self) -> bool:
        return self.differed > 0 and self.agreed < _OUTWEIGH * self.differed

    @property
    def trusted(self) -> bool:
        """Whether its replications count on the viewer's board."""
        return self.agreed > 0 and not self.quarantined

    @property
    def reason(self) -> str:
        """In words, for `consilience peers`."""
        if not self.agreed and not self.differed:
            return "not checked by you yet"
        runs = self.agreed + self.differed
        checks = f"{self.agreed} of {runs} of your re-runs agreed (rate expected: {self.mean:.2f})"
        if self.quarantined:
            wanted = _OUTWEIGH * self.differed
            return f"quarantined: {checks}; restored by a matching re-run or at {wanted} agreements"
        return checks


@dataclass(frozen=True, slots=True, order=True)
class Dispute:
    """A difference that the viewer should run again before it is held against the peer."""

    claim: ContentId
    seed: int
    peer: AuthorId


class TrustBook:
    """One viewer's observations, by claim, so that a claim's records can be read again when they change."""

    def __init__(self, viewer: AuthorId, tables: Tables | None = None) -> None:
        tables = tables or MemoryTables()
        self.viewer = viewer
        self._by_claim = tables.table("observed", _OBSERVED)
        self._totals = tables.table("trust", _TRUST)
        self._disputes = tables.table("disputes", FLAG)

    def observe(self, claim: ContentId, found: Iterable[Comparison]) -> set[AuthorId]:
        """Replace what `claim` taught; returns the peers whose trust changed."""
        key = self.viewer + claim
        before = self._by_claim.get(key) or {}
        after = self._observations(found)
        if before == after:
            return set()
        if after:
            self._by_claim.put(key, after)
        else:
            self._by_claim.drop(key)
        self._dispute(claim, before, after)
        return self._settle(before, after)

    def of(self, peer: AuthorId) -> PeerTrust:
        """What is known about one peer."""
        return self._totals.get(self.viewer + peer) or _STRANGER

    def peers(self) -> Mapping[AuthorId, PeerTrust]:
        """Everyone the viewer has an observation of."""
        return {AuthorId(key[32:]): trust for key, trust in self._totals.scan(self.viewer)}

    def disputes(self) -> list[Dispute]:
        """Differences that rest on a single run of the viewer's, in order: a second run hears the appeal."""
        keys = (key[32:] for key, _ in self._disputes.scan(self.viewer))
        return [
            Dispute(ContentId(key[:32]), int.from_bytes(key[32:40], "big"), AuthorId(key[40:]))
            for key in keys
        ]

    def _dispute(self, claim: ContentId, before: _Observations, after: _Observations) -> None:
        for observations, write in ((before, False), (after, True)):
            for (peer, seed), (agreed, runs) in observations.items():
                key = self.viewer + claim + seed.to_bytes(8, "big") + peer
                if write and not agreed and runs == 1:
                    self._disputes.put(key, True)
                else:
                    self._disputes.drop(key)

    def _observations(self, found: Iterable[Comparison]) -> _Observations:
        items: dict[tuple[AuthorId, int], list[Comparison]] = {}
        for item in found:
            if item.agreement in (Agreement.SAME, Agreement.DIFFERENT):
                items.setdefault((item.publisher, item.seed), []).append(item)
        seen: _Observations = {}
        for key, group in items.items():
            same = [item for item in group if item.agreement is Agreement.SAME]
            if all(item.copyable for item in same) and same:
                continue  # agreeing with what could be copied earns nothing and excuses everything
            seen[key] = (bool(same), len(group))
        return seen

    def _settle(self, before: _Observations, after: _Observations) -> set[AuthorId]:
        changed: set[AuthorId] = set()
        for observations, sign in ((before, -1), (after, 1)):
            for (peer, _), (agreed, _) in observations.items():
                old = self.of(peer)
                new = PeerTrust(old.agreed + sign * agreed, old.differed + sign * (not agreed))
                self._totals.put(self.viewer + peer, new)
                changed.add(peer)
        for peer in changed:
            if self.of(peer) == _STRANGER:
                self._totals.drop(self.viewer + peer)
        return changed


_STRANGER = PeerTrust(0, 0)
_Observations: TypeAlias = dict[tuple[AuthorId, int], tuple[bool, int]]
"""By peer and seed: whether the viewer's runs agreed, and how many runs that rests on."""
_OBSERVED = packed(
    lambda seen: tuple((peer, seed, agreed, runs) for (peer, seed), (agreed, runs) in seen.items()),
    lambda *seen: {(AuthorId(peer), seed): (agreed, runs) for peer, seed, agreed, runs in seen},
)
_TRUST = packed(astuple, PeerTrust)


class MyElectorate:
    """The viewer and the peers its own checks found honest; everyone else is silent, and no veto either."""

    def __init__(self, book: TrustBook, identities: Identities) -> None:
        self.viewer: AuthorId | None = book.viewer
        self._book = book
        self._identities = identities

    def weight(self, author: AuthorId, claim: ContentId) -> Weight:
        """How `author`'s replications of `claim` count on the viewer's board."""
        identity = self._identities[author]
        if author == self.viewer:
            return Weight.KNOWN
        if identity.equivocated:
            return Weight.EQUIVOCATED
        trust = self._book.of(author)
        if trust.quarantined:
            return Weight.QUARANTINED
        if not trust.trusted:
            return Weight.UNTRUSTED
        return identity.weight(claim) if identity.withholds else Weight.KNOWN

    def overdue(self, promised: Commitment) -> bool:
        """Whether an accept without delivery is no longer believed to be running."""
        return self._identities[promised.author].is_overdue(promised)
