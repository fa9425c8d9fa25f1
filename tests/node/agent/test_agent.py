"""Research and replication over a real store, ledger and worker, on the toy track."""

from __future__ import annotations

import trio

from experiments.search.portfolio import embedded
from leaderboard.envelope import ChainTip, seal
from leaderboard.evidence.draw import Stake
from leaderboard.evidence.standing import Standing
from leaderboard.records import Accept, Claim, Replication, Result, commitment
from leaderboard.signing import Signer
from node.agent.briefing import POOL, write_briefing
from node.agent.errands import Errand, Errands
from node.agent.replicate import Replicator
from node.agent.research import Researcher
from node.replica import now_ms

from .room import SWARM, Room, open_room


async def _work_until(room: Room, agents, condition) -> None:
    with trio.fail_after(200):
        async with trio.open_nursery() as nursery:
            for agent in agents:
                nursery.start_soon(agent.run)
            cursor = 0
            while not condition():
                cursor = await room.replica.wait_beyond(cursor)
            nursery.cancel_scope.cancel()


async def test_three_agents_claim_measure_and_confirm(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:

        def confirmed():
            standings = room.replica.standings
            return toy.id in standings.tracks() and standings.top(toy.id, 1)

        await _work_until(room, [room.agent(n) for n in (1, 2, 3)], confirmed)
        claims = {envelope.id: envelope for envelope in room.records(Claim)}
        for result in room.records(Result):
            assert claims[result.record.claim].author == result.author
        for made in room.records(Replication):
            assert claims[made.record.claim].author != made.author
            (accept,) = [a for a in room.records(Accept) if a.id == made.record.accept]
            opened = commitment(made.record.claim, made.author, made.record.secret)
            assert accept.record.commitment == opened
            assert len(made.record.own.seeds) == accept.record.seeds
        top = confirmed()[0].view
        assert top.standing is Standing.CONFIRMED
        assert top.evidence.replicators >= 2


async def test_a_crash_between_claim_and_result_is_made_good(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        bench = room.bench(1)
        researcher = Researcher(bench, embedded())
        await room.agent(1)._introduce()
        plan = await researcher.prepare(toy)
        assert plan is not None
        claim = await researcher.claim(plan)  # and here the daemon dies
        again = Researcher(room.bench(1), embedded())
        assert again.unfinished() == claim
        await again.finish(claim)
        assert again.unfinished() is None
        assert len(room.records(Claim)) == len(room.records(Result)) == 1


async def test_an_accepted_replication_is_delivered_after_a_restart(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        ada, bob = room.bench(1), room.bench(2)
        await room.agent(1)._introduce()
        plan = await Researcher(ada, embedded()).prepare(toy)
        await Researcher(ada, embedded()).carry_out(plan)
        (claim,) = room.records(Claim)
        before = Replicator(bob)
        await bob.author.publish(
            Accept(claim.id, 3, commitment(claim.id, bob.author.id, before._secret(claim.id, 0)))
        )
        after = Replicator(room.bench(2))  # the same key, another life
        assert await after.keep_promise()
        assert not await after.keep_promise()
        (delivery,) = room.records(Replication)
        assert len(delivery.record.own.seeds) == 3
        assert delivery.record.replay is not None
        view = room.replica.standings.claim(claim.id)
        assert view.evidence.outstanding == view.evidence.overdue == 0


async def test_somebody_elses_accept_under_our_name_is_not_our_promise(tmp_path, toy):
    """An accept whose commitment we cannot open (a restored key on two machines) is left alone."""
    async with open_room(tmp_path, toy) as room:
        await room.agent(1)._introduce()
        plan = await Researcher(room.bench(1), embedded()).prepare(toy)
        await Researcher(room.bench(1), embedded()).carry_out(plan)
        (claim,) = room.records(Claim)
        bob = room.bench(2)
        await bob.author.publish(Accept(claim.id, 3, b"\x01" * 32))
        assert not await Replicator(bob).keep_promise()


async def test_briefings_come_from_the_records_alone(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        agents = [room.agent(n) for n in (1, 2, 3)]

        def enough():
            return len(room.records(Result)) >= 12

        await _work_until(room, agents, enough)
        standings = room.replica.standings
        board = standings.board(toy.id)
        me = Signer(b"\x01" * 32).author
        briefing = write_briefing(toy, standings, me, now_ms())
        assert briefing == write_briefing(toy, standings, me, now_ms())
        assert {trial.claim for trial in briefing.history} == {
            result.record.claim for result in room.records(Result) if result.author == me
        }
        assert all(not trial.own and trial.standing == "confirmed" for trial in briefing.pool)
        assert len(briefing.pool) <= POOL
        assert briefing.taken == {row.view.recipe for row in board.rows}


async def test_own_claims_and_accepted_ones_are_not_up_for_replication(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        ada = room.bench(1)
        await room.agent(1)._introduce()
        plan = await Researcher(ada, embedded()).prepare(toy)
        await Researcher(ada, embedded()).carry_out(plan)
        (claim,) = room.records(Claim)
        me, bob = ada.author.id, room.bench(2).author
        always = b"\x00" * 32
        late = 10**15  # by then the rate of what nobody accepted is 1

        def wanted(author):
            errands = Errands(room.replica.standings, toy.id, author)
            return errands.next(always, late, lambda _: False)

        assert wanted(me) is None
        stake = room.replica.standings.stake(claim.id)
        if stake is Stake.DISCARD:  # whose coin does not rise: the claim is taken or it is not
            assert wanted(bob.id) in (None, Errand(claim.id, 2))
        else:
            assert wanted(bob.id) == Errand(claim.id, 8)
        await bob.publish(Accept(claim.id, 1, b"\x02" * 32))
        assert wanted(bob.id) is None


async def test_a_paused_agent_starts_nothing(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        agent = room.agent(1)
        agent.pause()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(agent.run)
            await room.replica.wait_beyond(1)  # its profile and its track
            await trio.testing.wait_all_tasks_blocked()
            assert agent.activity.text == "paused"
            assert room.records(Claim) == []
            agent.resume()
            with trio.fail_after(100):
                cursor = 0
                while not room.records(Claim):
                    cursor = await room.replica.wait_beyond(cursor)
            nursery.cancel_scope.cancel()


async def test_what_a_node_ran_itself_steers_it_before_the_swarm_has_confirmed_it(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        standings = room.replica.standings
        await room.agent(1)._introduce()
        one, two = room.bench(1), room.bench(2)
        recipe = {"settings": {"x": 0.3, "y": -0.2}, "slots": {}}
        claim = await one.author.publish(
            Claim(toy.id, recipe, None, "the bottom", None, (), "x", "MIT", derivable=True)
        )
        await Researcher(one, embedded()).finish(claim.id)
        opened = commitment(claim.id, two.author.id, Replicator(two)._secret(claim.id, 0))
        await two.author.publish(Accept(claim.id, 4, opened))
        assert write_briefing(toy, standings, two.author.id, now_ms()).checked == ()
        assert await Replicator(two).keep_promise()
        briefing = write_briefing(toy, standings, two.author.id, now_ms())
        (trial,) = briefing.checked
        assert (trial.claim, trial.seeds, trial.own, trial.standing) == (claim.id, 4, False, "replicated")
        assert trial.effect == standings.claim(claim.id).evidence.median  # nobody else has run it
        assert trial in briefing.known
        assert briefing.pool == ()
        assert write_briefing(toy, standings, room.bench(3).author.id, now_ms()).checked == ()


async def test_a_claim_waits_for_the_record_of_its_opponent(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        await room.agent(1)._introduce()
        one, two = room.bench(1), room.bench(2)
        recipe = {"settings": {"x": 0.3, "y": -0.2}, "slots": {}}
        first = Claim(toy.id, recipe, None, "the bottom", None, (), "x", "MIT", derivable=True)
        coming = seal(first, Signer(b"\x02" * 32), SWARM, ChainTip(b"\x02" * 16, -1, None), now_ms())
        other = {"settings": {"x": 0.2, "y": -0.1}, "slots": {}}
        claim = await one.author.publish(
            Claim(toy.id, other, coming.id, "beats it", None, (), "x", "MIT", derivable=True)
        )
        researcher = Researcher(one, embedded())
        assert researcher.unfinished() is None
        await two.replica.admit([coming.raw], "a peer")
        assert researcher.unfinished() == claim.id
        await researcher.finish(claim.id)
        assert researcher.unfinished() is None
