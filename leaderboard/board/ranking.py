"""The order of confirmed claims: by what is certain, and among equals the shorter recipe first.

Each confirmed claim has a margin over the track's reference: a lower bound, corrected for selection; the
median; an upper end. The leader is the claim with the greatest lower bound. Claims that the data cannot tell
from the leader (their interval reaches the leader's median, and their median comes as near to it as the
policy's `tie`) form its tier; then the rest is peeled the same way. Ties are judged against the leader
alone, because "cannot be told apart" is not transitive. Within a tier the shorter canonical recipe comes
first (Occam's razor as public policy: a law beats a table of constants that fits no better), then the greater
lower bound, then id.

Tiers are peeled lazily from the top, the last of them only as far as somebody reads, and kept until a change
reaches into them, so the first rows of a large board stay cheap to read after any change. The claims lie in
three tables, by each of the orders that peeling follows. A tier is found by walking two of them in turn, by
Occam's order and by median: a large tier shows its first rows early in the one, a small one is soon walked
through in the other.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass

from ..ids import ContentId
from ..tables import MemoryTables, Table, Tables, ordered, packed

__all__ = ["Margin", "Placed", "Ranking"]

_LEAST_ROWS = 16
"""Rows of a tier that are looked for at least: reading a few more costs less than looking again."""


@dataclass(frozen=True, slots=True)
class Margin:
    """The effect against the track's reference, in units of the metric."""

    lower: float
    median: float
    upper: float
    chained: bool
    """Whether it was measured against another claim and added to that claim's margin."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A claim that takes part in the ranking."""

    claim: ContentId
    margin: Margin
    recipe_bytes: int

    @property
    def by_lower(self) -> tuple[float, ContentId]:
        return (-self.margin.lower, self.claim)

    @property
    def in_tier(self) -> tuple[int, float, ContentId]:
        return (self.recipe_bytes, -self.margin.lower, self.claim)

    def ties_with(self, leader: Placed, tie: float) -> bool:
        """Whether neither data nor a difference of more than `tie` tells it from `leader`.

        Overlapping intervals alone are no tie: with few seeds they all overlap, and the shortest recipe
        would win by being short.
        """
        margin, first = self.margin, leader.margin
        reaches = margin.upper >= first.median and margin.median >= first.median - tie
        return self.claim == leader.claim or reaches


_PLACED = packed(
    lambda placed: (
        placed.claim, placed.margin.lower, placed.margin.median, placed.margin.upper, placed.margin.chained,
        placed.recipe_bytes,
    ),
    lambda claim, lower, median, upper, chained, size: Placed(
        ContentId(claim), Margin(lower, median, upper, chained), size
    ),
)  # fmt: skip


@dataclass(slots=True)
class _Tier:
    leader: Placed
    members: list[tuple[tuple[int, float, ContentId], Placed]]
    """Sorted by Occam's key."""
    whole: bool
    """False if these are only its first members."""


class _Walk:
    """An order of the claims, walked from its start again and again, which reads no row twice."""

    def __init__(self, rows: Iterator[Placed]) -> None:
        self._rows = rows
        self._seen: list[Placed] = []

    def __iter__(self) -> Iterator[Placed]:
        index = 0
        while True:
            if index == len(self._seen):
                row = next(self._rows, None)
                if row is None:
                    return
                self._seen.append(row)
            yield self._seen[index]
            index += 1


@dataclass(frozen=True, slots=True)
class _Orders:
    """The three orders as they are while nothing changes."""

    by_lower: _Walk
    by_median: _Walk
    by_size: _Walk


