"""Ablations by agents: what is confirmed with several changes is taken apart, once by each."""

from __future__ import annotations

from leaderboard.ablation import Ablation
from leaderboard.board.explain import explain
from leaderboard.evidence.draw import PATIENCE_MS
from node.agent.ablate import Ablator
from node.agent.replicate import Replicator
from node.replica import now_ms

from .room import confirm, open_room


async def test_an_author_takes_its_confirmed_recipe_apart_once(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await confirm(room, {"x": 0.3, "y": -0.9})
        ablator = Ablator(room.bench(1))
        assert await ablator.ablate_own()
        assert not await ablator.ablate_own()
        assert not await Ablator(room.bench(1)).ablate_own()  # nor after a restart
        view = room.replica.standings.claim(claim.id)
        first, second = view.causes
        assert (first.name, second.name) == ("x", "y")
        assert first.interval is not None
        assert first.interval[0] > second.effect > 0.0
        assert second.interval is not None
        assert first.text in explain(view)


async def test_others_join_when_nobody_has_done_it(tmp_path, toy, monkeypatch):
    async with open_room(tmp_path, toy) as room:
        claim = await confirm(room, {"x": 0.3, "y": -0.2})
        assert not await Ablator(room.bench(2)).ablate_own()
        later = now_ms() + 64 * PATIENCE_MS  # by then every coin has fallen
        monkeypatch.setattr("node.agent.ablate.now_ms", lambda: later)
        assert await Ablator(room.bench(2)).ablate_other()
        assert not await Ablator(room.bench(2)).ablate_other()
        (made,) = room.records(Ablation)
        assert made.author == room.bench(2).author.id
        assert {cause.authors for cause in room.replica.standings.claim(claim.id).causes} == {1}


async def test_a_single_change_is_its_own_explanation(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        await confirm(room, {"x": 0.3, "y": -1.0})
        assert not await Ablator(room.bench(1)).ablate_own()
        assert room.records(Ablation) == []


async def test_a_replicator_ablates_its_own_first(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        await confirm(room, {"x": 0.3, "y": -0.2})
        assert await Replicator(room.bench(1)).replicate_one()
        assert len(room.records(Ablation)) == 1
