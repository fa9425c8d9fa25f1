"""Standings of single claims: who can move them, and who cannot."""

from __future__ import annotations

from dataclasses import replace

from leaderboard.evidence.electorate import Weight
from leaderboard.evidence.standing import Standing
from leaderboard.evidence.synthetic import Contest
from leaderboard.records import Accept, Replication, Result


def test_life_of_an_honest_claim(scene) -> None:
    assert scene.view.standing is Standing.CLAIMED
    result = scene.publish()
    assert scene.view.standing is Standing.MEASURED
    scene.replicate("a", replay=scene.replay(result))
    assert scene.view.standing is Standing.REPLICATED
    assert "1 of at least 2 replicators" in scene.view.reason
    scene.replicate("b")
    assert scene.view.standing is Standing.CONFIRMED
    scene.replicate("c")
    assert not scene.view.evidence.shortfall


def test_one_replicator_cannot_confirm_however_many_seeds(scene) -> None:
    scene.replicate("a", seeds=32)
    assert scene.view.standing is Standing.REPLICATED


def test_seeds_beyond_the_cap_do_not_count(scene) -> None:
    scene.replicate("a", seeds=200)
    assert scene.view.evidence.total.wins + scene.view.evidence.total.losses == 32


def first_seeds(measurement, count: int):
    return replace(
        measurement,
        seeds=measurement.seeds[:count],
        candidate=measurement.candidate[:count],
        opponent=measurement.opponent[:count],
        stable=measurement.stable[:count],
    )


def test_an_author_may_stop_early_and_it_shows(scene) -> None:
    other = type(scene)()
    short = first_seeds(scene.publish().record.measurement, 2)
    other.standings.add([other.author.write(Result(other.claim.id, short))])
    assert other.view.standing is Standing.MEASURED
    assert "stopped early" in other.view.reason


def test_an_author_cannot_choose_its_seeds(scene) -> None:
    chosen = scene.contest.measure(3.0, 0.0, (1, 2, 3))
    scene.standings.add([scene.author.write(Result(scene.claim.id, chosen))])
    assert scene.view.standing is Standing.CLAIMED


def test_a_bad_claim_is_refuted_by_two(make_scene) -> None:
    scene = make_scene(gain=-3.0)
    scene.publish(lie=9.0)
    scene.replicate("a", seeds=16)
    assert scene.view.standing is Standing.REPLICATED
    scene.replicate("b")
    assert scene.view.standing is Standing.REFUTED
    assert "opponent holds" in scene.view.reason


def test_numbers_that_do_not_replay_refute_with_two_peers_not_with_one(scene) -> None:
    result = scene.publish(lie=1.0)
    scene.replicate("a", replay=scene.replay(result))
    assert scene.view.standing is Standing.REPLICATED
    assert "could not replay" in scene.view.reason
    scene.replicate("b", replay=scene.replay(result))
    assert scene.view.standing is Standing.REFUTED
    assert scene.view.reason == "author's numbers do not replay"


def test_two_liars_cannot_refute_what_two_others_could_replay(scene) -> None:
    result = scene.publish()
    for name in ("a", "b"):
        scene.replicate(name, replay=scene.replay(result))
    for name in ("x", "y"):
        scene.replicate(name, replay=scene.replay(result, shift=1.0))
    assert scene.view.standing is Standing.CONFIRMED


def test_nan_against_a_number_is_unstable_not_fraud(scene) -> None:
    result = scene.publish()
    seen = scene.replay(result)
    for name in ("a", "b"):
        scene.replicate(name, replay=replace(seen, candidate=(None,)))
    assert scene.view.standing is Standing.UNSTABLE


def test_sensitive_seeds_are_never_held_against_anyone(scene) -> None:
    result = scene.publish(lie=1.0)
    for name in ("a", "b", "c"):
        scene.replicate(name, replay=replace(scene.replay(result), stable=(False,)))
    assert scene.view.standing is Standing.CONFIRMED
    assert not scene.view.evidence.check.mismatched


def test_a_made_up_replication_is_silenced_by_two_that_ran_its_seeds(scene) -> None:
    liar = scene.replicate("liar", shift=50.0)
    facts = scene.standings.facts(scene.claim.id)
    seeds = next(iter(facts.deliveries.values())).own.seeds[:1]
    honest = scene.contest.measure(3.0, 0.0, seeds)
    scene.replicate("a", replay=honest)
    assert scene.view.evidence.replicators == 2
    scene.replicate("b", replay=honest)
    notes = {share.author: share.note for share in scene.view.evidence.shares}
    assert notes[liar.id] == "its numbers do not replay"
    assert scene.view.evidence.replicators == 2


def test_undelivered_seeds_of_a_partial_run_are_losses(scene) -> None:
    scene.replicate("a", most=3)
    assert scene.view.evidence.total.wins == 3
    assert scene.view.evidence.overdue == 5
    assert scene.view.evidence.ordered[:5] == (-100.0,) * 5


def test_an_accept_under_way_is_a_loss_only_in_the_strict_half(scene) -> None:
    for name in ("a", "b", "c"):
        scene.establish(scene.replicate(name))
    assert scene.view.standing is Standing.CONFIRMED
    before = scene.view.evidence.e_value
    stranger = scene.actor("stranger")
    scene.standings.add([stranger.accept(scene.claim, seeds=32)])
    assert scene.view.evidence.outstanding == 32
    assert before / 2 <= scene.view.evidence.e_value < before
    assert scene.view.standing is Standing.CONFIRMED


