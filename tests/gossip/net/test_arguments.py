"""What `net/host.py` and `net/swarm.py` choose against py-libp2p's defaults: each as it is and otherwise."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
import trio
from libp2p.abc import ISecureTransport
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.auto_connector import AutoConnector
from libp2p.peer.id import ID
from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
from multiaddr import Multiaddr

from gossip.memory import MemoryReplica, synthetic
from gossip.net import host, patches, swarm
from gossip.net.config import NetConfig
from gossip.net.swarm import Swarm, open_swarm
from gossip.proto import push
from gossip.proto.frames import frame, pack
from leaderboard.ids import SwarmId

pytestmark = pytest.mark.slow

SWARM = SwarmId(hashlib.sha256(b"arguments").digest())
QUIET = 3600.0
"""No sync: what arrives was pushed."""


@pytest.fixture
def otherwise(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have something that `net/host.py` constructs get other arguments."""

    def change(name: str, **changes: Any) -> None:
        construct = getattr(host, name)
        monkeypatch.setattr(host, name, lambda *a, **given: construct(*a, **{**given, **changes}))

    return change


async def publish(node: Any, count: int, label: str, pause: float = 0.005) -> None:
    for index in range(count):
        batch = frame(64, pack([synthetic(f"{label} {index}", index)]))
        await node._host.pubsub.publish(node._host.topic, batch)
        await trio.sleep(pause)


async def passed_along(open_cluster: Any, seconds: float) -> int:
    """Of forty messages in a second, how many reach the end of a chain of three."""
    async with open_cluster(0) as cluster:
        first = await cluster.add(sync_seconds=QUIET, links=1)
        for _ in range(2):
            last = cluster.nodes[-1].address
            await cluster.add(sync_seconds=QUIET, links=1, bootstrap=(last,))
            await cluster.until(lambda: bool(cluster.nodes[-1].swarm.statistics().mesh))
        await publish(first.swarm, 40, "chain", 0.01)
        statistics = cluster.nodes[2].swarm.statistics
        with trio.move_on_after(seconds):
            await cluster.until(lambda: statistics().delivered_batches == 40)
        return int(statistics().delivered_batches)


async def test_more_than_ten_messages_a_second_are_passed_on(open_cluster: Any, otherwise: Any) -> None:
    assert await passed_along(open_cluster, 30.0) == 40
    otherwise("GossipSub", spam_protection_enabled=True)
    assert await passed_along(open_cluster, 2.0) < 40


async def mesh_after_a_loss(open_cluster: Any, seconds: float) -> int:
    """Mesh of a node some seconds after it and its only peer lost each other from theirs."""
    async with open_cluster(2, sync_seconds=QUIET) as cluster:
        both = [node.swarm._host for node in cluster.nodes]
        await trio.sleep(1.0)  # the first heartbeat comes at once, whatever the interval
        for one in both:
            one.router.mesh[one.topic].clear()
        with trio.move_on_after(seconds):
            await cluster.until(lambda: all(one.mesh() for one in both))
        return min(len(one.mesh()) for one in both)


async def test_a_mesh_is_mended_within_seconds(open_cluster: Any, otherwise: Any) -> None:
    assert await mesh_after_a_loss(open_cluster, 30.0) == 1
    otherwise("GossipSub", heartbeat_interval=120)
    assert await mesh_after_a_loss(open_cluster, 4.0) == 0


async def heartbeat_in_poor_health(open_cluster: Any, seconds: float) -> int:
    """Seconds between two heartbeats, once they have become longer, or after `seconds`."""
    async with open_cluster(2, sync_seconds=QUIET) as cluster:
        router = cluster.nodes[0].swarm._host.router
        router.last_health_update = time.time() + 60
        router.network_health_score = 0.2
        with trio.move_on_after(seconds):
            await cluster.until(lambda: router.heartbeat_interval >= 30)
        return int(router.heartbeat_interval)


async def test_the_heart_does_not_slow_down_when_things_go_badly(open_cluster: Any, otherwise: Any) -> None:
    assert await heartbeat_in_poor_health(open_cluster, 2.5) == 1
    otherwise("GossipSub", adaptive_gossip_enabled=True)
    assert await heartbeat_in_poor_health(open_cluster, 30.0) >= 30


async def heard_of_two_lives(wall_ns: Callable[[], int], seconds: float) -> int:
    """Batches that arrive of ten published by a node, five before and five after a quick restart."""
    async with AsyncExitStack() as stack:

        async def run(number: int, bootstrap: tuple[str, ...], inner: AsyncExitStack) -> Swarm:
            config = NetConfig(
                bytes([number]) * 32, SWARM, ("/ip4/127.0.0.1/tcp/0",), (), bootstrap, sync_seconds=QUIET
            )
            opened = open_swarm(config, MemoryReplica(), random=Random(number), wall_ns=wall_ns)
            return await inner.enter_async_context(opened)

        hearer = await run(1, (), stack)
        for life in range(2):
            async with AsyncExitStack() as short:
                speaker = await run(2, hearer.addresses(), short)
                with trio.fail_after(60):
                    while not (speaker.statistics().mesh and hearer.statistics().mesh):  # noqa: ASYNC110
                        await trio.sleep(0.01)
                await publish(speaker, 5, f"life {life}")
                with trio.move_on_after(seconds if life else 30.0):
                    while hearer.statistics().delivered_batches < 5 * (life + 1):  # noqa: ASYNC110
                        await trio.sleep(0.01)
        return hearer.statistics().delivered_batches


