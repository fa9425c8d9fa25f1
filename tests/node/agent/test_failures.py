"""A trial that fails leaves its reason in the records, and is not run again in another life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments.harness.outcome import TrialError
from experiments.search.portfolio import embedded
from leaderboard.evidence.standing import Standing
from leaderboard.records import Claim, Result, Retraction, Track
from node.agent.research import Researcher

from .room import open_room


async def test_a_failed_trial_is_taken_back_with_its_reason(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        bench = room.bench(1)
        await room.agent(1)._introduce()
        plan = await Researcher(bench, embedded()).prepare(toy)
        assert plan is not None
        claim = await Researcher(bench, embedded()).claim(plan)
        hasty = replace(bench, tracks={toy.id: replace(toy, limit_s=0.0)})
        await Researcher(hasty, embedded()).finish(claim)
        (told,) = room.records(Retraction)
        assert told.record.target == claim
        assert "timeout" in told.record.reason
        assert room.records(Result) == []
        assert room.replica.standings.claim(claim).standing is Standing.RETRACTED
        again = Researcher(room.bench(1), embedded())  # another life of the same node
        assert again.unfinished() is None


async def test_what_one_lane_holds_no_other_begins(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        bench = room.bench(1)
        await room.agent(1)._introduce()
        researcher = Researcher(bench, embedded())
        plan = await researcher.prepare(toy)
        assert plan is not None
        assert not researcher.is_taken(plan)
        with bench.holding(plan.proposal.recipe.id):
            assert researcher.is_taken(plan)
            claim = await researcher.claim(plan)
            assert researcher.unfinished() is None
        assert researcher.unfinished() == claim


async def test_a_machine_that_cannot_run_the_reference_claims_nothing(tmp_path, toy):
    async with open_room(tmp_path, replace(toy, limit_s=0.0)) as room:
        with pytest.RaisesGroup(
            pytest.RaisesExc(TrialError, match="longer than 0 s"), flatten_subgroups=True
        ):
            await room.agent(1).run()
        assert room.records(Claim) == []
        assert len(room.records(Track)) == 1
