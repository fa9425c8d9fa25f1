"""Blobs from the disk of one node to the disk of another, through real hosts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import trio

from experiments.programs.canonical import read_program
from gossip.net.config import NetConfig
from gossip.net.swarm import Swarm, open_swarm
from gossip.proto.peerid import peer_id_of
from leaderboard.blob import CHUNK_BYTES, BlobId, head_of
from leaderboard.envelope import ChainTip, seal, swarm_id
from leaderboard.errors import Refused
from leaderboard.manifest import TrackManifest
from leaderboard.records import Claim, Track
from leaderboard.signing import Signer
from node.blobs import BlobStore
from node.blobs_shelf import Blobs
from node.replica import NodeReplica
from node.store import Store

SWARM = swarm_id("shelf")
MANIFEST = TrackManifest(
    name="toy",
    version=1,
    question="Which?",
    metric="loss",
    direction="min",
    data=bytes(32),
    budget={},
    reference={"settings": {}, "slots": {}},
    space={},
    tolerance="D0",
    delta_min=0.0,
    effect_bound=1.0,
    author_seeds=4,
    replicator_seeds=4,
    evaluator=1,
)


class OneNode:
    """Store, blobs and swarm of a node, without the rest."""

    def __init__(self, path: Path, number: int, most_bytes: int) -> None:
        self.signer = Signer(hashlib.sha256(b"shelf %d" % number).digest())
        self.seed = hashlib.sha256(b"shelf %d" % number).digest()
        path.mkdir(exist_ok=True)
        self.store = Store(path / "records.db", SWARM)
        self.replica = NodeReplica(self.store, SWARM)
        self.swarm: Swarm | None = None
        self.blobs = Blobs(BlobStore(path / "blobs", most_bytes), self.replica, lambda: self.swarm)

    @asynccontextmanager
    async def running(self, bootstrap: tuple[str, ...]) -> AsyncIterator[Swarm]:
        config = NetConfig(seed=self.seed, swarm=SWARM, listen=("/ip4/127.0.0.1/tcp/0",), bootstrap=bootstrap)
        opened = open_swarm(config, self.replica, shelf=self.blobs, random=Random(1), wall_ns=time.time_ns)
        with self.store:
            async with opened as swarm:
                self.swarm = swarm
                yield swarm


@asynccontextmanager
async def pair(path: Path, most_bytes: int = 1 << 24) -> AsyncIterator[tuple[OneNode, OneNode]]:
    one, two = OneNode(path / "one", 1, 1 << 24), OneNode(path / "two", 2, most_bytes)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(one.running(()))
        second = await stack.enter_async_context(two.running(first.addresses()))
        await met(second)
        yield one, two


async def met(swarm: Swarm) -> None:
    """Wait until the node has a peer."""
    with trio.fail_after(60):
        while not swarm.peers():  # noqa: ASYNC110 - the world has no events
            await trio.sleep(0.01)


@pytest.mark.slow
async def test_a_program_travels_by_the_id_in_the_recipe(tmp_path: Path) -> None:
    program = read_program("def activation(x):\n    # a comment\n    return x * 2\n")
    async with pair(tmp_path) as (author, other):
        assert await author.blobs.put(program.source.encode()) == program.id
        near = [peer_id_of(author.signer.author)]
        text = await other.blobs.obtain(program.id, 32_768, near)
        assert read_program(text).id == program.id
        assert other.blobs.store.get(program.id) == text
    offline = Blobs(other.blobs.store, other.replica, lambda: None)
    assert await offline.obtain(program.id, 32_768) == text
    with pytest.raises(Refused, match="no peers now"):
        await offline.obtain(head_of(b"unheard of").id, 100)


@pytest.mark.slow
async def test_large_blobs_and_limits(tmp_path: Path) -> None:
    data = Random(1).randbytes(20 * CHUNK_BYTES + 3)
    async with pair(tmp_path) as (author, other):
        blob = await author.blobs.put(data)
        with pytest.raises(Refused, match="were allowed"):
            await other.blobs.obtain(blob, len(data) - 1)
        assert await other.blobs.obtain(blob, len(data)) == data
        with pytest.raises(Refused, match="no connected peer"):
            await other.blobs.obtain(head_of(b"unheard of").id, 100)
        assert not list((tmp_path / "two" / "blobs" / "partial").iterdir())


@pytest.mark.slow
async def test_what_records_refer_to_stays_longest(tmp_path: Path) -> None:
    async with pair(tmp_path, 3 * CHUNK_BYTES) as (author, other):
        named, plain, third = [await author.blobs.put(Random(n).randbytes(CHUNK_BYTES)) for n in range(3)]
        tip, raws = ChainTip(bytes(16), -1, None), []
        recipe = {"program": named, "settings": {}, "slots": {}}
        claim = Claim(MANIFEST.id, recipe, None, "", None, (), "person", "", True)
        for record in (Track(MANIFEST), claim):
            envelope = seal(record, author.signer, SWARM, tip, 1)
            tip, raws = envelope.tip, [*raws, envelope.raw]
        await other.replica.admit(raws, "test")
        for blob in (named, plain, third):
            await other.blobs.obtain(blob, CHUNK_BYTES)
        assert named in other.blobs.store
        assert plain not in other.blobs.store
        assert third in other.blobs.store


class Stuck(Blobs):
    """Gives the first twelve chunks of every blob, and the others once it is `free`."""

    free: trio.Event

    async def chunk(self, blob: BlobId, index: int) -> bytes | None:
        if index >= 12:
            await self.free.wait()
        return await super().chunk(blob, index)


@pytest.mark.slow
async def test_a_node_that_went_down_half_way_fetches_the_other_half(tmp_path: Path) -> None:
    data = Random(2).randbytes(20 * CHUNK_BYTES + 3)
    author = OneNode(tmp_path / "one", 1, 1 << 24)
    author.blobs = stuck = Stuck(author.blobs.store, author.replica, lambda: author.swarm)
    stuck.free = trio.Event()
    blob = await stuck.put(data)

    async with author.running(()) as first:
        other = OneNode(tmp_path / "two", 2, 1 << 24)
        async with other.running(first.addresses()) as swarm, trio.open_nursery() as nursery:
            await met(swarm)
            nursery.start_soon(other.blobs.obtain, blob, len(data))
            with trio.fail_after(60):
                while half_written(tmp_path) < 12:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        stuck.free.set()

        again = OneNode(tmp_path / "two", 2, 1 << 24)
        async with again.running(first.addresses()) as swarm:
            await met(swarm)
            assert await again.blobs.obtain(blob, len(data)) == data
            assert swarm.statistics().blob_bytes_in < 10 * CHUNK_BYTES
    assert not half_written(tmp_path)


def half_written(path: Path) -> int:
    """Chunks in the file of the second node that is not whole yet."""
    sizes = [file.stat().st_size for file in (path / "two" / "blobs" / "partial").iterdir()]
    return sum(sizes) // CHUNK_BYTES
