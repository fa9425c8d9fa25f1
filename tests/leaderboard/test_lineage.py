"""Credit: one unit a confirmed claim, divided by rule, blind to what was merely named."""

from __future__ import annotations

from fractions import Fraction

from leaderboard.board.rows import ClaimView
from leaderboard.envelope import Envelope
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.ids import ContentId
from leaderboard.lineage import TO_PARENTS, TO_REPLICATORS, credit_for
from leaderboard.records import Claim
from leaderboard.standings import Standings

CONTEST = Contest()
TRACK = CONTEST.manifest.id


class Family:
    """Claims with parents, confirmed or not."""

    def __init__(self) -> None:
        self.standings = Standings()
        self.peers = [Actor(f"peer {i}", CONTEST) for i in range(3)]
        self.standings.add([self.peers[0].track()])

    def claim(self, author: Actor, gain: float, *parents: Envelope, confirm: bool = True) -> Envelope:
        record = author.claim(gain).record
        assert isinstance(record, Claim)
        named = Claim(
            record.track,
            record.recipe,
            None,
            "",
            None,
            tuple(parent.id for parent in parents),
            "synthetic",
            "",
            derivable=True,
        )
        claim = author.write(named)
        self.standings.add([claim, author.result(claim, gain)])
        for peer in self.peers if confirm else []:
            accept = peer.accept(claim)
            self.standings.add([accept, peer.deliver(accept, gain)])
        return claim

    def lookup(self, claim: ContentId) -> ClaimView | None:
        try:
            return self.standings.claim(claim)
        except KeyError:
            return None

    def shares(self, claim: Envelope) -> dict[bytes, Fraction]:
        return self.shares_of(self.standings.claim(claim.id))

    def shares_of(self, view: ClaimView) -> dict[bytes, Fraction]:
        return {credit.author: credit.share for credit in credit_for(view, self.lookup)}


def test_an_orphan_shares_with_its_replicators() -> None:
    family, author = Family(), Actor("author", CONTEST)
    shares = family.shares(family.claim(author, 3.0))
    assert shares[author.id] == 1 - TO_REPLICATORS
    assert all(shares[peer.id] == TO_REPLICATORS / 3 for peer in family.peers)
    assert sum(shares.values()) == 1


def test_parents_are_paid_and_grandparents_fade() -> None:
    family = Family()
    old, middle, young = (Actor(name, CONTEST) for name in ("old", "middle", "young"))
    first = family.claim(old, 3.0)
    second = family.claim(middle, 4.0, first)
    shares = family.shares(family.claim(young, 5.0, second))
    rest = 1 - TO_REPLICATORS
    assert shares[young.id] == rest * (1 - TO_PARENTS)
    assert shares[middle.id] == rest * TO_PARENTS * (1 - TO_PARENTS)
    assert shares[old.id] == rest * TO_PARENTS**2
    assert sum(shares.values()) == 1


def test_unconfirmed_and_unknown_parents_earn_nothing() -> None:
    family, author = Family(), Actor("author", CONTEST)
    rumour = family.claim(Actor("rumour", CONTEST), 1.0, confirm=False)
    ghost = Actor("ghost", CONTEST).claim(1.0)
    shares = family.shares(family.claim(author, 3.0, rumour, ghost))
    assert shares[author.id] == 1 - TO_REPLICATORS


def test_nothing_for_what_is_not_confirmed() -> None:
    family = Family()
    assert family.shares(family.claim(Actor("author", CONTEST), 3.0, confirm=False)) == {}


def test_a_board_s_credit_adds_up_to_its_confirmed_claims() -> None:
    family = Family()
    first = family.claim(Actor("a", CONTEST), 3.0)
    family.claim(Actor("b", CONTEST), 4.0, first)
    family.claim(Actor("c", CONTEST), 1.0, confirm=False)
    rows = family.standings.board(TRACK).rows
    assert sum(sum(family.shares_of(row.view).values()) for row in rows) == 2


def test_a_long_line_is_cut_off_and_still_adds_up() -> None:
    family, author = Family(), Actor("author", CONTEST)
    claim = family.claim(author, 2.0)
    for generation in range(14):
        claim = family.claim(author, 2.1 + 0.1 * generation, claim)
    assert sum(family.shares(claim).values()) == 1