async def test_a_node_is_heard_after_a_quick_restart() -> None:
    assert await heard_of_two_lives(time.time_ns, 30.0) == 10
    second = int(time.time())  # what the library would begin with, in one and the same second
    assert await heard_of_two_lives(lambda: second, 1.0) < 10


async def test_big_records_leave_in_batches_that_arrive(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def arrived(seconds: float) -> int:
        async with open_cluster(2, sync_seconds=QUIET) as cluster:
            await cluster.nodes[0].publish(*(synthetic(f"big {i}", i, 60_000) for i in range(30)))
            statistics = cluster.nodes[1].swarm.statistics
            with trio.move_on_after(seconds):
                await cluster.until(lambda: statistics().delivered_records == 30)
            return int(statistics().delivered_records)

    assert await arrived(30.0) == 30
    monkeypatch.setattr(push, "MAX_BATCH_BYTES", 1 << 22)
    assert await arrived(2.0) == 0


async def test_the_network_listens_last(open_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that comes before Pubsub is never registered; one that opens a gossip stream then ends us."""
    seen = []
    listen = swarm.listen

    async def looking(node: Any, config: Any) -> None:
        protocols = set(map(str, node.basic.get_mux().handlers))
        seen.append((node.pubsub.manager.is_running, list(node.pubsub.topic_ids), protocols))
        assert not node.listening()
        await listen(node, config)

    monkeypatch.setattr(swarm, "listen", looking)
    async with open_cluster(1) as cluster:
        mine = cluster.nodes[0].swarm
        ((running, topics, protocols),) = seen
        assert running
        assert topics == [mine._host.topic]
        assert protocols >= {mine._sync.protocol, mine._acquaint.protocol, "/meshsub/1.1.0"}


async def test_the_library_dials_nobody_by_itself(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        late = await cluster.add(bootstrap=())
        network, first = late.swarm._host.network, cluster.nodes[0]
        address, _, peer = first.address.rpartition("/p2p/")
        network.peerstore.add_addrs(ID.from_base58(peer), [Multiaddr(address)], 3600)
        await network.auto_connector.maybe_connect()
        assert not late.swarm.peers()
        await AutoConnector.maybe_connect(network.auto_connector)
        assert late.swarm.peers()


async def let_in(cluster: Any, security: dict[Any, ISecureTransport] | None) -> bool:
    """Whether a node lets in who has no key to show."""
    keys = create_new_key_pair(b"p" * 32)
    plain: Any = host.new_host(
        key_pair=keys, sec_opt={TProtocol(PLAINTEXT_PROTOCOL_ID): InsecureTransport(keys)}
    )
    node = cluster.nodes[-1]
    if security is not None:
        upgrader = node.swarm._host.network.upgrader
        for protocol, transport in security.items():
            upgrader.security_multistream.add_transport(protocol, transport)
    address, _, peer = node.address.rpartition("/p2p/")
    async with plain.run(listen_addrs=[]):
        with trio.move_on_after(5 if security is None else 30):
            try:
                link = await plain.get_network().dial_addr(Multiaddr(address), ID.from_base58(peer))
            except Exception:  # noqa: BLE001 - however it is told no
                return False
            patches.cut(link)
            return True
    return False


async def test_plaintext_is_not_spoken(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        assert not await let_in(cluster, None)
        own = create_new_key_pair(hashlib.sha256(b"test node 0").digest())
        assert await let_in(cluster, {TProtocol(PLAINTEXT_PROTOCOL_ID): InsecureTransport(own)})


async def limits_after_a_refusal(open_cluster: Any) -> tuple[int, int]:
    async with open_cluster(1, max_links=4) as cluster:
        manager = cluster.nodes[0].swarm._host.network._resource_manager
        before = manager.limits.max_connections
        held = [manager.open_connection(ID(b"peer %d" % index)) for index in range(before + 1)]
        assert held[0] is not None
        return before, manager.limits.max_connections


async def test_a_refusal_does_not_lower_the_limits(open_cluster: Any, otherwise: Any) -> None:
    before, after = await limits_after_a_refusal(open_cluster)
    assert before == after == 16
    otherwise("ResourceManager", enable_graceful_degradation=True)
    before, after = await limits_after_a_refusal(open_cluster)
    assert after < before


async def left_open(open_cluster: Any) -> int:
    """Sockets that a node with six peers leaves open when it leaves."""
    async with open_cluster(6, sync_seconds=QUIET) as cluster, AsyncExitStack() as leaving:
        others = tuple(node.address for node in cluster.nodes)
        config = NetConfig(
            b"l" * 32, cluster.nodes[0].swarm._config.swarm, ("/ip4/127.0.0.1/tcp/0",), (), others
        )
        opened = open_swarm(config, MemoryReplica(), random=Random(1), wall_ns=time.time_ns)
        node = await leaving.enter_async_context(opened)
        await cluster.until(lambda: len(node.peers()) == 6)

        def sockets() -> list[Any]:
            links = [link for links in node._host.network.connections.values() for link in links]
            known = (patches._sockets.get(link.muxed_conn) for link in links)
            return [stream.stream.socket for stream in known if stream is not None]

        await cluster.until(lambda: len(sockets()) >= 6)
        held = sockets()
        await leaving.aclose()
        left = sum(socket.fileno() != -1 for socket in held)
        for socket in held:
            socket.close()
        return left


async def test_who_leaves_closes_its_connections_at_once(open_cluster: Any) -> None:
    assert await left_open(open_cluster) == 0
