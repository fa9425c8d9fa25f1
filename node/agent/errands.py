"""Which claim this node replicates next, and why: in order of what it would change.

1. Quarrels: seeds on which peers that it believes contradict each other, or on which a peer appeals against
   this node's own re-run. One run tells who lies.
2. In every other turn, the best claim that its board would confirm if this node ran it again, or a seed of
   those from whom two thirds of the evidence come: it believes nothing that it has not checked.
3. The private coin: claims of others by what is at stake (leaderboard.evidence.draw), unless no number of
   wins could confirm them any more.
4. The other claims that wait for its check.
5. The top of the board, where the estimates are thin: the best of many looks better than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TypeAlias

from leaderboard.board.rows import ClaimView
from leaderboard.evidence.draw import TOP, Stake, accepts, hopeless, rate, seeds_missing, seeds_wanted
from leaderboard.ids import AuthorId, ContentId, TrackId
from leaderboard.manifest import TrackManifest
from leaderboard.standings import Standings

__all__ = ["Errand", "Errands", "viewpoint"]

_Urgency: TypeAlias = tuple[int, bool, bool, float, ContentId]
_WINDOW = 128
"""Of each kind of open claims so many are looked at. A look costs 0.1 ms a claim and is taken before every
replication; what is beyond is neither among the best nor among the newest."""
_ORDER = {stake: index for index, stake in enumerate(Stake)}


@dataclass(frozen=True, slots=True)
class Errand:
    """A replication that this node wants to make."""

    claim: ContentId
    seeds: int
    """Fresh seeds to accept."""
    again: tuple[int, ...] = ()
    """Published seeds that must be among those it runs again."""


def viewpoint(manifest: TrackManifest, me: AuthorId) -> AuthorId | None:
    """By whose board this node judges what is worth running; None for the common board.

    Strangers who fabricate losses or contradictions must not keep anybody from looking, so it is its own.
    Where numbers do not replay, nobody can be told from a stranger and the common board is all there is.
    """
    return None if manifest.tolerance == "D3" else me


class Errands:
    """One look at one track; make a new one after the standings changed."""

    def __init__(self, standings: Standings, track: TrackId, me: AuthorId) -> None:
        self._standings = standings
        self._track = track
        self._me = me
        self._seeds = standings.tracks()[track].replicator_seeds
        self._trust = standings.trust(me)
        self._viewer = viewpoint(standings.tracks()[track], me)
        self._claims = standings.open_claims(track, self._viewer, _WINDOW)
        self._researchers = self._everyone()
        self._overshoots = self._all_overshoots()

    def next(self, coin: bytes, now_ms: int, skip: Callable[[ContentId], bool]) -> Errand | None:
        """The first errand by the order above that is not to be skipped; None if there is none."""
        for errand in self._all(coin, now_ms):
            view = self._standings.claim(errand.claim)
            if view.author != self._me and not skip(errand.claim):
                return errand
        return None

    def _all(self, coin: bytes, now_ms: int) -> Iterator[Errand]:
        yield from self._quarrels()
        checks = self._checks()
        if self._is_even():
            yield from islice(checks, 1)  # or what is believed waits until nothing new is left to run
        yield from self._drawn(coin, now_ms)
        yield from checks
        yield from self._thin_top()

    def _quarrels(self) -> Iterator[Errand]:
        appeals = ((item.claim, item.seed) for item in self._standings.disputes(self._me))
        for claim, seed in (*appeals, *self._standings.contested(self._me)):
            if self._standings.claim(claim).track == self._track:
                yield Errand(claim, 1, (seed,))

    def _checks(self) -> Iterator[Errand]:
        """Claims that wait for a run by this node, while another seed of its own would count."""
        for claim in self._standings.unchecked(self._track, self._me):
            if self._promised(claim) < self._standings.policy.replicator_cap:
                yield Errand(claim, 1)

    def _drawn(self, coin: bytes, now_ms: int) -> Iterator[Errand]:
        """Claims that the coin chose, most at stake first; hopeless ones are left as they are."""
        chosen: list[tuple[_Urgency, Stake, ContentId]] = []
        for view in self._open_claims():
            stake = self._stake(view)
            chance = rate(stake, self._eligible(view), self._already(view), max(0, now_ms - view.time_ms))
            if accepts(coin, view.id, chance) and not self._is_hopeless(view.id):
                chosen.append((self._urgency(view, stake), stake, view.id))
        for _, stake, claim in sorted(chosen, key=lambda item: item[0], reverse=True):
            yield Errand(claim, seeds_wanted(stake, self._seeds))

    def _urgency(self, view: ClaimView, stake: Stake) -> _Urgency:
        """Stake; undisputed numbers before disputed ones; whose turn it is; the effect to be expected.

        Authors whom this node has checked and those it has not take turns, or else the first friends would
        remain the only ones.
        """
        trust = self._trust.get(view.author)
        checked = trust is not None and trust.trusted
        turn = checked == self._is_even()
        return (_ORDER[stake], not view.evidence.check.mismatched, turn, self._expected(view), view.id)

    def _is_even(self) -> bool:
        """Whose turn it is: the number of promises that this node has made is even."""
        made = self._standings.identity(self._me)
        return made is None or (made.delivered + made.pending) % 2 == 0

    def _expected(self, view: ClaimView) -> float:
        """What others found, or the author's own effect less what its effects usually lose with others.

        Or else whoever has lucky seeds, or exaggerates, has everybody's time for claims that come to nothing.
        """
        evidence = self._standings.claim(view.id, self._viewer).evidence
        if evidence.median is not None:
            return evidence.median
        own = None if evidence.author is None else evidence.author.median
        return 0.0 if own is None else own - self._overshoots.get(view.author, 0.0)

    def _all_overshoots(self) -> dict[AuthorId, float]:
        """By how much authors' own effects exceed what others found, in the median of their claims."""
        gaps: dict[AuthorId, list[float]] = {}
        for claim in self._claims:
            view = self._standings.claim(claim, self._viewer)
            own, found = view.evidence.author, view.evidence.median
            if own is not None and own.median is not None and found is not None:
                gaps.setdefault(view.author, []).append(own.median - found)
        return {author: max(0.0, median(found)) for author, found in gaps.items()}

    def _thin_top(self) -> Iterator[Errand]:
        tested = self._standings.tested(self._track)
        for row in self._standings.first(self._track, TOP):
            if seeds_missing(row, tested) > 0 and self._has_room(row.view.id):
                yield Errand(row.view.id, self._seeds)

    def _open_claims(self) -> Iterator[ClaimView]:
        """Claims of others that have a result and that this node has not accepted."""
        for claim in self._claims:
            view = self._standings.claim(claim)
            if view.evidence.author is not None and not self._promised(claim):
                yield view

    def _stake(self, view: ClaimView) -> Stake:
        caught = self._is_caught(view.author)
        return Stake.NONE if caught else self._standings.stake(view.id, self._viewer)

    def _is_hopeless(self, claim: ContentId) -> bool:
        return hopeless(self._standings.claim(claim, self._viewer), self._seeds)

    def _eligible(self, view: ClaimView) -> int:
        """Who can accept or has accepted, this node included."""
        return len((self._researchers | {self._me}) - {view.author})

    def _already(self, view: ClaimView) -> int:
        accepted = self._acceptors(view.id) & self._researchers
        return sum(1 for author in accepted if not self._is_caught(author))

    def _has_room(self, claim: ContentId) -> bool:
        """Whether more seeds by this node would count, under the policy's cap for each replicator."""
        return self._promised(claim) + self._seeds <= self._standings.policy.replicator_cap

    def _promised(self, claim: ContentId) -> int:
        """Seeds of a claim that this node has accepted so far."""
        facts = self._standings.facts(claim)
        made = facts.commitments.values() if facts else ()
        return sum(item.accept.seeds for item in made if item.author == self._me)

    def _acceptors(self, claim: ContentId) -> set[AuthorId]:
        facts = self._standings.facts(claim)
        return {item.author for item in facts.commitments.values()} if facts else set()

    def _everyone(self) -> set[AuthorId]:
        """Who researches on this track now, as the records show."""
        authors = {self._standings.claim(claim).author for claim in self._claims}
        return authors.union(*map(self._acceptors, self._claims))

    def _is_caught(self, author: AuthorId) -> bool:
        trust = self._trust.get(author)
        return trust is not None and trust.quarantined
