"""Blobs between real libp2p hosts: shared work, fail-over, peers that lie, trickle, flood or are silent."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
import trio

from gossip.memory_blobs import MemoryShelf
from gossip.net import blobs as serving
from gossip.net import links, streams
from gossip.net.streams import FrameStream
from gossip.proto.blobs import Absent, Chunk, Find, Head, Read, read_blob_answer, read_blob_question
from gossip.proto.frames import MAX_FRAME_BYTES
from gossip.proto.peerid import peer_id_of
from leaderboard.blob import CHUNK_BYTES, BlobId, head_of
from leaderboard.errors import LocalError, Refused

pytestmark = pytest.mark.slow

DATA = Random(1).randbytes(40 * CHUNK_BYTES + 5)
HEAD = head_of(DATA)
Answer = Callable[[FrameStream, Any], Awaitable[None]]


def full() -> MemoryShelf:
    shelf = MemoryShelf()
    shelf.put(DATA)
    return shelf


def hostile(node: Any, answer: Answer) -> None:
    """`node` answers questions about blobs by `answer(stream, question)` from now on."""

    async def serve(raw: Any) -> None:
        stream = FrameStream(raw)
        while (frame := await stream.read(60)) is not None:
            await answer(stream, read_blob_question(frame))

    swarm = node.swarm
    swarm._host.basic.set_stream_handler(swarm._blobs._around.protocol, serve)


async def heads_then(stream: FrameStream, question: Any, *frames: bytes) -> None:
    for frame in [Head(HEAD).encode()] if isinstance(question, Find) else frames:
        await stream.write(frame)


async def test_a_blob_from_several_peers(open_cluster: Any) -> None:
    async with open_cluster(0) as cluster:
        for _ in range(3):
            await cluster.add(shelf=full())
        shelf = MemoryShelf()
        node = await cluster.add(shelf=shelf)
        await cluster.until(lambda: len(node.swarm.peers()) == 3)
        await node.swarm.fetch_blob(HEAD.id, len(DATA))
        assert shelf.blobs[HEAD.id][1] == DATA
        holders = cluster.nodes[:3]
        await cluster.until(lambda: not any(map(len, (other.swarm._blobs._serving for other in holders))))
        given = [other.swarm.statistics().blob_bytes_out for other in holders]
        assert min(given) > CHUNK_BYTES
        assert len(DATA) < sum(given) < 1.3 * len(DATA)
        assert node.swarm.statistics().blobs_fetched == 1
        await node.swarm.fetch_blob(HEAD.id, len(DATA))  # it is here: nobody is asked
        assert node.swarm.statistics().blobs_fetched == 1
        with pytest.raises(Refused):
            await node.swarm.fetch_blob(HEAD.id, 100)


async def test_two_callers_fetch_it_once(open_cluster: Any) -> None:
    async with open_cluster(0) as cluster:
        await cluster.add(shelf=full())
        node = await cluster.add(shelf=MemoryShelf())
        await cluster.until(lambda: bool(node.swarm.peers()))
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(node.swarm.fetch_blob, HEAD.id, len(DATA))
        assert node.swarm.statistics().blobs_fetched == 1
        assert not node.swarm._blobs._fetching


async def test_everybody_wants_it_at_once_from_its_maker(open_cluster: Any) -> None:
    """More than a maker serves at a time: the rest is told that it is busy, comes again, or asks others."""
    data = DATA[: 8 * CHUNK_BYTES]
    async with open_cluster(0) as cluster:
        source = MemoryShelf()
        blob = source.put(data)
        maker = await cluster.add(shelf=source)
        shelves = [MemoryShelf() for _ in range(serving._AT_ONCE + 2)]
        others = [await cluster.add(shelf=shelf) for shelf in shelves]
        await cluster.until(lambda: len(maker.swarm.peers()) == len(others))
        async with trio.open_nursery() as nursery:
            for node in others:
                nursery.start_soon(node.swarm.fetch_blob, blob, len(data), [maker.swarm.peer_id])
        assert all(shelf.blobs[blob][1] == data for shelf in shelves)
        assert all(peer.guilt == 0 for node in cluster.nodes for peer in node.swarm.peers())


async def test_the_near_peer_is_asked_first(open_cluster: Any) -> None:
    async with open_cluster(0) as cluster:
        for _ in range(5):
            await cluster.add(shelf=full() if len(cluster.nodes) == 4 else MemoryShelf())
        node = await cluster.add(shelf=MemoryShelf())
        await cluster.until(lambda: len(node.swarm.peers()) == 5)
        near = cluster.nodes[4].swarm.peer_id
        assert node.swarm._blobs._candidates([near])[0] == near
        await node.swarm.fetch_blob(HEAD.id, len(DATA), [near])


async def test_its_maker_is_called_if_need_be(open_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a large swarm the author of a record is seldom a neighbour."""
    monkeypatch.setattr(links, "_EXPLORE_SECONDS", 3600.0)
    monkeypatch.setattr(links, "_LOST_SECONDS", 3600.0, raising=False)
    async with open_cluster(0) as cluster:
        await cluster.add(links=1)
        maker = await cluster.add(shelf=full(), links=1)
        node = await cluster.add(shelf=MemoryShelf(), links=1)
        name = maker.swarm.peer_id
        await cluster.until(lambda: node.swarm._links.book.get(name) is not None)
        assert name not in [peer.peer for peer in node.swarm.peers()]
        with pytest.raises(Refused):
            await node.swarm.fetch_blob(HEAD.id, len(DATA))
        await node.swarm.fetch_blob(HEAD.id, len(DATA), [name])
        assert name not in [peer.peer for peer in node.swarm.peers()]  # one link is what it wants to keep
        assert not await node.swarm._links.reach(peer_id_of(bytes(32)))


