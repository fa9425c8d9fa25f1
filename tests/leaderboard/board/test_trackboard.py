"""Claims compared with one another: opponents, the bar, recipes claimed twice, and the digest."""

from __future__ import annotations

from leaderboard.envelope import Envelope
from leaderboard.evidence.standing import Standing
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.ids import ContentId
from leaderboard.standings import Standings

CONTEST = Contest(noise=0.5)
TRACK = CONTEST.manifest.id


class Field:
    """Authors and three replicators on one track."""

    def __init__(self) -> None:
        self.standings = Standings()
        self.peers = [Actor(f"peer {i}", CONTEST) for i in range(3)]
        self.count = 0
        self.standings.add([self.peers[0].track()])

    def claim(self, gain: float, against: Envelope | None = None, base: float = 0.0) -> Envelope:
        self.count += 1
        author = Actor(f"author {self.count}", CONTEST)
        claim = author.claim(gain, None if against is None else against.id)
        self.standings.add([claim, author.result(claim, gain, base)])
        return claim

    def replicate(self, claim: Envelope, gain: float, base: float = 0.0, peers: int = 3) -> None:
        for peer in self.peers[:peers]:
            accept = peer.accept(claim)
            self.standings.add([accept, peer.deliver(accept, gain, opponent=base)])

    def standing(self, claim: Envelope) -> Standing:
        return self.standings.claim(claim.id).standing


def test_margins_chain_through_opponents() -> None:
    field = Field()
    first = field.claim(3.0)
    second = field.claim(6.0, first, 3.0)
    field.replicate(second, 6.0, 3.0)
    assert field.standing(second) is Standing.REPLICATED
    assert "opponent that is not confirmed" in field.standings.claim(second.id).reason
    field.replicate(first, 3.0)
    one, two = field.standings.claim(first.id).margin, field.standings.claim(second.id).margin
    assert one is not None
    assert two is not None
    assert two.chained
    assert two.lower > one.lower
    assert [row.view.id for row in field.standings.top(TRACK)] == [second.id, first.id]


def test_beating_a_poor_recipe_of_ones_own_is_worth_nothing() -> None:
    field = Field()
    sandbag = field.claim(-50.0)
    field.replicate(sandbag, -50.0)
    tall = field.claim(-10.0, sandbag, -50.0)
    field.replicate(tall, -10.0, -50.0)
    assert field.standing(sandbag) is Standing.REFUTED
    assert field.standing(tall) is Standing.REPLICATED


def test_a_claim_against_an_unknown_opponent_waits() -> None:
    field = Field()
    ghost = Actor("ghost", CONTEST).claim(1.0)
    claim = field.claim(5.0, ghost, 1.0)
    field.replicate(claim, 5.0, 1.0)
    assert field.standing(claim) is Standing.REPLICATED


def test_one_row_a_recipe_under_its_best_supported_claim() -> None:
    field = Field()
    first, second = field.claim(3.0), field.claim(3.0)
    field.replicate(second, 3.0)
    (row,) = field.standings.board(TRACK).rows
    assert row.view.id == second.id
    assert row.also_claimed == (first.id,)


def test_more_tested_claims_raise_the_bar_and_a_signature_does_not() -> None:
    field = Field()
    for index in range(64):
        field.claim(-1.0 - index)
    assert field.standings.board(TRACK).tested == 0
    for index in range(5):
        field.replicate(field.claim(0.01 * index), -3.0)
    board = field.standings.board(TRACK)
    assert (board.tested, board.bar) == (5, 160)


def test_several_discoveries_lower_the_bar_together() -> None:
    field = Field()
    for index in range(4):
        field.replicate(field.claim(3.0 + index), 3.0 + index)
    board = field.standings.board(TRACK)
    assert (board.tested, board.bar) == (4, 20)
    assert [row.rank for row in board.rows] == [1, 2, 3, 4]


def test_the_digest_sees_everything_on_the_board() -> None:
    field = Field()
    claim = field.claim(3.0)
    before = field.standings.board(TRACK).digest
    field.replicate(claim, 3.0, peers=1)
    after = field.standings.board(TRACK).digest
    assert before != after
    assert len(after) == 32
    payload = field.standings.board(TRACK).to_payload()
    assert payload["digest"] == after
    assert isinstance(payload["rows"], list)


def test_grey_rows_follow_in_order_of_standing() -> None:
    field = Field()
    good, bad, fair = field.claim(5.0), field.claim(-5.0), field.claim(2.0)
    field.replicate(good, 5.0)
    field.replicate(bad, -5.0)
    field.replicate(fair, 2.0, peers=1)
    idle = field.claim(1.0)
    order: list[ContentId] = [row.view.id for row in field.standings.board(TRACK).rows]
    assert order == [good.id, fair.id, idle.id, bad.id]
    assert [row.rank for row in field.standings.board(TRACK).rows] == [1, None, None, None]
