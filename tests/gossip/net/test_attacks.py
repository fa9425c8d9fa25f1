"""Peers that send what they should not, or nothing at all: refused, counted, survived."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig
from libp2p.peer.id import ID
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux import yamux
from multiaddr import Multiaddr

from gossip.memory import synthetic
from gossip.net import links, patches, streams, syncing
from gossip.net.tally import Tally
from gossip.proto.exchange import Ask
from gossip.proto.frames import frame, pack
from gossip.proto.messages import Bucket, Give, More, Open
from gossip.proto.summary import NARROW_BYTES
from leaderboard.ids import SwarmId

pytestmark = pytest.mark.slow

BENCH_SWARM = SwarmId(hashlib.sha256(b"bench").digest())


@asynccontextmanager
async def stranger(node: Any, seed: bytes = b"a") -> AsyncIterator[Any]:
    """A bare libp2p host connected to `node`."""
    keys = create_new_key_pair(seed.ljust(32, b"a"))
    host: Any = new_host(
        key_pair=keys,
        sec_opt={NOISE_ID: Noise(keys, noise_privkey=create_noise_key_pair().private_key)},
        muxer_opt={TProtocol(yamux.PROTOCOL_ID): yamux.Yamux},
        connection_config=ConnectionConfig(min_connections=0, low_watermark=0),
    )
    address, _, peer = node.address.rpartition("/p2p/")
    raw = None
    try:
        async with host.run(listen_addrs=[]):
            link = await host.get_network().dial_addr(Multiaddr(address), ID.from_base58(peer))
            raw = link.muxed_conn.secured_conn.conn.read_writer.read_write_closer.stream.stream.socket
            yield host
    finally:
        if raw is not None:
            raw.close()


async def send(host: Any, node: Any, protocol: str, data: bytes) -> bytes:
    """Open a stream, write bytes as they are, and read what comes until it ends."""
    stream = await host.new_stream(ID.from_base58(node.swarm.peer_id), [TProtocol(protocol)])
    await stream.write(data)
    got = b""
    try:
        await stream.close()  # our side only: the answer still comes
        with trio.fail_after(5):
            while part := await stream.read(65_536):
                got += part
    except Exception:  # noqa: BLE001 - the node may close, reset or hang up: all are answers
        return got
    return got


def framed(data: bytes) -> bytes:
    length = len(data)
    prefix = bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes((*prefix, length)) + data


EQUAL_TO_NOTHING = Open(5, bytes(8), bytes(NARROW_BYTES)).encode()
BROKEN = {
    "no frame": b"\xff" * 64,
    "a frame of 1 GiB": b"\xff\xff\xff\xff\x04" + bytes(100),
    "an empty frame": b"\x00",
    "garbage": framed(os.urandom(64)),
    "another version": framed(b"\x09" + frame(0)[1:]),
    "a kind that does not exist": framed(frame(77)),
    "an answer for a question": framed(frame(16)),
    "not canonical": framed(b"\x01\xdc\x00\x01\x10"),
    "a pack that does not decompress": framed(Give(b"not zlib").encode()),
    "a bomb": framed(Give(zlib.compress(bytes(100_000_000), 9)).encode()),
    "symbols without end": framed(EQUAL_TO_NOTHING) + framed(More(16_384).encode()) * 3,
    "a cut frame": framed(EQUAL_TO_NOTHING)[:-3],
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_sync_frames_are_refused_and_blamed(open_cluster: Any, name: str) -> None:
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        node.add(synthetic("one", 1))
        async with stranger(node) as host:
            await send(host, node, node.swarm._sync.protocol, BROKEN[name])
            await cluster.until(lambda: any(peer.guilt > 0 for peer in node.swarm.peers()))
        await cluster.add()
        await cluster.equal(1)


async def test_repeated_breaking_ends_in_a_ban_that_ends(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        async with stranger(node) as host:
            for _ in range(4):
                await send(host, node, node.swarm._sync.protocol, BROKEN["garbage"])
            await cluster.until(lambda: not node.swarm.peers())
        assert node.swarm.statistics().bans == 1
        peer = next(iter(node.swarm._links.conduct.bans(trio.current_time())))
        assert not node.swarm._links.conduct.banned(peer, trio.current_time() + 3600)


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 9, framed(os.urandom(40)), framed(frame(96, ["/x" * 200], 3)), framed(frame(96, [], 10_000))],
)
async def test_broken_peer_exchange_is_refused(open_cluster: Any, data: bytes) -> None:
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        async with stranger(node) as host:
            await send(host, node, node.swarm._acquaint.protocol, data)
            assert any(reason.startswith("peers: ") for reason in node.swarm.statistics().refused)


async def test_addresses_that_are_none_are_not_dialled(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        nonsense = (
            "/ip4/999.1.1.1/tcp/1",
            "/dns4/x",
            "/tcp/1",
            "/ip4/1.2.3.4/udp/1/quic-v1",
            "//",
            "/p2p/abc",
        )
        async with stranger(node) as host:
            answer = await send(host, node, node.swarm._acquaint.protocol, framed(Ask(nonsense, 8).encode()))
            assert answer
        assert node.swarm.statistics().known_peers == 0


async def test_pushed_garbage_is_blamed_on_whoever_passed_it_on(open_cluster: Any) -> None:
    async with open_cluster(2, sync_seconds=3600.0) as cluster:
        liar, victim = (node.swarm for node in cluster.nodes)
        liar._host.pubsub.topic_validators.clear()
        for data in (b"garbage", frame(64, pack([])), frame(64, pack([b"x"] * 257)), frame(3, b"")):
            await liar._host.pubsub.publish(liar._host.topic, data)
        await cluster.until(lambda: victim.statistics().refused.get("push: broken batch") == 4)
        await cluster.until(lambda: victim.statistics().bans == 1)


async def test_a_peer_that_asks_and_never_reads_is_dropped(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FRAME_SECONDS", 0.5)
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        node.add(*(synthetic(f"r{i}", i, 20_000) for i in range(200)))
        async with stranger(node) as host:
            stream = await host.new_stream(
                ID.from_base58(node.swarm.peer_id), [TProtocol(node.swarm._sync.protocol)]
            )
            for _ in range(20):
                await stream.write(framed(Bucket(b"", b"").encode()))
            await cluster.until(lambda: bool(len(node.swarm._sync._serving)))
            # Sooner than yamux gives up by itself (5 s), and than a session may last.
            await cluster.until(lambda: not len(node.swarm._sync._serving), 4.0)
            await cluster.until(lambda: node.swarm.statistics().refused.get("sync: TooSlowError") == 1)


async def test_more_sessions_than_a_peer_may_have_are_refused_not_queued(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        async with stranger(node) as host:
            held = [
                await host.new_stream(
                    ID.from_base58(node.swarm.peer_id), [TProtocol(node.swarm._sync.protocol)]
                )
                for _ in range(6)
            ]
            await cluster.until(lambda: len(node.swarm._sync._serving) == 2)
            await trio.sleep(0.3)
            assert len(node.swarm._sync._serving) <= 2
            assert len(held) == 6
        late = await cluster.add()
        late.add(synthetic("honest", 1))
        await cluster.equal(1)


def ended(raw: socket.socket) -> bool:
    """Whether the other side has closed this connection."""
    with contextlib.suppress(ConnectionError):
        while True:
            try:
                if not raw.recv(4096):
                    return True
            except BlockingIOError:
                return False
    return True


async def test_raw_garbage_and_half_open_connections(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        port = int(node.address.split("/")[4])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
        for index, half in enumerate(held):
            half.setblocking(False)
            if index % 2:
                half.sendall(os.urandom(400))
        await cluster.until(lambda: all(map(ended, held[1::2])))
        assert not node.swarm.peers()
        await cluster.add()
        await cluster.linked()
        for half in held:
            half.close()


@pytest.mark.parametrize("length", [70_000, 16 * 1024 * 1024, 0xFFFFFFFF])
async def test_oversized_yamux_frames(open_cluster: Any, length: int) -> None:
    """What could not be held is not waited for: the connection ends with the header."""
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        async with stranger(node) as host:
            (conns,) = host.get_network().connections.values()
            await cluster.until(lambda: len(node.swarm.peers()) == 1)
            await conns[0].muxed_conn._write_frame(struct.pack("!BBHII", 0, 0, 0, 1, length))
            if length > patches.CONNECTION_BUFFER_BYTES:
                await cluster.until(lambda: not node.swarm.peers())
            else:
                await trio.sleep(0.2)
                assert len(node.swarm.peers()) == 1
        await cluster.add()
        await cluster.linked()


async def test_a_frozen_peer_is_noticed_and_dropped(
    spawn: Callable[..., Any], open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "TICK_SECONDS", 0.05)
    frozen = spawn(1)
    async with open_cluster(1, bootstrap=(frozen.addresses[0],), swarm=BENCH_SWARM) as cluster:
        node = cluster.nodes[0]
        await cluster.until(lambda: bool(node.swarm.peers()))
        os.kill(frozen.process.pid, signal.SIGSTOP)
        try:
            await cluster.until(lambda: not node.swarm.peers())
            assert node.swarm.statistics().watchdog_drops >= 1
        finally:
            os.kill(frozen.process.pid, signal.SIGCONT)
        await cluster.until(lambda: bool(node.swarm.peers()))


async def test_who_was_away_itself_drops_nobody(
    spawn: Callable[..., Any], open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines in seconds would have passed for every peer while this process could not run."""
    monkeypatch.setattr(links, "TICK_SECONDS", 0.1)
    other = spawn(1)
    async with open_cluster(1, bootstrap=(other.addresses[0],), swarm=BENCH_SWARM) as cluster:
        swarm = cluster.nodes[0].swarm
        await cluster.until(lambda: bool(swarm.peers()))
        since = swarm.peers()[0].since
        for _ in range(2):
            time.sleep(3.2)  # noqa: ASYNC251 - the whole point: our event loop stands still
            await trio.sleep(0.2)
        assert swarm.statistics().watchdog_drops == 0
        assert swarm.peers()[0].since > since + 6.4


