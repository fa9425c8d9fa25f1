"""First rows as they were last shown: what is written comes back equal, and only what a board consists of."""

from __future__ import annotations

from fractions import Fraction

import msgpack
import pytest

from leaderboard.ablation import Ablation, Change
from leaderboard.board.kept import ROWS
from leaderboard.evidence.seeds import author_seeds
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.records import Finding
from leaderboard.standings import Standings

CONTEST = Contest()
TRACK = CONTEST.manifest.id


def standings() -> Standings:
    """One claim that three others confirmed and checked, with a finding and an ablation."""
    author, *peers = (Actor(name, CONTEST, environment=name[0]) for name in ("a", "b1", "b2", "c"))
    claim = author.claim(3.0, text="kept")
    result = author.result(claim, 3.0)
    records = [author.track(), claim, result]
    for peer in peers:
        accept = peer.accept(claim)
        replay = CONTEST.measure(3.0, 0.0, result.record.measurement.seeds[:1])
        records += [accept, peer.deliver(accept, 3.0, replay=replay)]
    found = Finding(
        claim.id, "equal", "a rediscovery", "kaiming", "", "", "fan_in", "init", 1.0, "confirmed", (), "1"
    )
    own = author_seeds(TRACK, author.id, 8)
    change = Change("lr", {}, CONTEST.measure(3.0, 0.0, own))
    records += [peers[0].write(found), author.write(Ablation(claim.id, None, (change,)))]
    view = Standings()
    view.add(records)
    return view


def test_rows_come_back_as_they_were():
    rows = tuple(standings().top(TRACK))
    assert rows[0].view.findings
    assert rows[0].view.causes
    assert rows[0].view.evidence.check.matched
    assert rows[0].view.evidence.e_value > 1
    again = ROWS.read(ROWS.write(rows))
    assert again == rows
    assert [row.payload() for row in again] == [row.payload() for row in rows]
    assert ROWS.read(ROWS.write(())) == ()


@pytest.mark.parametrize("value", [Fraction(-3, 2**200), Fraction(0), Fraction(127), Fraction(255, 256)])
def test_fractions_of_any_size(value):
    assert ROWS.read(ROWS.write((value,))) == (value,)


def test_nothing_else_can_come_out():
    with pytest.raises(KeyError):
        ROWS.write((object(),))
    with pytest.raises(IndexError):
        ROWS.read(msgpack.packb([msgpack.ExtType(100, b"\xc0")]))
