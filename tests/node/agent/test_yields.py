"""What each proposer's ideas were worth: all of this node's own, and those that the board shows first."""

from __future__ import annotations

import pytest

from leaderboard.ids import ContentId
from node.agent.yields import proposer_views
from node.notebook_entries import Attempt, Outcome

from .room import confirm, open_room


def attempt(toy, number: int, **fields) -> Attempt:
    recipe = {"settings": {"x": number / 100, "y": 0.0}, "slots": {}}
    said = {
        "outcome": Outcome.MEASURED,
        "effect": 1.0,
        "predicted": 1.5,
        "claim": ContentId(bytes([number]) * 32),
    }
    return Attempt(toy.id, recipe, "llm/tiny", "h", **{**said, **fields})


async def test_own_ideas_count_beyond_the_rows_of_the_board(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await confirm(room, {"x": 0.3, "y": -0.2})
        own = [
            attempt(toy, 1),
            attempt(toy, 2, effect=None),  # diverged
            attempt(toy, 3, predicted=None, standing="confirmed"),
            attempt(toy, 4, outcome=Outcome.FAILED, effect=None),
            attempt(toy, 5, claim=claim.id),  # on the board already
        ]
        model, other = proposer_views(toy, room.replica.standings, own)
        assert (model.name, model.claims, model.confirmed, model.predictions) == ("llm/tiny", 3, 1, 2)
        bound = toy.manifest.effect_bound
        assert model.best_effect == 1.0
        assert model.mean_effect == pytest.approx((2.0 - bound) / 3)
        assert model.bias == pytest.approx((0.5 + 1.5 + bound) / 2)
        assert (other.name, other.claims, other.confirmed, other.predictions) == ("x", 1, 1, 0)
        assert proposer_views(toy, room.replica.standings) == [other]