async def test_refusals(open_cluster: Any) -> None:
    async with open_cluster(0) as cluster:
        await cluster.add(shelf=full())
        small = await cluster.add(shelf=MemoryShelf(room=1000))
        without = await cluster.add()
        await cluster.until(lambda: all(len(node.swarm.peers()) == 2 for node in cluster.nodes))
        with pytest.raises(Refused, match="no room"):
            await small.swarm.fetch_blob(HEAD.id, len(DATA))
        with pytest.raises(Refused, match="were allowed"):
            await small.swarm.fetch_blob(HEAD.id, len(DATA) - 1)
        with pytest.raises(Refused, match="no connected peer"):
            await small.swarm.fetch_blob(BlobId(bytes(32)), len(DATA))
        with pytest.raises(LocalError, match="without a shelf"):
            await without.swarm.fetch_blob(HEAD.id, len(DATA))
        assert all(peer.guilt == 0 for node in cluster.nodes for peer in node.swarm.peers())


async def wrong_bytes(stream: FrameStream, question: Any) -> None:
    await heads_then(stream, question, Chunk(os.urandom(CHUNK_BYTES)).encode())


async def wrong_length(stream: FrameStream, question: Any) -> None:
    await heads_then(stream, question, Chunk(DATA[: CHUNK_BYTES - 1]).encode())


async def wrong_head(stream: FrameStream, question: Any) -> None:
    await stream.write(Head(head_of(DATA[1:])).encode())


async def announces_too_much(stream: FrameStream, question: Any) -> None:
    await stream._stream.write(b"\xff\xff\x7f" + bytes(1000))


async def garbage(stream: FrameStream, question: Any) -> None:
    await stream.write(os.urandom(1000))


LIARS = [wrong_bytes, wrong_length, wrong_head, announces_too_much, garbage]


@pytest.mark.parametrize("answer", LIARS, ids=lambda f: f.__name__)
async def test_liars_are_blamed_and_the_blob_comes_from_others(open_cluster: Any, answer: Answer) -> None:
    async with open_cluster(0) as cluster:
        liar = await cluster.add(shelf=full())
        await cluster.add(shelf=full())
        hostile(liar, answer)
        shelf = MemoryShelf()
        node = await cluster.add(shelf=shelf)
        await cluster.until(lambda: len(node.swarm.peers()) == 2)
        await node.swarm.fetch_blob(HEAD.id, len(DATA), [liar.swarm.peer_id])
        assert shelf.blobs[HEAD.id][1] == DATA
        guilt = {peer.peer: peer.guilt for peer in node.swarm.peers()}
        assert guilt[liar.swarm.peer_id] > 25
        assert sum(map(bool, guilt.values())) == 1


async def test_an_endless_answer_fills_no_memory(open_cluster: Any) -> None:
    """Frames beyond the answer are never read; flow control and the limit of unread bytes do the rest."""
    sent = 0

    async def endless(stream: FrameStream, question: Any) -> None:
        nonlocal sent
        await stream.write(Head(HEAD).encode())
        while True:
            await stream.write(Chunk(DATA[:CHUNK_BYTES]).encode(), 3600)
            sent += CHUNK_BYTES

    async with open_cluster(0) as cluster:
        liar = await cluster.add(shelf=full())
        await cluster.add(shelf=full())
        hostile(liar, endless)
        node = await cluster.add(shelf=MemoryShelf())
        await cluster.until(lambda: len(node.swarm.peers()) == 2)
        await node.swarm.fetch_blob(HEAD.id, len(DATA), [liar.swarm.peer_id])
        assert sent < 16 << 20


