"""Who made a confirmed claim possible is told with it."""

from __future__ import annotations

from node.board_views import BoardViews

from .room import confirm, open_room


async def test_author_and_replicators_share_the_credit(tmp_path, toy):
    async with open_room(tmp_path, toy) as room:
        claim = await confirm(room, {"x": 0.3, "y": -0.2})
        views = BoardViews(room.replica, [toy])
        *_, told = views.explanation(room.replica.standings.claim(claim.id))
        author = views.name(room.bench(1).author.id)
        assert told.startswith(f"Credit: {author} 75% (author); ")
        assert told.count("8% (replicator)") == 3
