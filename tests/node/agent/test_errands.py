"""Whose claim is next: turns, fabricated losses, and what no wins could confirm any more."""

from __future__ import annotations

import pytest

from leaderboard.evidence.draw import PATIENCE_MS
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.ids import ContentId
from leaderboard.standings import Standings
from node.agent.errands import Errands

ALWAYS = b"\x00" * 32
LATE = 10**15


class Swarm:
    """Synthetic authors over one set of records."""

    def __init__(self, tolerance: str = "D0") -> None:
        self.contest = Contest(tolerance=tolerance)
        self.standings = Standings()
        self.me = self.actor("me")
        self.standings.add([self.me.track()])

    def actor(self, name: str) -> Actor:
        return Actor(name, self.contest, sealed=False)

    def claim(self, author: Actor, gain: float = 3.0, text: str = ""):
        claim = author.claim(gain, text=text)
        self.standings.add([claim, author.result(claim, gain)])
        return claim

    def deliver(self, actor: Actor, claim, gain: float, replay=None) -> None:
        accept = actor.accept(claim)
        self.standings.add([accept, actor.deliver(accept, gain, replay=replay)])

    def check(self, author: Actor) -> None:
        """A claim of `author` that I have run again and found true."""
        claim = self.claim(author, 0.5, "to be checked")
        seeds = self.standings.facts(claim.id).measured[0].seeds[:1]
        self.deliver(self.me, claim, 0.5, self.contest.measure(0.5, 0.0, seeds))
        assert self.standings.trust(self.me.id)[author.id].trusted

    def wanted(self, *taken: ContentId) -> list[ContentId]:
        """My errands in order."""
        found = list(taken)
        while True:
            errands = Errands(self.standings, self.contest.manifest.id, self.me.id)
            errand = errands.next(ALWAYS, LATE, found.__contains__)
            if errand is None:
                return found[len(taken) :]
            found.append(errand.claim)


def test_checked_and_unchecked_authors_take_turns() -> None:
    swarm = Swarm()
    friend, stranger = swarm.actor("friend"), swarm.actor("stranger")
    swarm.check(friend)
    by_author = {swarm.claim(friend, 3.0).id: "friend", swarm.claim(stranger, 2.0).id: "stranger"}
    first = [by_author[claim] for claim in swarm.wanted() if claim in by_author]
    swarm.standings.add([swarm.me.accept(swarm.claim(swarm.actor("third"), 2.5))])  # one more promise
    second = [by_author[claim] for claim in swarm.wanted() if claim in by_author]
    assert sorted(first) == sorted(second) == ["friend", "stranger"]
    assert first != second


def test_what_waits_for_my_check_takes_turns_with_what_the_coin_chose() -> None:
    """Peers whom I believe confirm a claim of which I ran nothing of theirs; there is always more to run."""
    swarm = Swarm()
    peers = [swarm.actor(f"peer {number}") for number in range(4)]
    for peer in peers:
        swarm.check(peer)
    waiting, fresh = swarm.claim(swarm.actor("author"), 3.0), swarm.claim(swarm.actor("other"), 2.0)
    for peer in peers:
        swarm.deliver(peer, waiting, 3.0)
    assert swarm.standings.unchecked(swarm.contest.manifest.id, swarm.me.id) == [waiting.id]
    swarm.standings.add([swarm.me.accept(waiting)])  # the coin does not choose it once more
    order = [claim for claim in swarm.wanted() if claim in (waiting.id, fresh.id)]
    swarm.standings.add([swarm.me.accept(swarm.claim(swarm.actor("third"), -1.0))])
    turned = [claim for claim in swarm.wanted() if claim in (waiting.id, fresh.id)]
    assert sorted(order) == sorted(turned) == sorted([waiting.id, fresh.id])
    assert order != turned


def test_effects_that_shrank_with_others_before_are_expected_to_shrink_again() -> None:
    swarm = Swarm()
    sober, lucky = swarm.actor("sober"), swarm.actor("lucky")
    swarm.check(sober)
    swarm.check(lucky)
    swarm.deliver(swarm.me, swarm.claim(lucky, 3.0, "first"), 0.2)
    late, early = swarm.claim(lucky, 3.0, "second"), swarm.claim(sober, 2.0)
    order = [claim for claim in swarm.wanted() if claim in (late.id, early.id)]
    assert order == [early.id, late.id]


@pytest.mark.parametrize("tolerance", ["D0", "D2"])
def test_fabricated_losses_of_strangers_keep_nobody_from_looking(tolerance: str) -> None:
    swarm = Swarm(tolerance)
    claim = swarm.claim(swarm.actor("author"))
    for number in range(4):
        swarm.deliver(swarm.actor(f"liar {number}"), claim, -30.0)
    assert claim.id in swarm.wanted()


def test_what_my_own_peers_found_hopeless_is_left_alone() -> None:
    swarm = Swarm()
    peers = [swarm.actor(f"peer {number}") for number in range(3)]
    for peer in peers:
        swarm.check(peer)
    claim = swarm.claim(swarm.actor("author"))
    for peer in peers[:1]:
        swarm.deliver(peer, claim, -30.0)
    assert claim.id in swarm.wanted()  # 8 losses of 40
    for peer in peers[1:]:
        swarm.deliver(peer, claim, -30.0)
    assert claim.id not in swarm.wanted()


def test_what_nobody_took_is_taken_by_more_as_time_passes() -> None:
    swarm = Swarm()
    for number in range(40):  # researchers, so that the base rate of a champion is one in eight
        swarm.claim(swarm.actor(f"peer {number}"), -1.0, str(number))
    claim = swarm.claim(swarm.actor("author"))

    def takers(age_ms: int) -> int:
        errands = Errands(swarm.standings, swarm.contest.manifest.id, swarm.me.id)
        time_ms = swarm.standings.claim(claim.id).time_ms
        coins = [bytes([number]) * 32 for number in range(60)]
        others = set(swarm.standings.claims(swarm.contest.manifest.id)) - {claim.id}
        return sum(errands.next(coin, time_ms + age_ms, others.__contains__) is not None for coin in coins)

    assert 1 <= takers(0) <= 18
    assert takers(0) < takers(2 * PATIENCE_MS) < takers(5 * PATIENCE_MS) == 60


def test_the_best_claim_is_found_among_any_number_of_newer_ones() -> None:
    swarm = Swarm()
    best = swarm.claim(swarm.actor("author"), 3.0)
    crowd = [swarm.actor(f"peer {number}") for number in range(8)]
    for number in range(600):
        swarm.claim(crowd[number % 8], 1.0, str(number))
    errands = Errands(swarm.standings, swarm.contest.manifest.id, swarm.me.id)
    first = errands.next(ALWAYS, LATE, lambda _: False)
    assert first is not None
    assert first.claim == best.id
    looked_at = swarm.standings.open_claims(swarm.contest.manifest.id, swarm.me.id, 10)
    assert looked_at[0] == best.id
    assert len(looked_at) <= 40
