"""What entry into the set costs: token buckets that delay, and proof of work that a swarm may ask for.

Identities are free and the set only grows, so without a price a stranger fills every disk. Three quotas, in
bytes, by the receiver's monotonic clock: per author, per source (the peer that brings a record) and per
*pool*, one shared by all authors of no standing. The pool is what bounds a flood of free identities: however
many there are, together they get its burst once and its rate afterwards (docs/threat-model.md has the
figures). Authors whom this node's own checks found honest, and its own, need no pool; peers it is connected
to have a pool of their own, so that a flood of strangers cannot shut out a newcomer who is really there.

A quota never refuses, it answers "not now": what is over it stays in the difference between two sets and is
offered again, so the set that everybody ends with does not depend on the order of arrival, only the time at
which it is reached. Buckets are kept as one number (GCRA: the time at which the bucket is full again).
Rejected: counting by the author's clock or sequence numbers, which cost an attacker nothing to choose; and
earned standing through strangers' replications, which Sybils give each other.

Proof of work is part of a swarm's identity, because nodes that disagree about it would hold different sets.
The proof is in the *last* bits of the content id, so the leading ones, by which sets are reconciled and
transferred, stay evenly spread.

Not covered: a flood delays honest strangers who share its pool, and a restart fills all buckets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .errors import LocalError
from .ids import AuthorId, ContentId

__all__ = ["MAX_WORK_BITS", "Allowance", "Postponed", "Quotas", "Rate", "Standing", "has_work"]

MAX_WORK_BITS = 32
"""An hour of one core per record; more is a mistake."""
RECORD_COST = 256
"""Bytes a record costs beside its own: rows of three indexes and its part of a sketch (bench/results)."""
_DAY = 86_400.0
_MIB = 1 << 20
_MOST_KEYS = 65_536
_MOST_POSTPONED = 65_536


class Standing(Enum):
    """Which pool an author's records draw from."""

    TRUSTED = "trusted"
    """None: this node itself, authors its own checks found honest, authors on the allow-list."""
    NEIGHBOUR = "neighbour"
    """Authors whose node this node is connected to."""
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `burst` bytes at once, then `a_second` bytes a second."""

    burst: float
    a_second: float

    def __post_init__(self) -> None:
        if self.burst <= 0 or self.a_second <= 0:
            raise LocalError("a quota of nothing would delay for ever; refuse the author instead")


@dataclass(frozen=True, slots=True)
class Allowance:
    """The quotas of one node. Bursts are large, because a node that catches up meets everything at once."""

    author: Rate = Rate(256 * _MIB, 16 * 1024)
    """Some 30 records a second for ever; a research agent makes less than one."""
    source: Rate = Rate(1024 * _MIB, 2 * _MIB)
    """One peer may bring a million records at once, then 3,000 a second."""
    pool: Rate = Rate(1024 * _MIB, 1024 * _MIB / _DAY)
    """Everything that strangers (and again, that neighbours) may store: a gigabyte, and one more a day."""

    @classmethod
    def daily(cls, megabytes: int) -> Allowance:
        """The default quotas with pools of `megabytes` at once and as many a day."""
        size = float(megabytes * _MIB)
        return cls(pool=Rate(size, size / _DAY))


class _Buckets:
    """Token buckets of one rate, one per key; a full bucket is not remembered."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at: OrderedDict[object, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def room(self, key: object, cost: int, now: float) -> bool:
        """Whether `cost` fits now. A full bucket takes anything, so nothing waits for ever."""
        full_at = self._full_at.get(key, now)
        if full_at <= now:
            return True
        return (full_at - now) * self._rate.a_second + cost <= self._rate.burst

    def take(self, key: object, cost: int, now: float) -> None:
        self._full_at[key] = max(self._full_at.get(key, now), now) + cost / self._rate.a_second
        self._full_at.move_to_end(key)
        while len(self._full_at) > _MOST_KEYS or next(iter(self._full_at.values())) <= now:
            self._full_at.popitem(last=False)


class Quotas:
    """The token buckets of one node. `standing` says which pool an author draws from."""

    def __init__(
        self,
        allowance: Allowance | None = None,
        standing: Callable[[AuthorId], Standing] = lambda _: Standing.STRANGER,
    ) -> None:
        allowance = allowance or Allowance()
        self._standing = standing
        self._authors = _Buckets(allowance.author)
        self._sources = _Buckets(allowance.source)
        self._pools = _Buckets(allowance.pool)

    def delay(self, author: AuthorId, source: str, size: int, now: float) -> str:
        """Why a record of `size` bytes has to wait; empty if it has not. Takes nothing."""
        cost = size + RECORD_COST
        if not self._sources.room(source, cost, now):
            return "over the quota of the peer that brought it"
        if not self._authors.room(author, cost, now):
            return "over the author's quota"
        standing = self._standing(author)
        if standing is not Standing.TRUSTED and not self._pools.room(standing, cost, now):
            return f"over the quota that {standing.value}s share"
        return ""

    def charge(self, author: AuthorId, source: str, size: int, now: float) -> str:
        """As `delay`, and if nothing speaks against it the record is paid for. Only for genuine records:
        otherwise anyone could use up another author's quota."""
        why = self.delay(author, source, size, now)
        if not why:
            cost = size + RECORD_COST
            self._sources.take(source, cost, now)
            self._authors.take(author, cost, now)
            standing = self._standing(author)
            if standing is not Standing.TRUSTED:
                self._pools.take(standing, cost, now)
        return why

    def tracked(self) -> int:
        """Buckets held in memory; bounded whatever peers do."""
        return len(self._authors) + len(self._sources) + len(self._pools)


class Postponed:
    """Which records were offered and ignored, and until when asking for them again is a waste."""

    def __init__(self, most: int = _MOST_POSTPONED) -> None:
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def put_off(self, key: bytes, until: float) -> None:
        """Do not ask for `key` before `until`."""
        self._until[key] = until
        self._until.move_to_end(key)
        while len(self._until) > self._most:
            self._until.popitem(last=False)

    def waits(self, key: bytes, now: float) -> bool:
        """Whether `key` need not be asked for yet."""
        until = self._until.get(key)
        if until is None or until > now:
            return until is not None
        del self._until[key]
        return False

    def clear(self) -> None:
        """Everything may be asked for again."""
        self._until.clear()


def has_work(content_id: ContentId, bits: int) -> bool:
    """Whether the last `bits` bits of an id are zero: 2^bits hashes for its author, one look for us."""
    return not int.from_bytes(content_id[-5:], "big") & ((1 << bits) - 1)
