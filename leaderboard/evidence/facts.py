"""Everything the record set says about one claim, and which deliveries are valid.

Records arrive in any order, so facts are only collected here; whether they fit together is decided when the
claim and the accept are both known. A replication is a valid delivery if its author made the accept, the
revealed secret opens the commitment, and its seeds are a prefix of those that the secret derives. Two
different measurements under one accept cancel each other: neither is a delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..ablation import Ablation
from ..codec import encode
from ..envelope import Envelope
from ..ids import AuthorId, ContentId, RecipeId
from ..measurement import Measurement
from ..records import Accept, Claim, Finding, Replication, Result, Retraction, commitment, recipe_id
from .seeds import author_seeds, replicator_seeds

if TYPE_CHECKING:
    from .replay import Comparison
    from .standing import Assessment, Hearing

__all__ = ["ClaimFacts", "Commitment", "Delivery"]


@dataclass(frozen=True, slots=True)
class Commitment:
    """An accept: who promised how many seeds, and where it stands in its author's chain."""

    id: ContentId
    author: AuthorId
    chain: bytes
    seq: int
    accept: Accept

    @property
    def order(self) -> tuple[int, bytes, bytes]:
        """Order in which one author's accepts use up its seed cap."""
        return (self.seq, self.chain, self.id)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A valid replication of one accept."""

    commitment: Commitment
    own: Measurement
    replay: Measurement | None


@dataclass(slots=True)
class ClaimFacts:
    """The records about one claim; grows, never shrinks."""

    id: ContentId
    claim: Claim | None = None
    author: AuthorId | None = None
    time_ms: int = 0
    recipe: RecipeId | None = None
    recipe_bytes: int = 0
    """Length of the recipe's canonical encoding: the description length that breaks ties."""
    results: dict[ContentId, tuple[AuthorId, Result]] = field(default_factory=dict)
    commitments: dict[ContentId, Commitment] = field(default_factory=dict)
    replications: dict[ContentId, tuple[AuthorId, Replication]] = field(default_factory=dict)
    findings: dict[ContentId, tuple[AuthorId, Finding, int]] = field(default_factory=dict)
    ablations: dict[ContentId, tuple[AuthorId, Ablation]] = field(default_factory=dict)
    retractors: set[AuthorId] = field(default_factory=set)
    settled: frozenset[ContentId] = frozenset()
    """Accepts whose delivery has been put down to their authors (leaderboard.standings)."""
    size: int = 0
    """Bytes of the records that were read, roughly; 0 if there was none."""
    _judged: dict[ContentId, bool] = field(default_factory=dict)
    """Replications whose seeds were checked against their accept; the verdict is final."""
    _deliveries: dict[ContentId, Delivery] | None = None
    _measured: tuple[Measurement, ...] | None = None
    compared: dict[str, tuple[Comparison, ...]] = field(default_factory=dict)
    """What re-runs say, by tolerance class: leaderboard.evidence.replay works it out when it is asked."""
    assessed: dict[Hearing, Assessment] = field(default_factory=dict)
    """What the records add up to, by who is heard: leaderboard.evidence.standing works it out likewise."""

    def add(self, envelope: Envelope) -> None:
        """Collect one record about this claim (the claim itself included); once per envelope."""
        record = envelope.record
        self.size += len(envelope.raw) + _OVERHEAD
        match record:
            case Claim():
                self.claim, self.author, self.time_ms = record, envelope.author, envelope.time_ms
                self.recipe, self.recipe_bytes = recipe_id(record.recipe), len(encode(record.recipe))
            case Result():
                self.results[envelope.id] = (envelope.author, record)
            case Accept():
                self.commitments[envelope.id] = Commitment(
                    envelope.id, envelope.author, envelope.chain, envelope.seq, record
                )
            case Replication():
                self.replications[envelope.id] = (envelope.author, record)
            case Ablation():
                self.ablations[envelope.id] = (envelope.author, record)
                return
            case Finding():
                self.findings[envelope.id] = (envelope.author, record, envelope.time_ms)
                return
            case Retraction(target=target) if target == self.id:
                self.retractors.add(envelope.author)
                return
            case _:
                return
        self._deliveries = self._measured = None
        self.compared.clear()
        self.assessed.clear()

    @property
    def retracted(self) -> bool:
        """Whether the claim's own author took it back."""
        return self.author in self.retractors

    @property
    def measured(self) -> tuple[Measurement, ...]:
        """The author's measurements on its own derived seeds, in order of record id."""
        if self._measured is None:
            self._measured = tuple(
                self.results[key][1].measurement for key in sorted(self.results) if self._is_own(key)
            )
        return self._measured

    @property
    def deliveries(self) -> Mapping[ContentId, Delivery]:
        """Valid deliveries by the id of their accept."""
        if self._deliveries is None:
            self._deliveries = self._match()
        return self._deliveries

    def _is_own(self, key: ContentId) -> bool:
        author, result = self.results[key]
        if self.claim is None or author != self.author:
            return False
        seeds = result.measurement.seeds
        return bool(seeds) and seeds == author_seeds(self.claim.track, author, len(seeds))

    def _match(self) -> dict[ContentId, Delivery]:
        found: dict[ContentId, Delivery] = {}
        contradicted: set[ContentId] = set()
        for key in sorted(self.replications):
            author, replication = self.replications[key]
            promised = self.commitments.get(replication.accept)
            if promised is None or self.claim is None:
                continue
            if key not in self._judged:
                self._judged[key] = self._delivers(author, replication, promised)
            if not self._judged[key]:
                continue
            first = found.setdefault(promised.id, Delivery(promised, replication.own, replication.replay))
            if not _same_values(first.own, replication.own):
                contradicted.add(promised.id)
        return {key: delivery for key, delivery in found.items() if key not in contradicted}

    def _delivers(self, author: AuthorId, replication: Replication, promised: Commitment) -> bool:
        if self.claim is None or author != promised.author or author == self.author:
            return False
        if promised.accept.commitment != commitment(self.id, author, replication.secret):
            return False
        seeds = replication.own.seeds
        if not 0 < len(seeds) <= promised.accept.seeds:
            return False
        return seeds == replicator_seeds(self.claim.track, self.id, author, replication.secret, len(seeds))


_OVERHEAD = 200
"""Bytes of an envelope beside its wire form. A guess."""


def _same_values(a: Measurement, b: Measurement) -> bool:
    return (a.seeds, a.candidate, a.opponent) == (b.seeds, b.candidate, b.opponent)
