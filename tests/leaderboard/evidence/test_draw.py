"""The private coin and what is at stake."""

from __future__ import annotations

from leaderboard.evidence.draw import (
    PATIENCE_MS,
    Stake,
    ablates,
    accepts,
    futile,
    rate,
    replay_seeds,
    seeds_missing,
    seeds_wanted,
)
from leaderboard.evidence.trust import PeerTrust
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
    assert rate(Stake.PERSONAL_BEST, eligible=100, already=0) == 0.03
    assert rate(Stake.DISCARD, eligible=1, already=0) == 0.05
    assert rate(Stake.NONE, eligible=100, already=0) == 0.0
    assert rate(Stake.CHAMPION, eligible=0, already=0) == 0.0


def test_accepting_first_excludes_nobody() -> None:
    """A crowd of early accepts stops the rise with time, never the base rate."""
    assert rate(Stake.CHAMPION, eligible=100, already=50) == 0.05
    assert rate(Stake.CHAMPION, 100, 50, 100 * PATIENCE_MS) == 0.05


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
    assert scene.view.standing.value == "confirmed"


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


def test_replays_prefer_peers_that_were_checked_least(scene) -> None:
    scene.publish()
    peers = [scene.replicate(name) for name in ("a", "b", "c", "d")]
    facts = scene.standings.facts(scene.claim.id)
    trust = {peers[0].id: PeerTrust(2, 0), peers[2].id: PeerTrust(1, 0), peers[3].id: PeerTrust(3, 1)}
    seeds = {delivery.commitment.author: delivery.own.seeds for delivery in facts.deliveries.values()}
    me = scene.actor("me")
    picked = replay_seeds(b"s", facts, me.id, trust)
    assert len(picked) == 4
    assert [seed in seeds[peers[i].id] for seed, i in zip(picked[1:], (1, 2, 0), strict=True)] == [True] * 3


def test_replays_go_on_to_those_of_whom_nothing_was_run(scene) -> None:
    """Looking again at a claim never runs what was run before while something else is left."""
    scene.publish()
    peers = [scene.replicate(name) for name in ("a", "b", "c", "d", "e")]
    me, run = scene.actor("me"), list[int]()
    facts = scene.standings.facts(scene.claim.id)
    for audit in range(2):
        seeds = replay_seeds(b"s", facts, me.id)
        run.extend(seeds)
        accept = me.accept(scene.claim, seeds=1, salt=audit)
        again = scene.contest.measure(scene.gain, 0.0, seeds)
        scene.standings.add([accept, me.deliver(accept, scene.gain, replay=again)])
    theirs = {
        item.commitment.author for item in facts.deliveries.values() if set(item.own.seeds).intersection(run)
    }
    assert theirs == {peer.id for peer in peers}
    assert len(set(run)) == len(run) == 8


def test_futility() -> None:
    assert futile(0, 3, 5, 20)
    assert not futile(3, 0, 5, 20)


def row_of(scene):
    (row,) = scene.standings.board(scene.contest.manifest.id).rows
    return row


def test_more_seeds_for_what_nearly_reached_the_bar_and_for_the_top(make_scene) -> None:
    scene = make_scene(gain=0.6)
    for name in ("a", "b", "c", "d"):
        scene.replicate(name)
    assert scene.view.standing.value == "replicated"
    assert seeds_missing(row_of(scene), 1) == 32
    hopeless = make_scene(gain=0.0)
    for name in ("a", "b", "c"):
        hopeless.replicate(name)
    assert seeds_missing(row_of(hopeless), 1) == 0
    best = make_scene(gain=3.0)
    for name in ("a", "b", "c"):
        best.replicate(name)
    assert seeds_missing(row_of(best), tested=1000) == 80 - 24
    assert seeds_missing(row_of(best), tested=8) == 0


def test_one_other_node_takes_a_recipe_apart_and_more_while_nobody_has() -> None:
    secrets = [bytes([n, k]) * 16 for n in range(20) for k in range(20)]

    def willing(age_ms: int) -> float:
        return sum(ablates(secret, claims(1)[0], 20, age_ms) for secret in secrets) / len(secrets)

    assert 0.02 < willing(0) < 0.09
    assert 0.12 < willing(2 * PATIENCE_MS) < 0.29
    assert willing(60 * PATIENCE_MS) == 1.0
