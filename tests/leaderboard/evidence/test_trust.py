"""Trust rooted in the viewer's own runs: earned, lost for lies alone, and won back on appeal."""

from __future__ import annotations

import pytest

from leaderboard.evidence.draw import replay_seeds
from leaderboard.evidence.replay import Agreement, Comparison
from leaderboard.evidence.trust import PeerTrust, TrustBook
from leaderboard.ids import AuthorId, ContentId

ME, PEER, OTHER = AuthorId(b"m" * 32), AuthorId(b"p" * 32), AuthorId(b"o" * 32)
CLAIM, NEXT = ContentId(b"c" * 32), ContentId(b"n" * 32)


def seen(agreement: Agreement, seed: int = 1, peer: AuthorId = PEER) -> Comparison:
    return Comparison(peer, ME, seed, agreement)


def test_earned_by_agreement_lost_by_difference() -> None:
    book = TrustBook(ME)
    assert not book.of(PEER).trusted
    assert book.observe(CLAIM, [seen(Agreement.SAME)]) == {PEER}
    assert book.of(PEER).trusted
    book.observe(NEXT, [seen(Agreement.DIFFERENT)])
    assert book.of(PEER).quarantined
    assert "1 of 2 of your re-runs agreed (rate expected: 0.50)" in book.of(PEER).reason


def test_unstable_and_sensitive_seeds_are_no_offence() -> None:
    book = TrustBook(ME)
    book.observe(CLAIM, [seen(Agreement.UNSTABLE), seen(Agreement.UNKNOWN, seed=2)])
    assert book.peers() == {}


def test_an_appeal_by_running_the_seed_again() -> None:
    """The viewer's first run was wrong; the second agrees with the peer and withdraws the difference."""
    book = TrustBook(ME)
    book.observe(CLAIM, [seen(Agreement.DIFFERENT)])
    (dispute,) = book.disputes()
    assert (dispute.claim, dispute.seed, dispute.peer) == (CLAIM, 1, PEER)
    book.observe(CLAIM, [seen(Agreement.DIFFERENT), seen(Agreement.SAME)])
    assert book.of(PEER).trusted
    assert book.disputes() == []


def test_an_appeal_by_further_agreement() -> None:
    book = TrustBook(ME)
    book.observe(CLAIM, [seen(Agreement.DIFFERENT)])
    for seed in range(9):
        assert book.of(PEER).quarantined
        book.observe(ContentId(bytes([seed]) * 32), [seen(Agreement.SAME, seed)])
    assert not book.of(PEER).quarantined


def test_the_beta_posterior() -> None:
    assert PeerTrust(0, 0).mean == 0.5
    assert PeerTrust(8, 0).mean == 0.9


def test_on_my_board_a_liar_and_its_friends_count_for_nothing(make_scene) -> None:
    scene = make_scene(gain=0.0)
    result = scene.publish(lie=9.0)
    for index in range(10):
        scene.replicate(f"friend {index}", shift=50.0)
    assert scene.view.standing.value == "confirmed"  # the common board believes a crowd of strangers
    me = scene.actor("me")
    accept = me.accept(scene.claim)
    scene.standings.add([accept, me.deliver(accept, 0.0, replay=scene.replay(result))])
    mine = scene.standings.claim(scene.claim.id, viewer=me.id)
    assert mine.standing.value == "refuted"
    assert scene.standings.trust(me.id)[scene.author.id].quarantined


def test_a_peer_that_invents_mismatches_is_caught_by_my_own_rerun(scene) -> None:
    result = scene.publish()
    slanderer = scene.replicate("slanderer", replay=scene.replay(result, shift=2.0))
    me = scene.actor("me")
    accept = me.accept(scene.claim)
    scene.standings.add([accept, me.deliver(accept, 3.0, replay=scene.replay(result))])
    trust = scene.standings.trust(me.id)
    assert trust[scene.author.id].trusted
    assert trust[slanderer.id].quarantined


def test_copying_my_numbers_earns_no_trust(scene) -> None:
    """A peer's replay of my own seeds agrees: it may have copied them."""
    result = scene.publish()
    copier = scene.replicate("copier", replay=scene.replay(result))
    assert copier.id not in scene.standings.trust(scene.author.id)


def vouch(scene, me, peer, gain: float = 1.0) -> None:
    """Let `me` find one number of `peer` honest."""
    claim = peer.claim(gain)
    shown = peer.result(claim, gain)
    audit = me.accept(claim, seeds=1)
    replay = scene.contest.measure(gain, 0.0, shown.record.measurement.seeds[:1])
    scene.standings.add([claim, shown, audit, me.deliver(audit, gain, replay=replay)])