async def test_a_quiet_peer_is_pinged_and_kept(open_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing of its own accord: no gossip, no sync, no pings."""
    monkeypatch.setattr(links, "TICK_SECONDS", 0.02)
    async with open_cluster(1) as cluster:
        swarm = cluster.nodes[0].swarm
        async with stranger(cluster.nodes[0]) as host:
            await send(host, cluster.nodes[0], swarm._sync.protocol, framed(EQUAL_TO_NOTHING))
            pings = 0
            ping = links.patches.ping

            async def counted(link: Any) -> None:
                nonlocal pings
                pings += 1
                await ping(link)

            with monkeypatch.context() as patched:
                patched.setattr(links.patches, "ping", counted)
                await cluster.until(lambda: pings >= 10)
            assert swarm.statistics().watchdog_drops == 0
            assert swarm.peers()[0].round_trip is not None
            monkeypatch.setattr(links.patches, "ping", unasked)
            await cluster.until(lambda: swarm.statistics().watchdog_drops == 1)


async def unasked(link: Any) -> None:
    """No ping at all."""
    await trio.lowlevel.checkpoint()


async def test_others_do_not_fill_all_connections(open_cluster: Any) -> None:
    async with open_cluster(1, max_links=8) as cluster:
        node = cluster.nodes[0]
        async with contextlib.AsyncExitStack() as stack:
            for seed in range(4):
                await stack.enter_async_context(stranger(node, seed=b"s%d" % seed))
            await cluster.until(lambda: len(node.swarm.peers()) == 2)
            reasons = node.swarm.statistics().refused
            assert reasons["too many connections from others, or from one network"] >= 2


async def test_one_network_gets_a_part_of_the_connections(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_is_loopback", lambda group: False)
    async with open_cluster(1, max_links=18) as cluster:
        node = cluster.nodes[0]
        async with contextlib.AsyncExitStack() as stack:
            for seed in range(5):
                await stack.enter_async_context(stranger(node, seed=b"s%d" % seed))
            reason = "too many connections from others, or from one network"
            await cluster.until(lambda: node.swarm.statistics().refused.get(reason, 0) >= 2)
            await cluster.until(lambda: len(node.swarm.peers()) == 3)


async def test_sync_places_of_one_network_are_not_all_places(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight identities of one host hold all places; a peer from elsewhere gets one all the same."""
    monkeypatch.setattr(syncing, "_AT_ONCE", 16)
    async with open_cluster(1) as cluster:
        node = cluster.nodes[0]
        node.add(synthetic("one", 1))
        groups: dict[str, str] = {}
        monkeypatch.setattr(syncing, "group_of", lambda address: groups.get("now", "attacker"))
        for seed in range(8):
            host = await cluster.stack.enter_async_context(stranger(node, seed=b"s%d" % seed))
            for _ in range(2):
                held = await host.new_stream(
                    ID.from_base58(node.swarm.peer_id), [TProtocol(node.swarm._sync.protocol)]
                )
                await held.write(framed(EQUAL_TO_NOTHING))
        await cluster.until(lambda: len(node.swarm._sync._serving) == 16)
        groups["now"] = "elsewhere"
        late = await cluster.add()
        await cluster.until(lambda: len(late.replica) == 1)
        assert node.swarm.statistics().refused["sync: place given to another network"] >= 1


async def test_a_node_killed_and_restarted_is_found_again(
    spawn: Callable[..., Any], open_cluster: Any
) -> None:
    first = spawn(1)
    listen = first.addresses[0].split("/p2p/")[0]
    async with open_cluster(1, bootstrap=(first.addresses[0],), swarm=BENCH_SWARM) as cluster:
        node = cluster.nodes[0]
        await cluster.until(lambda: bool(node.swarm.peers()))
        first.process.kill()
        await cluster.until(lambda: not node.swarm.peers())
        node.add(synthetic("meanwhile@0", 1))
        again = spawn(1, listen=[listen])
        assert again.peer == first.peer
        with trio.fail_after(60):
            while (await trio.to_thread.run_sync(lambda: again.ask(state=True)))["size"] != 1:  # noqa: ASYNC110
                await trio.sleep(0.1)


def test_five_processes_reach_one_digest(spawn: Callable[..., Any]) -> None:
    first = spawn(1)
    nodes = [first, *(spawn(seed, bootstrap=[first.addresses[0]]) for seed in range(2, 5))]
    for node in nodes:
        node.ask(publish=25)
    late = spawn(5, bootstrap=[first.addresses[0]])
    deadline = time.monotonic() + 120
    states: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        states = [node.ask(state=True) for node in (*nodes, late)]
        if all(state["size"] == 100 and state["statistics"]["peers"] == 4 for state in states):
            break
    assert [state["size"] for state in states] == [100] * 5
    assert len({state["digest"] for state in states}) == 1
    assert all(state["statistics"]["peers"] == 4 for state in states)


def test_reasons_that_peers_can_vary_do_not_fill_the_memory() -> None:
    tally = Tally()
    for index in range(10_000):
        tally.refuse(f"sync: a frame of {index} bytes " + "x" * 1000)
    assert len(tally.refused) <= 129
    assert max(map(len, tally.refused)) <= 100
    assert tally.refused.total() == 10_000
