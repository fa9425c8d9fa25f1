"""The order of confirmed claims: by what is certain, and among equals the shorter recipe first.

Each confirmed claim has a margin over the track's reference: a lower bound, corrected for selection; the
median; an upper end. The leader is the claim with the greatest lower bound. Claims that the data cannot tell
from the leader (their interval reaches the leader's median, and their median comes as near to it as the
policy's `tie`) form its tier; then the rest is peeled the same way. Ties are judged against the leader
alone, because "cannot be told apart" is not transitive. Within a tier the shorter canonical recipe comes
first (Occam's razor as public policy: a law beats a table of constants that fits no better), then the greater
lower bound, then id.

Tiers are peeled lazily from the top and kept until a change reaches into them, so the first rows of a large
board stay cheap to read after any change.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass

from ..ids import ContentId

__all__ = ["Margin", "Placed", "Ranking"]


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
    def by_median(self) -> tuple[float, ContentId]:
        return (-self.margin.median, self.claim)

    @property
    def in_tier(self) -> tuple[int, float, ContentId]:
        return (self.recipe_bytes, -self.margin.lower, self.claim)

    def ties_with(self, leader: Placed, tie: float) -> bool:
        """Whether neither data nor a difference of more than `tie` tells it from `leader`.

        Overlapping intervals alone are no tie: with few seeds they all overlap, and the shortest recipe
        would win by being short.
        """
        margin, first = self.margin, leader.margin
        return self is leader or (margin.upper >= first.median and margin.median >= first.median - tie)


@dataclass(slots=True)
class _Tier:
    leader: Placed
    members: list[tuple[tuple[int, float, ContentId], Placed]]
    """Sorted by Occam's key."""


class Ranking:
    """A set of placed claims, kept in order."""

    def __init__(self, tie: float) -> None:
        """`tie`: how far below the leader's median a claim may lie and still tie, in units of the metric."""
        self._tie = tie
        self._placed: dict[ContentId, Placed] = {}
        self._by_lower: list[tuple[float, ContentId]] = []
        self._by_median: list[tuple[float, ContentId]] = []
        self._tiers: list[_Tier] = []
        self._tier_of: dict[ContentId, int] = {}

    def __len__(self) -> int:
        return len(self._placed)

    def put(self, placed: Placed) -> None:
        """Enter a claim, or replace its margin."""
        if self._placed.get(placed.claim) == placed:
            return
        self.remove(placed.claim)
        self._placed[placed.claim] = placed
        insort(self._by_lower, placed.by_lower)
        insort(self._by_median, placed.by_median)
        self._join(placed)

    def remove(self, claim: ContentId) -> None:
        """Take a claim out; nothing happens if it is not in."""
        placed = self._placed.pop(claim, None)
        if placed is None:
            return
        _discard(self._by_lower, placed.by_lower)
        _discard(self._by_median, placed.by_median)
        index = self._tier_of.get(claim)
        if index is None:
            return
        if self._tiers[index].leader is placed:
            self._cut(index)
            return
        del self._tier_of[claim]
        tier = self._tiers[index].members
        del tier[bisect_left(tier, (placed.in_tier,))]

    def top(self, most: int) -> list[tuple[int, Placed]]:
        """The first `most` claims with their tiers, counted from 1."""
        rows: list[tuple[int, Placed]] = []
        index = 0
        while len(rows) < most and (index < len(self._tiers) or self._peel()):
            members = self._tiers[index].members
            rows.extend((index + 1, placed) for _, placed in members[: most - len(rows)])
            index += 1
        return rows

    @property
    def leader(self) -> Placed | None:
        """The claim with the greatest lower bound."""
        return self._placed[self._by_lower[0][1]] if self._by_lower else None

    def _join(self, placed: Placed) -> None:
        """Enter a new claim into the tiers that are peeled already."""
        for index, tier in enumerate(self._tiers):
            if placed.by_lower < tier.leader.by_lower:
                self._cut(index)
                return
            if placed.ties_with(tier.leader, self._tie):
                self._tier_of[placed.claim] = index
                insort(tier.members, (placed.in_tier, placed))
                return

    def _cut(self, index: int) -> None:
        """Forget the tiers from `index` on: their leader changed."""
        for tier in self._tiers[index:]:
            for _, member in tier.members:
                self._tier_of.pop(member.claim, None)
        del self._tiers[index:]

    def _peel(self) -> bool:
        """Form the next tier from the claims that are in none; False if there are none left."""
        leader = self._next_leader()
        if leader is None:
            return False
        reach = bisect_right(self._by_median, (self._tie - leader.margin.median, b"\xff" * 33))
        members = [leader]
        for _, claim in self._by_median[:reach]:
            placed = self._placed[claim]
            if claim not in self._tier_of and placed is not leader and placed.ties_with(leader, self._tie):
                members.append(placed)
        self._tiers.append(_Tier(leader, sorted((member.in_tier, member) for member in members)))
        for member in members:
            self._tier_of[member.claim] = len(self._tiers) - 1
        return True

    def _next_leader(self) -> Placed | None:
        for _, claim in self._by_lower:
            if claim not in self._tier_of:
                return self._placed[claim]
        return None


def _discard(ordered: list[tuple[float, ContentId]], key: tuple[float, ContentId]) -> None:
    del ordered[bisect_left(ordered, key)]
