"""The terms on which a recipe was given away: shown, and honoured by whoever chooses parents."""

from __future__ import annotations

import pytest

from leaderboard.board.explain import explain
from node.agent.briefing import write_briefing
from node.replica import now_ms

from .room import confirm, open_room


@pytest.mark.parametrize("derivable", [True, False])
async def test_nothing_is_derived_from_what_must_not_be(tmp_path, toy, derivable):
    async with open_room(tmp_path, toy) as room:
        claim = await confirm(room, {"x": 0.3, "y": -0.2}, derivable=derivable)
        board = room.replica.standings.board(toy.id)
        stranger = write_briefing(toy, room.replica.standings, room.bench(9).author.id, now_ms())
        assert [trial.claim for trial in stranger.pool] == ([claim.id] if derivable else [])
        assert board.rows[0].view.recipe in stranger.taken  # nor is it proposed again
        author = write_briefing(toy, room.replica.standings, claim.author, now_ms())
        assert [trial.claim for trial in author.history] == [claim.id]  # its own author may go on
        text = "\n".join(explain(board.rows[0].view))
        assert "Licence of the recipe: MIT." in text
        assert ("nothing be derived" in text) is not derivable