def test_quarrels_are_for_me_to_settle_if_i_trust_both_sides(scene) -> None:
    result = scene.publish()
    seed = result.record.measurement.seeds[0]
    slanderer = scene.replicate("slanderer", replay=scene.replay(result, shift=2.0))
    me = scene.actor("me")
    vouch(scene, me, scene.author)
    assert scene.standings.contested(me.id) == []
    vouch(scene, me, slanderer)
    assert scene.standings.contested(me.id) == [(scene.claim.id, seed)]
    audit = me.accept(scene.claim, seeds=1)
    scene.standings.add([audit, me.deliver(audit, 3.0, replay=scene.replay(result))])
    assert scene.standings.contested(me.id) == []
    assert scene.standings.trust(me.id)[slanderer.id].quarantined


def test_nothing_is_confirmed_for_me_that_i_never_ran(scene) -> None:
    """Peers I trust replicated it: it waits, listed, until one re-run of mine agrees."""
    me = scene.actor("me")
    peers = [scene.actor(name) for name in ("a", "b", "c")]
    for index, peer in enumerate(peers):
        vouch(scene, me, peer, 1.0 + index)
    result = scene.publish()
    for peer in peers:
        accept = peer.accept(scene.claim)
        scene.standings.add([accept, peer.deliver(accept, scene.gain)])
    track = scene.contest.manifest.id
    mine = scene.standings.claim(scene.claim.id, me.id)
    assert mine.standing.value == "replicated"
    assert "you have not run any of it yourself" in mine.reason
    assert scene.standings.unchecked(track, me.id) == [scene.claim.id]
    look(scene, me, result.record.measurement.seeds[:1])
    mine = scene.standings.claim(scene.claim.id, me.id)
    assert mine.standing.value == "replicated"
    assert "no seed of those from whom two thirds of the evidence come" in mine.reason
    assert scene.standings.unchecked(track, me.id) == [scene.claim.id]
    look(scene, me, replay_seeds(b"coin", scene.standings.facts(scene.claim.id), me.id))
    assert scene.standings.claim(scene.claim.id, me.id).standing.value == "confirmed"
    assert scene.standings.unchecked(track, me.id) == []


def look(scene, me, seeds) -> None:
    """Let `me` run published seeds again, with a single seed of its own."""
    audit = me.accept(scene.claim, seeds=1, salt=seeds[0] % 2**32)
    again = scene.contest.measure(scene.gain, 0.0, seeds)
    scene.standings.add([audit, me.deliver(audit, scene.gain, replay=again)])


@pytest.mark.parametrize("liars", [2, 4])
def test_peers_i_trust_cannot_confirm_an_honest_author_s_null(make_scene, liars: int) -> None:
    """The author's numbers are true, so running those again finds nothing: the replications are invented."""
    scene = make_scene(gain=0.0)
    me = scene.actor("me")
    peers = [scene.actor(name) for name in ("a", "b", "c", "d")]
    for index, peer in enumerate(peers):
        vouch(scene, me, peer, 1.0 + index)
    result = scene.publish()
    for index, peer in enumerate(peers):
        accept = peer.accept(scene.claim, seeds=32 if index < liars else 8)
        lie = 50.0 if index < liars else 0.0
        scene.standings.add([accept, peer.deliver(accept, scene.gain, shift=lie)])
    track = scene.contest.manifest.id
    look(scene, me, result.record.measurement.seeds[:1])
    assert scene.view.standing.value == "confirmed"  # as the common board has it
    for _ in range(3):
        mine = scene.standings.claim(scene.claim.id, me.id)
        assert mine.standing.value == "replicated"
        if not scene.standings.unchecked(track, me.id):
            break
        look(scene, me, replay_seeds(b"coin", scene.standings.facts(scene.claim.id), me.id))
    assert scene.standings.unchecked(track, me.id) == []
    caught = {peer.id for peer in peers if scene.standings.trust(me.id)[peer.id].quarantined}
    assert caught
    assert caught <= {peer.id for peer in peers[:liars]}


def test_each_viewer_hears_its_own_part_in_the_same_records(scene) -> None:
    """Author, common board and a bystander weigh everybody alike, and differ in what is held back."""
    scene.publish()
    scene.standings.claim(scene.claim.id, scene.author.id)
    bystander = scene.standings.claim(scene.claim.id, scene.actor("bystander").id)
    assert "you have not run any of it yourself" in bystander.evidence.held
    assert not scene.view.evidence.held
    assert not scene.standings.claim(scene.claim.id, scene.author.id).evidence.held
