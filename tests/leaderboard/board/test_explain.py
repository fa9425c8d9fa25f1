"""Plain words: every number that is shown is explained, and nothing is claimed that is not there."""

from __future__ import annotations

from leaderboard.board.explain import explain
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.standings import Standings

CONTEST = Contest()


def words(replicators: int, gain: float = 3.0, undelivered: bool = False) -> str:
    author = Actor("author", CONTEST)
    claim = author.claim(gain)
    result = author.result(claim, gain)
    records = [author.track(), claim, result]
    replay = CONTEST.measure(gain, 0.0, result.record.measurement.seeds[:1])
    for index in range(replicators):
        actor = Actor(f"r{index}", CONTEST)
        accept = actor.accept(claim)
        records += [accept, actor.deliver(accept, gain, replay=replay)]
    if undelivered:
        records.append(Actor("slow", CONTEST).accept(claim))
    standings = Standings()
    standings.add(records)
    return "\n".join(explain(standings.claim(claim.id)))


def test_a_confirmed_claim() -> None:
    text = words(3)
    assert "Confirmed: confirmed by 3 replicators and survives the removal of any one." in text
    assert "Better than the reference by" in text
    assert "Won 24 of 24 seeds" in text
    assert "The bar is 20 now" in text
    assert "All in one environment class" in text
    assert "3 found its number, 0 another one" in text
    assert text.count("Replicator ") == 3


def test_a_claim_nobody_replicated() -> None:
    text = words(0)
    assert "measured by its author alone" in text
    assert "never ranks" in text
    assert "Evidence" not in text
    assert "Missing: 0 of at least 2 replicators" in text


def test_a_refuted_claim_and_seeds_under_way() -> None:
    assert "Evidence against it" in words(3, gain=-3.0)
    assert "8 accepted seeds may still be running" in words(3, undelivered=True)