def test_a_crowd_of_silent_strangers_is_no_veto(scene) -> None:
    for name in ("a", "b", "c"):
        scene.establish(scene.replicate(name))
    before = scene.view.evidence.e_value
    for index in range(50):
        scene.standings.add([scene.actor(f"sybil {index}").accept(scene.claim)])
    assert scene.view.evidence.e_value >= before / 2
    assert scene.view.standing is Standing.CONFIRMED


def test_a_known_replicator_that_moves_on_pays_with_losses(scene) -> None:
    drawer = scene.actor("drawer")
    scene.establish(drawer)
    scene.standings.add([drawer.accept(scene.claim)])
    assert scene.view.evidence.overdue == 0
    scene.establish(drawer, elsewhere=3)
    assert scene.view.evidence.overdue == 8


def test_whoever_withholds_more_than_it_delivers_is_not_heard(scene) -> None:
    hoarder = scene.replicate("hoarder")
    assert scene.view.evidence.replicators == 1
    for index in range(5):
        scene.standings.add([hoarder.accept(scene.actor(f"other {index}").claim(1.0))])
    assert scene.view.evidence.replicators == 0
    assert [share.weight for share in scene.view.evidence.shares] == [Weight.WITHHOLDS]


def test_seeds_must_be_those_of_the_committed_secret(scene) -> None:
    cheat = scene.actor("cheat")
    accept = cheat.accept(scene.claim)
    other = cheat.accept(scene.claim, salt=1)
    own = scene.contest.measure(3.0, 0.0, cheat.seeds(other))
    wrong = cheat.write(Replication(scene.claim.id, accept.id, cheat._secrets[accept.id], own, None))
    stolen = cheat.write(Replication(scene.claim.id, accept.id, cheat._secrets[other.id], own, None))
    scene.standings.add([accept, wrong, stolen])
    assert scene.view.evidence.replicators == 0
    assert scene.view.evidence.outstanding == 8


def test_nobody_delivers_another_ones_accept(scene) -> None:
    a, b = scene.actor("a"), scene.actor("b")
    accept = a.accept(scene.claim)
    b._secrets[accept.id] = a._secrets[accept.id]
    scene.standings.add([accept, b.deliver(accept, 3.0)])
    assert scene.view.evidence.replicators == 0


def test_two_versions_of_one_delivery_are_no_delivery(scene) -> None:
    actor = scene.replicate("a")
    assert scene.view.evidence.replicators == 1
    accept = (
        next(r for r in scene.standings.outstanding(actor.id))
        if scene.standings.outstanding(actor.id)
        else None
    )
    assert accept is None
    facts = scene.standings.facts(scene.claim.id)
    commitment = next(iter(facts.commitments.values()))
    secret = actor._secrets[commitment.id]
    own = next(iter(facts.deliveries.values())).own
    again = replace(own, cost_ms=999)
    scene.standings.add([actor.write(Replication(scene.claim.id, commitment.id, secret, again, None))])
    assert scene.view.evidence.replicators == 1
    better = replace(own, candidate=tuple(v - 1.0 for v in own.candidate))
    scene.standings.add([actor.write(Replication(scene.claim.id, commitment.id, secret, better, None))])
    assert scene.view.evidence.replicators == 0
    assert scene.view.evidence.outstanding == 8


def test_divergence_is_a_loss_and_is_shown(make_scene) -> None:
    scene = make_scene(contest=Contest(diverging=0.5), gain=3.0)
    for name in ("a", "b", "c"):
        scene.replicate(name)
    total = scene.view.evidence.total
    assert total.diverged == total.losses > 3
    assert scene.view.standing is not Standing.CONFIRMED


def test_several_environments_are_shown(scene) -> None:
    scene.replicate("a", environment="intel")
    scene.replicate("b", environment="amd")
    assert scene.view.evidence.environments == ("amd", "intel")


def test_survives_the_removal_of_any_one(make_scene) -> None:
    """Two honest replicators find a null; one enthusiast with many seeds cannot carry it."""
    scene = make_scene(gain=0.0)
    scene.replicate("a")
    scene.replicate("b")
    scene.replicate("enthusiast", seeds=32, shift=50.0)
    assert scene.view.evidence.total.wins >= 32
    assert scene.view.standing is not Standing.CONFIRMED


def test_accepts_of_unknown_claims_wait(scene) -> None:
    late = scene.actor("late author")
    claim = late.claim(2.0)
    helper = scene.actor("helper")
    accept = helper.accept(claim)
    assert isinstance(accept.record, Accept)
    scene.standings.add([accept, helper.deliver(accept, 2.0)])
    scene.standings.add([claim])
    assert scene.standings.claim(claim.id).standing is Standing.REPLICATED


def test_one_replicator_cannot_inflate_the_effect(scene) -> None:
    """The ranking's lower bound holds whichever single replicator is left out, and weights are balanced."""
    for name in ("a", "b", "c", "d"):
        scene.replicate(name)
    scene.replicate("booster", seeds=32, shift=50.0)
    assert scene.view.evidence.total.wins == 64
    assert scene.view.margin.lower <= 3.0
    assert scene.view.margin.median <= 4.0
