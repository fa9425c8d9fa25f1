"""Agents' benches over one replica: a swarm without a network, on the toy track."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from pathlib import Path

from experiments.harness.device import open_device
from experiments.search.portfolio import embedded
from leaderboard.envelope import swarm_id
from leaderboard.records import Profile
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