class Ranking:
    """A set of placed claims, kept in order."""

    def __init__(self, tie: float, tables: Tables | None = None, prefix: bytes = b"") -> None:
        """`tie`: how far below the leader's median a claim may lie and still tie, in units of the metric.

        `prefix` tells this ranking from others in the same tables.
        """
        tables = tables or MemoryTables()
        self._tie = tie
        self._prefix = prefix
        self._placed = tables.table("placed", _PLACED)
        self._by_lower = tables.table("by_lower", _PLACED)
        self._by_median = tables.table("by_median", _PLACED)
        self._by_size = tables.table("by_size", _PLACED)
        self._tiers: list[_Tier] = []
        self._tier_of: dict[ContentId, int] = {}

    def put(self, placed: Placed) -> bool:
        """Enter a claim, or replace its margin; whether that is news."""
        if self._placed.get(self._prefix + placed.claim) == placed:
            return False
        self.remove(placed.claim)
        self._placed.put(self._prefix + placed.claim, placed)
        for table, key in self._keys(placed):
            table.put(key, placed)
        self._join(placed)
        return True

    def remove(self, claim: ContentId) -> bool:
        """Take a claim out; whether it was in."""
        placed = self._placed.get(self._prefix + claim)
        if placed is None:
            return False
        self._placed.drop(self._prefix + claim)
        for table, key in self._keys(placed):
            table.drop(key)
        index = self._tier_of.get(claim)
        if index is None:
            return True
        tier = self._tiers[index]
        if tier.leader.claim == claim:
            self._cut(index)
            return True
        del self._tier_of[claim]
        del tier.members[bisect_left(tier.members, (placed.in_tier,))]
        return True

    def top(self, most: int) -> list[tuple[int, Placed]]:
        """The first `most` claims with their tiers, counted from 1."""
        rows: list[tuple[int, Placed]] = []
        index = 0
        orders = _Orders(self._walk(self._by_lower), self._walk(self._by_median), self._walk(self._by_size))
        while len(rows) < most and self._reach(index, most - len(rows), orders):
            members = self._tiers[index].members
            rows.extend((index + 1, placed) for _, placed in members[: most - len(rows)])
            index += 1
        return rows

    @property
    def leader(self) -> Placed | None:
        """The claim with the greatest lower bound."""
        if self._tiers:
            return self._tiers[0].leader
        return next(iter(self._walk(self._by_lower)), None)

    def _walk(self, table: Table[Placed]) -> _Walk:
        return _Walk(placed for _, placed in table.scan(self._prefix))

    def _keys(self, placed: Placed) -> tuple[tuple[Table[Placed], bytes], ...]:
        lower = ordered(-placed.margin.lower)
        return (
            (self._by_lower, self._prefix + lower + placed.claim),
            (self._by_median, self._prefix + ordered(-placed.margin.median) + placed.claim),
            (self._by_size, self._prefix + placed.recipe_bytes.to_bytes(4, "big") + lower + placed.claim),
        )

    def _join(self, placed: Placed) -> None:
        """Enter a new claim into the tiers that are peeled already."""
        for index, tier in enumerate(self._tiers):
            if placed.by_lower < tier.leader.by_lower:
                self._cut(index)
                return
            if placed.ties_with(tier.leader, self._tie):
                if tier.whole or (tier.members and placed.in_tier < tier.members[-1][0]):
                    self._tier_of[placed.claim] = index
                    insort(tier.members, (placed.in_tier, placed))
                return

    def _cut(self, index: int) -> None:
        """Forget the tiers from `index` on: their leader changed."""
        for tier in self._tiers[index:]:
            self._tier_of.pop(tier.leader.claim, None)
            for _, member in tier.members:
                self._tier_of.pop(member.claim, None)
        del self._tiers[index:]

    def _reach(self, index: int, most: int, orders: _Orders) -> bool:
        """Peel as far as the first `most` members of tier `index`; False if there is no such tier."""
        if index < len(self._tiers):
            tier = self._tiers[index]
            if tier.whole or len(tier.members) >= most:
                return True
            self._cut(index)
        return self._peel(max(most, _LEAST_ROWS), orders)

    def _peel(self, most: int, orders: _Orders) -> bool:
        """Form the next tier from the claims that are in none; False if there are none left."""
        leader = next((placed for placed in orders.by_lower if placed.claim not in self._tier_of), None)
        if leader is None:
            return False
        members, whole = self._members(leader, most, orders)
        self._tiers.append(_Tier(leader, sorted((member.in_tier, member) for member in members), whole))
        # A leader that is not among the first rows of its tier is nevertheless in no other.
        for claim in (leader.claim, *(member.claim for member in members)):
            self._tier_of[claim] = len(self._tiers) - 1
        return True

    def _members(self, leader: Placed, most: int, orders: _Orders) -> tuple[list[Placed], bool]:
        """All members of a leader's tier and True, or its first `most` and False: what is found first."""
        first: list[Placed] = []
        every: list[Placed] = []
        near = self._near(leader, orders)
        for placed in orders.by_size:
            if self._belongs(placed, leader):
                first.append(placed)
                if len(first) == most:
                    return first, False
            other = next(near, None)
            if other is None:
                return every, True
            if self._belongs(other, leader):
                every.append(other)
        return first, True

    def _near(self, leader: Placed, orders: _Orders) -> Iterator[Placed]:
        """Every claim whose median may tie with the leader's, and the leader itself."""
        yield leader
        for placed in orders.by_median:
            if placed.margin.median < leader.margin.median - self._tie:
                return
            if placed.claim != leader.claim:
                yield placed

    def _belongs(self, placed: Placed, leader: Placed) -> bool:
        return placed.claim not in self._tier_of and placed.ties_with(leader, self._tie)
