"""What each identity did across claims: chains, accepts kept and not kept, and proofs of equivocation.

Two envelopes of one author with one (chain, seq) are a transferable proof that it equivocated; its
measurements then stop counting, whichever envelope arrived first. Positions are remembered by 16 bytes of
the id: telling two envelopes apart wrongly would take 2^64 hashes.

An accept without delivery is *overdue*, and its seeds losses, once its author has delivered `grace` accepts
that it made later in the same chain, or once it holds more than `in_flight` open accepts (which also
catches abandoning a chain). No clock takes part: a slow honest node is never overdue for being slow.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from ..envelope import Envelope
from ..ids import ContentId
from .electorate import Weight
from .policy import Policy

__all__ = ["Chain", "Identity", "Placement"]

_MARK = 16


class Placement(Enum):
    """What an envelope's place in its chain says about it."""

    NEW = "new"
    DUPLICATE = "known already"
    FORK = "another envelope holds its place"


@dataclass(slots=True)
class Chain:
    """Which envelope holds which position of one chain: 16 bytes each while positions arrive in order."""

    dense: bytearray = field(default_factory=bytearray)
    sparse: dict[int, bytes] = field(default_factory=dict)
    forks: dict[int, set[bytes]] = field(default_factory=dict)

    def place(self, envelope: Envelope) -> Placement:
        """Enter an envelope; the same one again is a duplicate."""
        mark, seq = envelope.id[:_MARK], envelope.seq
        holder = self._holder(seq)
        if holder is None:
            self._enter(seq, mark)
            return Placement.NEW
        if holder == mark or mark in self.forks.get(seq, ()):
            return Placement.DUPLICATE
        self.forks.setdefault(seq, set()).add(mark)
        return Placement.FORK

    def is_taken(self, envelope: Envelope) -> bool:
        """Whether another envelope holds the place that this one, which is not in the set, claims."""
        holder = self._holder(envelope.seq)
        return holder is not None and holder != envelope.id[:_MARK]

    def _holder(self, seq: int) -> bytes | None:
        start = seq * _MARK
        if start < len(self.dense):
            return bytes(self.dense[start : start + _MARK])
        return self.sparse.get(seq)

    def _enter(self, seq: int, mark: bytes) -> None:
        if seq * _MARK != len(self.dense):
            self.sparse[seq] = mark
            return
        self.dense += mark
        while (following := self.sparse.pop(len(self.dense) // _MARK, None)) is not None:
            self.dense += following


@dataclass(slots=True)
class Identity:
    """One author's conduct as a replicator."""

    policy: Policy
    chains: dict[bytes, Chain] = field(default_factory=dict)
    equivocated: bool = False
    claims: set[ContentId] = field(default_factory=set)
    """Claims that it wrote measurements about."""
    _accepts: dict[ContentId, _Accept] = field(default_factory=dict)
    _kept: set[ContentId] = field(default_factory=set)
    _late: set[ContentId] = field(default_factory=set)
    """Without delivery, and overtaken by later deliveries in the same chain."""
    _fresh: dict[bytes, list[tuple[int, ContentId]]] = field(default_factory=dict)
    """Without delivery and not overtaken, by chain, in order."""
    _fresh_total: int = 0
    _kept_seqs: dict[bytes, list[int]] = field(default_factory=dict)
    _kept_claims: Counter[ContentId] = field(default_factory=Counter)

    def proves_fork(self, envelope: Envelope) -> bool:
        """Whether an envelope outside the set would be the first proof that it equivocated."""
        chain = self.chains.get(envelope.chain)
        return not self.equivocated and chain is not None and chain.is_taken(envelope)

    def accept(self, accept: ContentId, chain: bytes, seq: int, claim: ContentId) -> None:
        """It committed itself to run `claim`."""
        self._accepts[accept] = _Accept(chain, seq, claim)
        self._reopen(accept)

    def deliver(self, accept: ContentId) -> None:
        """The accept now has a valid delivery."""
        entry = self._accepts[accept]
        self._kept.add(accept)
        self._kept_claims[entry.claim] += 1
        insort(self._kept_seqs.setdefault(entry.chain, []), entry.seq)
        if accept in self._late:
            self._late.remove(accept)
        else:
            fresh = self._fresh[entry.chain]
            del fresh[bisect_left(fresh, (entry.seq, accept))]
            self._fresh_total -= 1
        self._overtake(entry.chain)

    def undeliver(self, accept: ContentId) -> None:
        """The delivery turned out to be contradicted by another one under the same accept."""
        entry = self._accepts[accept]
        self._kept.remove(accept)
        self._kept_claims[entry.claim] -= 1
        self._kept_claims += Counter()  # drops zero counts
        self._kept_seqs[entry.chain].remove(entry.seq)
        again = [late for late in self._late if self._accepts[late].chain == entry.chain]
        self._late.difference_update(again)
        for reopened in (*again, accept):
            self._reopen(reopened)

    def is_overdue(self, accept: ContentId) -> bool:
        """Whether an accept without delivery is no longer believed to be running."""
        if accept in self._kept or accept not in self._accepts:
            return False
        return accept in self._late or self._fresh_total > self.policy.in_flight

    @property
    def withholds(self) -> bool:
        """Whether it left more accepts overdue than it delivered."""
        crowd = self._fresh_total if self._fresh_total > self.policy.in_flight else 0
        return len(self._late) + crowd > len(self._kept)

    @property
    def delivered(self) -> int:
        """How many of its accepts have a valid delivery."""
        return len(self._kept)

    @property
    def pending(self) -> int:
        """How many of its accepts have none."""
        return len(self._accepts) - len(self._kept)

    def weight(self, claim: ContentId) -> Weight:
        """How the common board hears it on `claim`."""
        if self.equivocated:
            return Weight.EQUIVOCATED
        if self.withholds:
            return Weight.WITHHOLDS
        elsewhere = len(self._kept_claims) - (claim in self._kept_claims)
        return Weight.KNOWN if elsewhere >= self.policy.known_after else Weight.NEWCOMER

    @property
    def conduct(self) -> tuple[bool, bool, int]:
        """What its weight on any claim depends on: if this changes, all its claims must be looked at."""
        known = min(len(self._kept_claims), self.policy.known_after + 1)
        return (self.equivocated, self.withholds, known)

    def unsettled(self) -> list[ContentId]:
        """Claims whose open accepts may become overdue, or cease to be, by its next record."""
        if self._fresh_total > self.policy.in_flight + 1:
            return []  # all are overdue already and stay so
        return [self._accepts[accept].claim for fresh in self._fresh.values() for _, accept in fresh]

    def _overtaken_below(self, chain: bytes) -> int:
        """Accepts at positions below this one have `grace` later deliveries in their chain."""
        seqs = self._kept_seqs.get(chain, ())
        return seqs[-self.policy.grace] if len(seqs) >= self.policy.grace else -1

    def _reopen(self, accept: ContentId) -> None:
        entry = self._accepts[accept]
        if entry.seq < self._overtaken_below(entry.chain):
            self._late.add(accept)
        else:
            insort(self._fresh.setdefault(entry.chain, []), (entry.seq, accept))
            self._fresh_total += 1

    def _overtake(self, chain: bytes) -> None:
        fresh = self._fresh.get(chain, [])
        count = bisect_left(fresh, (self._overtaken_below(chain), b""))
        self._late.update(accept for _, accept in fresh[:count])
        del fresh[:count]
        self._fresh_total -= count


@dataclass(frozen=True, slots=True)
class _Accept:
    chain: bytes
    seq: int
    claim: ContentId
