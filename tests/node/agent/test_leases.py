"""Open claims hold a recipe for a while, measured ones for good, those that were taken back not at all."""

from __future__ import annotations

from experiments.search.portfolio import embedded
from leaderboard.records import Claim, Retraction
from node.agent.briefing import write_briefing
from node.agent.leases import LEASE_MS, is_held, is_taken, runs_before
from node.agent.research import Researcher
from node.replica import now_ms

from .room import open_room


async def _claim(room, number, x=0.3):
    payload = {"settings": {"x": x, "y": -0.2}, "slots": {}}
    claim = Claim(room.track.id, payload, None, "", None, (), "search/x", "", True)
    return await room.bench(number).author.publish(claim)


def _held(room, claim, number, later_ms=0):
    """As the records tell and as a row of the board tells, which must be the same."""
    standings, me = room.replica.standings, room.bench(number).author.id
    (row,) = [row for row in standings.board(room.track.id).rows if row.view.id == claim.id]
    now = now_ms() + later_ms
    taken = is_taken(standings, room.track.id, row.view.recipe, me, now)
    assert is_held(row, me, now) in (taken, None)
    briefing = write_briefing(room.track, standings, me, now)
    assert (row.view.recipe in briefing.taken) == taken
    return taken, len(briefing.open_claims)


async def test_an_open_claim_is_a_lease_that_expires(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        await room.agent(1)._introduce()
        claim = await _claim(room, 1)
        assert _held(room, claim, 2) == (True, 1)
        assert _held(room, claim, 2, LEASE_MS + 1000) == (False, 0)
        assert _held(room, claim, 1, LEASE_MS + 1000) == (True, 0)  # its own author owes the result


async def test_what_was_measured_is_taken_for_good_and_stays_known(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        await room.agent(1)._introduce()
        claim = await _claim(room, 1)
        await Researcher(room.bench(1), embedded()).finish(claim.id)
        assert _held(room, claim, 2, 100 * LEASE_MS) == (True, 1)


async def test_a_claim_taken_back_frees_the_recipe_for_others_only(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        await room.agent(1)._introduce()
        claim = await _claim(room, 1)
        await room.bench(1).author.publish(Retraction(claim.id, "out of memory"))
        assert _held(room, claim, 2)[0] is False
        assert _held(room, claim, 1)[0] is True


async def test_of_two_claims_of_one_moment_the_later_one_gives_way(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        await room.agent(1)._introduce()
        claims = [await _claim(room, number) for number in (1, 2)]
        standings = room.replica.standings
        first, second = sorted(claims, key=lambda claim: (claim.time_ms, claim.id))
        assert not runs_before(standings, standings.claim(first.id))
        assert runs_before(standings, standings.claim(second.id))
        by = {room.bench(number).author.id: number for number in (1, 2)}
        for claim in (first, second):
            await Researcher(room.bench(by[claim.author]), embedded()).finish(claim.id)
        seeds = [len(standings.facts(claim.id).measured[0].seeds) for claim in (first, second)]
        assert seeds[1] == 1
        assert seeds[0] >= 1
