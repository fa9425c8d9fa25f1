"""The private coin and what is at stake."""

from __future__ import annotations

from leaderboard.evidence.draw import (
    PATIENCE_MS,
    Stake,
    accepts,
    futile,
    rate,
    replay_seeds,
    seeds_wanted,
    worth_more,
)
from leaderboard.ids import ContentId


def claims(count: int) -> list[ContentId]:
    return [ContentId(i.to_bytes(32, "big")) for i in range(count)]


def test_the_coin_is_fair_private_and_falls_once() -> None:
    mine = [accepts(b"s" * 32, claim, 0.3) for claim in claims(4000)]
    assert 0.27 < sum(mine) / 4000 < 0.33
    assert mine == [accepts(b"s" * 32, claim, 0.3) for claim in claims(4000)]
    theirs = [accepts(b"t" * 32, claim, 0.3) for claim in claims(4000)]
    both = sum(a and b for a, b in zip(mine, theirs, strict=True)) / 4000
    assert 0.07 < both < 0.11
    later = [accepts(b"s" * 32, claim, 0.6) for claim in claims(4000)]
    assert all(b or not a for a, b in zip(mine, later, strict=True))


def test_rates_meet_their_targets() -> None:
    assert rate(Stake.CHAMPION, eligible=3, already=0) == 1.0
    assert rate(Stake.CHAMPION, eligible=100, already=0) == 0.05
    assert rate(Stake.CHAMPION, eligible=100, already=5) == 0.0
    assert rate(Stake.PERSONAL_BEST, eligible=100, already=1) == 0.02
    assert rate(Stake.DISCARD, eligible=1, already=0) == 0.05
    assert rate(Stake.NONE, eligible=100, already=0) == 0.0
    assert rate(Stake.CHAMPION, eligible=0, already=0) == 0.0


def test_what_nobody_accepts_becomes_likelier_but_discards_do_not() -> None:
    assert rate(Stake.CHAMPION, 100, 0, PATIENCE_MS) == 0.1
    assert rate(Stake.CHAMPION, 100, 0, 100 * PATIENCE_MS) == 1.0
    assert rate(Stake.DISCARD, 100, 0, 100 * PATIENCE_MS) == rate(Stake.DISCARD, 100, 0)


def test_a_small_swarm_confirms_a_champion_with_everyone(scene) -> None:
    scene.publish()
    assert scene.standings.stake(scene.claim.id) is Stake.CHAMPION
    assert rate(Stake.CHAMPION, eligible=3, already=0) == 1.0
    for name in ("a", "b", "c"):
        scene.replicate(name, seeds=seeds_wanted(Stake.CHAMPION, 8))
    assert scene.standings.stake(scene.claim.id) is Stake.NONE


def claim_of(scene, name: str, gain: float):
    author = scene.actor(name)
    claim = author.claim(gain)
    scene.standings.add([claim, author.result(claim, gain)])
    return author, claim


def test_stakes_follow_the_author_s_own_numbers(scene) -> None:
    scene.publish()
    for name in ("a", "b", "c"):
        scene.replicate(name)
    assert scene.standings.stake(claim_of(scene, "worse", -5.0)[1].id) is Stake.DISCARD
    author, modest = claim_of(scene, "modest", 1.5)
    assert scene.standings.stake(modest.id) is Stake.PERSONAL_BEST
    lesser = author.claim(0.9)
    scene.standings.add([lesser, author.result(lesser, 0.9)])
    assert scene.standings.stake(lesser.id) is Stake.DISCARD
    assert scene.standings.stake(claim_of(scene, "better", 9.0)[1].id) is Stake.CHAMPION
    unmeasured = author.claim(20.0)
    scene.standings.add([unmeasured])
    assert scene.standings.stake(unmeasured.id) is Stake.NONE
    assert scene.standings.stake(claim_of(scene, "copy", 3.0)[1].id) is Stake.DISCARD


def test_replays_pick_an_author_s_and_a_replicator_s_seed(scene) -> None:
    me = scene.actor("me")
    facts = scene.standings.facts(scene.claim.id)
    assert replay_seeds(b"s", facts, me.id) == ()
    result = scene.publish()
    scene.replicate("a")
    picked = replay_seeds(b"s", facts, me.id)
    assert picked[0] in result.record.measurement.seeds
    assert picked[1] in next(iter(facts.deliveries.values())).own.seeds
    assert {replay_seeds(bytes([i]), facts, me.id) for i in range(50)} > {picked}
    assert replay_seeds(b"s", facts, scene.author.id) == picked[1:]


def test_futility_and_second_helpings(make_scene) -> None:
    assert futile(0, 3, 5, 20)
    assert not futile(3, 0, 5, 20)
    scene = make_scene(gain=0.6)
    for name in ("a", "b", "c", "d"):
        scene.replicate(name)
    evidence = scene.view.evidence
    assert scene.view.standing.value == "replicated"
    assert evidence.total.wins > 1.5 * evidence.total.losses
    assert worth_more(scene.view)
    hopeless = make_scene(gain=0.0)
    for name in ("a", "b", "c"):
        hopeless.replicate(name)
    assert not worth_more(hopeless.view)
