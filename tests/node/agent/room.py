"""Agents' benches over one replica: a swarm without a network, on the toy track."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from pathlib import Path

from experiments.harness.device import open_device
from experiments.search.portfolio import embedded
from leaderboard.envelope import Envelope, swarm_id
from leaderboard.records import Accept, Claim, Profile, commitment
from leaderboard.signing import Signer
from node.agent.checker import NoveltyChecker
from node.agent.loop import Agent
from node.agent.replicate import Replicator
from node.agent.research import Researcher
from node.agent.share import DeviceShare
from node.agent.workbench import Workbench
from node.author import Author
from node.replica import NodeReplica
from node.store import Store

SWARM = swarm_id("test")
TOYS = Path(__file__).parents[1] / "toytrack"


class Room:
    """Several agents' benches over one replica: a swarm without a network."""

    def __init__(self, replica, device, track):
        self.replica, self.device, self.track = replica, device, track
        self.checker = NoveltyChecker()

    def bench(self, number: int) -> Workbench:
        signer = Signer(bytes([number]) * 32)
        return Workbench(
            replica=self.replica,
            author=Author(signer, self.replica),
            device=self.device,
            checker=self.checker,
            tracks={self.track.id: self.track},
            coin=bytes([number]) * 32,
            random=random.Random(number),
        )

    def agent(self, number: int) -> Agent:
        bench = self.bench(number)
        return Agent(
            bench,
            Researcher(bench, embedded()),
            Replicator(bench),
            DeviceShare(0.5),
            Profile(f"node {number}", "test", "cpu"),
        )

    def records(self, kind):
        return [
            item.envelope for item in self.replica.page(0, 10_000) if isinstance(item.envelope.record, kind)
        ]


@asynccontextmanager
async def open_room(path, track):
    with Store(path / "records.db", SWARM) as store:
        async with open_device(folders=[TOYS]) as device:
            room = Room(NodeReplica(store, SWARM), device, track)
            try:
                yield room
            finally:
                await room.checker.aclose()


async def confirm(room: Room, recipe: dict[str, float], *, derivable: bool = True) -> Envelope:
    """A claim of bench 1, measured by it and confirmed by benches 2, 3 and 4."""
    await room.agent(1)._introduce()
    one = room.bench(1)
    claim = await one.author.publish(
        Claim(
            room.track.id,
            {"settings": recipe, "slots": {}},
            None,
            "the bottom",
            None,
            (),
            "x",
            "MIT",
            derivable,
        )
    )
    await Researcher(one, embedded()).finish(claim.id)
    for number in (2, 3, 4):
        bench = room.bench(number)
        replicator = Replicator(bench)
        opened = commitment(claim.id, bench.author.id, replicator._secret(claim.id, 0))
        await bench.author.publish(Accept(claim.id, 8, opened))
        assert await replicator.keep_promise()
    (row,) = room.replica.standings.top(room.track.id)
    assert row.view.id == claim.id
    return claim