async def test_silent_and_trickling_peers_delay_nobody(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FRAME_SECONDS", 3.0)

    async def silent(stream: FrameStream, question: Any) -> None:
        await trio.sleep_forever()

    async def trickle(stream: FrameStream, question: Any) -> None:
        frame = (Head(HEAD) if isinstance(question, Find) else Chunk(DATA[:CHUNK_BYTES])).encode()
        for at in range(len(frame)):  # a byte at a time, the length first
            await stream._stream.write(streams._varint(len(frame)) if at == 0 else frame[at - 1 : at])
            await trio.sleep(0.5)

    async with open_cluster(0) as cluster:
        for answer in (silent, trickle, silent):
            hostile(await cluster.add(shelf=full()), answer)
        await cluster.add(shelf=full())
        shelf = MemoryShelf()
        node = await cluster.add(shelf=shelf)
        await cluster.until(lambda: len(node.swarm.peers()) == 4)
        with trio.fail_after(30):
            await node.swarm.fetch_blob(HEAD.id, len(DATA), [n.swarm.peer_id for n in cluster.nodes[:3]])
        assert shelf.blobs[HEAD.id][1] == DATA
        assert all(peer.guilt == 0 for peer in node.swarm.peers())


async def test_a_holder_that_dies_half_way_is_replaced(open_cluster: Any) -> None:
    async with open_cluster(0) as cluster:
        dying = await cluster.add(shelf=full())
        await cluster.add(shelf=full())
        given = 0

        async def die(stream: FrameStream, question: Any) -> None:
            nonlocal given
            if isinstance(question, Read):
                given += 1
                if given == 3:
                    await dying.swarm._host.network.close()
            first = question.first if isinstance(question, Read) else 0
            await heads_then(
                stream, question, Chunk(DATA[first * CHUNK_BYTES : (first + 1) * CHUNK_BYTES]).encode()
            )

        hostile(dying, die)
        shelf = MemoryShelf()
        node = await cluster.add(shelf=shelf)
        await cluster.until(lambda: len(node.swarm.peers()) == 2)
        await node.swarm.fetch_blob(HEAD.id, len(DATA), [dying.swarm.peer_id])
        assert shelf.blobs[HEAD.id][1] == DATA


async def test_askers_that_never_read_or_ask_too_much_at_once(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FRAME_SECONDS", 1.0)
    async with open_cluster(0) as cluster:
        holder = await cluster.add(shelf=full())
        asker = await cluster.add(shelf=MemoryShelf())
        await cluster.until(lambda: bool(asker.swarm.peers()))
        host, around = asker.swarm._host, asker.swarm._blobs._around
        held = [await host.open_stream(holder.swarm.peer_id, around.protocol) for _ in range(5)]
        for stream in held:
            await stream.write(Read(HEAD.id, 0, 41).encode())
        await cluster.until(lambda: len(holder.swarm._blobs._serving) == serving._PER_PEER)
        await cluster.until(lambda: len(holder.swarm._blobs._serving) == 0)
        assert holder.swarm.statistics().blob_bytes_out < 10 << 20
        for stream in held:
            await stream.reset()


async def test_one_network_cannot_hold_all_places(open_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = iter([f"192.0.2.{n}" for n in range(1, 5)] + ["203.0.113.1"])

    def group(_: object) -> str:
        return next(addresses).rpartition(".")[0]

    monkeypatch.setattr(serving, "group_of", group)
    monkeypatch.setattr(serving, "_AT_ONCE", 4)
    async with open_cluster(0) as cluster:
        holder = await cluster.add(shelf=full())
        crowd = [await cluster.add(shelf=MemoryShelf()) for _ in range(2)]
        honest = await cluster.add(shelf=MemoryShelf())
        await cluster.until(lambda: len(holder.swarm.peers()) == 3)
        protocol = honest.swarm._blobs._around.protocol
        held = [
            await node.swarm._host.open_stream(holder.swarm.peer_id, protocol)
            for node in crowd
            for _ in range(2)
        ]
        await cluster.until(lambda: len(holder.swarm._blobs._serving) == 4)
        await honest.swarm.fetch_blob(HEAD.id, len(DATA), [holder.swarm.peer_id])
        assert holder.swarm.statistics().refused["blobs: place given to another network"] == 1
        for stream in held:
            await stream.reset()


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\x05hello", b"\x00", b"\x03\x01\x91\x7a"])
async def test_broken_questions_cost_the_asker(open_cluster: Any, data: bytes) -> None:
    async with open_cluster(0) as cluster:
        holder = await cluster.add(shelf=full())
        asker = await cluster.add(shelf=MemoryShelf())
        await cluster.until(lambda: bool(asker.swarm.peers()))
        host, around = asker.swarm._host, asker.swarm._blobs._around
        stream = await host.open_stream(holder.swarm.peer_id, around.protocol)
        await stream._stream.write(data)
        await cluster.until(lambda: any(peer.guilt > 0 for peer in holder.swarm.peers()))


async def test_the_answer_is_what_the_specification_says(open_cluster: Any) -> None:
    async with open_cluster(0) as cluster:
        holder = await cluster.add(shelf=full())
        asker = await cluster.add(shelf=MemoryShelf())
        await cluster.until(lambda: bool(asker.swarm.peers()))
        host, around = asker.swarm._host, asker.swarm._blobs._around
        stream = await host.open_stream(holder.swarm.peer_id, around.protocol)
        await stream.write(Find(HEAD.id).encode())
        await stream.write(Read(HEAD.id, 39, 64).encode())
        answers = [read_blob_answer(await stream.read() or b"") for _ in range(4)]
        assert answers == [
            Head(HEAD),
            Chunk(DATA[39 * CHUNK_BYTES : 40 * CHUNK_BYTES]),
            Chunk(DATA[40 * CHUNK_BYTES :]),
            Absent(),
        ]
        assert len(Head(head_of(bytes(4096 * CHUNK_BYTES))).encode()) < MAX_FRAME_BYTES
        await stream.close()
