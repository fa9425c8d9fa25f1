"""An agent put together from a configuration: a model has ideas, trials follow, all of it is remembered."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from experiments.track import Track
from leaderboard.envelope import swarm_id
from leaderboard.records import Claim, Result
from node import identity
from node.agent.open import open_agent
from node.author import Author
from node.blobs import BlobStore
from node.blobs_shelf import Blobs
from node.config import Config, load
from node.home import Home
from node.notebook import Notebook
from node.notebook_entries import Outcome
from node.replica import NodeReplica
from node.store import Store

from ...experiments.llm.conftest import Server, server
from .room import TOYS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["server"]

pytestmark = pytest.mark.slow


def thinks(server: Server, xs: Sequence[float]) -> Any:
    """Passes the probe for schemas, then proposes these x in order, the last one again and again."""
    waiting = list(xs)

    async def reply(stream: trio.SocketStream, request: dict[str, Any]) -> None:
        if "hypothesis" not in json.dumps(request.get("response_format", {})):
            await server.enforces()(stream, request)
            return
        x = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        said = {
            "hypothesis": f"x is {x}",
            "mechanism": "downhill",
            "predicted_effect": "2",
            "settings": {"x": f"{x}", "y": "0"},
        }
        await server.says(json.dumps(said))(stream, request)

    return reply


def configured(tmp_path: Path, server: Server) -> Config:
    dials = {
        "agent.tracks": ("toy",),
        "agent.track_folders": (str(TOYS),),
        "llm.endpoint": server.url,
        "llm.model": "tiny",
    }
    return load(Home(tmp_path), {}, dials)


async def test_a_configured_model_has_ideas_that_are_run_and_remembered(
    tmp_path: Path, server: Server, toy: Track
) -> None:
    server.plays(thinks(server, [n / 20 for n in range(-19, 20)]))
    config, swarm = configured(tmp_path, server), swarm_id("test")
    me = identity.load_or_create(config.home.identity)
    with Store(config.home.store, swarm) as store:
        replica = NodeReplica(store, swarm)
        author = Author(me.signer, replica)
        blobs = Blobs(BlobStore(config.home.blobs, 1 << 20), replica, lambda: None)
        async with open_agent(config, me, replica, author, blobs) as agent:
            with trio.fail_after(200):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(agent.run)
                    await _until(replica, partial(_measured_ideas, replica, toy, 2))
                    nursery.cancel_scope.cancel()
            assert agent.model is not None
            status = agent.model.status()
            assert status.ideas >= 2
            assert status.requests == len(server.requests)
        claims = [row.view for row in replica.standings.board(toy.id).rows]
        assert {view.claim.proposer.partition("/")[0] for view in claims} == {"llm", "search"}
        with Notebook(config.home.notebook) as notebook:
            kept = [
                a for a in notebook.attempts() if a.proposer == "llm/tiny" and a.outcome is Outcome.MEASURED
            ]
            assert len(kept) >= 2
            assert all(item.mechanism == "downhill" and item.predicted == 2.0 for item in kept)
            assert notebook.spent().requests == status.requests


def _measured_ideas(replica: NodeReplica, track: Track, wanted: int) -> bool:
    records = [item.envelope for item in replica.page(0, 10_000)]
    ideas = {
        item.id for item in records if isinstance(item.record, Claim) and item.record.proposer == "llm/tiny"
    }
    others = any(isinstance(item.record, Claim) and item.id not in ideas for item in records)
    return others and sum(isinstance(i.record, Result) and i.record.claim in ideas for i in records) >= wanted


async def _until(replica: NodeReplica, condition: Any) -> None:
    cursor = 0
    while not condition():
        cursor = await replica.wait_beyond(cursor)
