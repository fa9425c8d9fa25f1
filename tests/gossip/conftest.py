"""Swarms of real libp2p hosts in this process, and nodes in processes of their own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from gossip.memory import MemoryReplica
from gossip.memory_blobs import MemoryShelf
from gossip.net.config import NetConfig
from gossip.net.swarm import Swarm, open_swarm
from leaderboard.ids import SwarmId

ROOT = Path(__file__).resolve().parents[2]
SWARM = SwarmId(hashlib.sha256(b"test").digest())
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)


@dataclass
class Node:
    swarm: Swarm
    replica: MemoryReplica

    @property
    def address(self) -> str:
        return self.swarm.addresses()[0]

    def add(self, *envelopes: bytes) -> None:
        """Into the set, without pushing."""
        self.replica.admit_now(envelopes, self.swarm.peer_id)

    async def publish(self, *envelopes: bytes) -> None:
        self.add(*envelopes)
        await self.swarm.publish(envelopes)


@dataclass
class Cluster:
    """Opens nodes; the first is the bootstrap of the others unless told otherwise."""

    stack: AsyncExitStack
    nodes: list[Node] = field(default_factory=list)

    async def add(
        self, replica: MemoryReplica | None = None, *, shelf: MemoryShelf | None = None, **changes: Any
    ) -> Node:
        index = len(self.nodes)
        config = NetConfig(
            seed=hashlib.sha256(b"test node %d" % index).digest(),
            swarm=SWARM,
            listen=LOOPBACK,
            bootstrap=(self.nodes[0].address,) if self.nodes else (),
            sync_seconds=0.5,
        )
        replica = MemoryReplica() if replica is None else replica
        opened = open_swarm(
            replace(config, **changes), replica, shelf=shelf, random=Random(index), wall_ns=time.time_ns
        )
        node = Node(await self.stack.enter_async_context(opened), replica)
        self.nodes.append(node)
        return node

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for a state of the world; TooSlowError says which test waited in vain."""
        with trio.fail_after(seconds):
            while not condition():  # noqa: ASYNC110 - the world has no events
                await trio.sleep(0.01)

    async def linked(self) -> None:
        """Every node has at least min(5, n-1) links and a mesh."""
        want = min(5, len(self.nodes) - 1)
        await self.until(
            lambda: all(
                s.peers >= want and s.mesh >= min(want, 3) for s in (n.swarm.statistics() for n in self.nodes)
            )
        )

    async def equal(self, size: int, seconds: float = 60.0) -> None:
        """Every node has the same `size` records."""
        await self.until(lambda: all(len(node.replica) == size for node in self.nodes), seconds)
        assert len({node.replica.ids() for node in self.nodes}) == 1


@asynccontextmanager
async def _cluster(count: int = 0, **changes: Any) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        cluster = Cluster(stack)
        for _ in range(count):
            await cluster.add(**changes)
        if count > 1:
            await cluster.linked()
        yield cluster


@pytest.fixture
def open_cluster() -> Any:
    """`async with open_cluster(n) as cluster`."""
    return _cluster


class NodeProcess:
    """A node in a process (bench/gossip_node.py), commanded line by line."""

    def __init__(self, seed: int, prefix: tuple[str, ...] = (), **options: Any) -> None:
        self.process = subprocess.Popen(
            [
                *prefix,
                sys.executable,
                "-P",
                str(ROOT / "bench" / "gossip_node.py"),
                json.dumps({"seed": seed} | options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        first = self._line()
        self.addresses: list[str] = first["addresses"]
        self.peer: str = first["peer"]

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the node ended with {self.process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def spawn() -> Iterator[Callable[..., NodeProcess]]:
    """Starts node processes and kills them at the end of the test."""
    started: list[NodeProcess] = []

    def start(seed: int, prefix: tuple[str, ...] = (), **options: Any) -> NodeProcess:
        started.append(NodeProcess(seed, prefix, **options))
        return started[-1]

    yield start
    for process in started:
        process.stop()
