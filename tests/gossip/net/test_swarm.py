"""Swarms of real hosts: they link up, push, catch up, lose peers and find them again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
import trio

from gossip.memory import MemoryReplica, synthetic
from gossip.net import links
from gossip.net.acquaint import usable_addresses
from gossip.proto.peerid import PeerId, peer_id_of
from gossip.proto.riblt import PREFIX_BYTES
from leaderboard.errors import LocalError
from leaderboard.ids import SwarmId
from leaderboard.ledger import Admission, Verdict


async def test_five_nodes_link_up_and_records_reach_all_by_push(open_cluster: Any) -> None:
    async with open_cluster(5, sync_seconds=3600.0) as cluster:
        await trio.sleep(0.3)
        await cluster.nodes[3].publish(*(synthetic(f"r{i}", i) for i in range(30)))
        await cluster.equal(30, seconds=30.0)
        for node in cluster.nodes:
            if node is not cluster.nodes[3]:
                assert node.swarm.statistics().delivered_records == 30
                assert node.swarm.statistics().delivered_batches == 1


async def test_records_that_were_never_pushed_reach_all_by_sync(open_cluster: Any) -> None:
    async with open_cluster(4) as cluster:
        for index, node in enumerate(cluster.nodes):
            node.add(*(synthetic(f"{index}/{i}", i) for i in range(50)))
        await cluster.equal(200)
        assert all(node.swarm.statistics().pushed_records == 0 for node in cluster.nodes)


async def test_a_late_node_catches_up_at_once(open_cluster: Any) -> None:
    async with open_cluster(3, sync_seconds=3600.0) as cluster:
        for node in cluster.nodes:
            node.add(*(synthetic(f"r{i}", i) for i in range(500)))
        await cluster.add(sync_seconds=3600.0)
        await cluster.equal(500)  # an hour before its first regular sync


@pytest.mark.slow
async def test_a_fresh_node_fetches_a_large_set_by_buckets(open_cluster: Any) -> None:
    async with open_cluster(2, sync_seconds=3600.0) as cluster:
        many = [synthetic(f"r{i}", i, 200) for i in range(12_000)]
        for node in cluster.nodes:
            node.add(*many)
        late = await cluster.add()
        await cluster.equal(12_000)
        await cluster.until(lambda: late.swarm.statistics().syncs.get("partial", 0) >= 1)


@pytest.mark.slow
async def test_several_peers_help_a_fresh_node(open_cluster: Any) -> None:
    async with open_cluster(4) as cluster:
        many = [synthetic(f"r{i}", i, 1_500) for i in range(12_000)]
        for node in cluster.nodes:
            node.add(*many)
        await cluster.add()
        await cluster.equal(12_000)
        peers = cluster.nodes[:4]

        def helped() -> int:
            return sum(node.swarm.statistics().sync_bytes_out > 100_000 for node in peers)

        await cluster.until(lambda: helped() >= 2)  # bytes are counted when a session closes


@pytest.mark.slow
async def test_a_peer_that_went_away_is_dialled_again(open_cluster: Any) -> None:
    async with open_cluster(2, sync_seconds=3600.0) as cluster:
        first, second = cluster.nodes
        await second.swarm._host.hang_up(first.swarm.peer_id)
        await cluster.until(lambda: not second.swarm.peers())
        await cluster.until(lambda: bool(second.swarm.peers()))
        second.add(synthetic("after", 1))
        await first.swarm._host.hang_up(second.swarm.peer_id)
        await cluster.equal(1)


async def test_a_bootstrap_peer_of_another_swarm_is_not_called_again_at_once(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_STRANGER_SECONDS", 0.2)
    async with open_cluster(1) as cluster:
        lost = await cluster.add(swarm=SwarmId(hashlib.sha256(b"a mistaken name").digest()))
        await cluster.until(lambda: lost.swarm.statistics().refused.get("stranger", 0) == 1)
        entry = lost.swarm._links.book.get(cluster.nodes[0].swarm.peer_id)
        assert entry is not None
        assert entry.not_before > trio.current_time() + 60.0
        await cluster.until(lambda: not lost.swarm.peers())


async def test_every_address_of_a_peer_is_tried(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        first = cluster.nodes[0]
        dead = f"/ip4/127.0.0.1/tcp/1/p2p/{first.swarm.peer_id}"
        await cluster.add(bootstrap=(first.address, dead))
        await cluster.linked()
        assert cluster.nodes[1].swarm.statistics().dials_failed >= 1


@pytest.mark.slow
async def test_a_star_becomes_a_mesh(open_cluster: Any) -> None:
    """Everyone knows the bootstrap peer only; peer exchange does the rest."""
    async with open_cluster(8) as cluster:
        await cluster.linked()
        assert min(len(node.swarm.peers()) for node in cluster.nodes) >= 5


@pytest.mark.slow
def test_usable_addresses_are_direct_or_circuits() -> None:
    relay = peer_id_of(bytes(31) + b"\1")
    direct, circuit = "/ip4/1.2.3.4/tcp/7118", f"/dns4/a.example/tcp/1/p2p/{relay}/p2p-circuit"
    others = (
        f"{direct}/ws",
        f"{circuit}/p2p/{relay}",
        "/ip4/1.2.3.4/tcp/1/p2p-circuit",
        f"/ip4/1.2.3.4/udp/1/quic-v1/p2p/{relay}/p2p-circuit",
        f"{circuit}/p2p-circuit",
    )
    assert usable_addresses((direct, f"{direct}/p2p/{relay}", circuit, *others)) == (direct, direct, circuit)


async def test_the_address_book_is_saved_and_suffices_to_come_back(open_cluster: Any) -> None:
    saved: list[Any] = []
    async with open_cluster(2) as cluster:
        opened = await cluster.add(save_book=saved.append)
        await cluster.linked()
        opened.swarm._save()
        assert {entry.peer for entry in saved[-1]} == {n.swarm.peer_id for n in cluster.nodes[:2]}
        back = await cluster.add(bootstrap=(), book=saved[-1])
        await cluster.until(lambda: len(back.swarm.peers()) >= 2)


async def test_a_taken_port_is_an_error_and_not_shared(open_cluster: Any) -> None:
    async with open_cluster(1) as cluster:
        taken = cluster.nodes[0].address.split("/p2p/")[0]
        with pytest.raises(LocalError, match="another program has it"):
            await cluster.add(listen=(taken,))


@pytest.mark.parametrize("text", ["/ip4/1.2.3.4/tcp/4001", "12D3KooWAAAA", "/ip4/1.2.3.4/tcp/1/p2p/nobody"])
async def test_a_bad_bootstrap_address_says_what_is_wrong(open_cluster: Any, text: str) -> None:
    async with open_cluster() as cluster:
        with pytest.raises(LocalError, match="PeerId"):
            await cluster.add(bootstrap=(text,))


async def test_rejected_records_ban_their_signer_for_a_while(open_cluster: Any) -> None:
    strict = MemoryReplica(lambda envelope, source: Verdict.REJECT)
    async with open_cluster(1) as cluster:
        victim = await cluster.add(strict, bootstrap=(cluster.nodes[0].address,))
        await cluster.linked()
        liar = cluster.nodes[0]
        await liar.publish(*(synthetic(f"r{i}", i) for i in range(20)))
        await cluster.until(lambda: victim.swarm.statistics().bans >= 1)
        await cluster.until(lambda: not victim.swarm.peers())
        assert len(strict) == 0


async def test_ignored_records_cost_nobody_anything(open_cluster: Any) -> None:
    shy = MemoryReplica(lambda envelope, source: Verdict.IGNORE)
    async with open_cluster(1) as cluster:
        await cluster.add(shy)
        await cluster.linked()
        await cluster.nodes[0].publish(*(synthetic(f"r{i}", i) for i in range(60)))
        reluctant = cluster.nodes[1].swarm
        await cluster.until(lambda: reluctant.statistics().refused.get("push: ignored, judged so", 0) >= 60)
        assert reluctant.statistics().bans == 0
        assert [peer.guilt for peer in reluctant.peers()] == [0.0]


@pytest.mark.slow
async def test_private_swarms_let_only_key_holders_in(open_cluster: Any) -> None:
    async with open_cluster(1, private_key=b"k" * 32) as cluster:
        await cluster.add(private_key=b"k" * 32)
        await cluster.linked()
        stranger = await cluster.add(private_key=None)
        other = await cluster.add(private_key=b"x" * 32)
        await cluster.until(lambda: min(n.swarm.statistics().dials_failed for n in (stranger, other)) >= 1)
        assert not stranger.swarm.peers()
        assert not other.swarm.peers()
        assert len(cluster.nodes[0].swarm.peers()) == 1


class Picky(MemoryReplica):
    """Ignores every record of others, and remembers which, as a node does with an author it refuses."""

    def __init__(self) -> None:
        super().__init__(lambda envelope, source: Verdict.IGNORE)
        self.offers = 0
        self.seen: set[bytes] = set()

    def wanted(self, prefix: bytes) -> bool:
        return prefix not in self.seen

    async def admit(self, batch: Sequence[bytes], source: PeerId) -> list[Admission]:
        self.offers += len(batch)
        answers = self.admit_now(batch, source)
        self.seen.update(answer.id[:PREFIX_BYTES] for answer in answers if answer.id is not None)
        return answers


async def test_what_is_ignored_is_not_sent_again_and_again(open_cluster: Any) -> None:
    """A set that will not become equal must not cost its records at every session."""
    async with open_cluster() as cluster:
        full = await cluster.add(sync_seconds=0.1)
        full.add(*(synthetic(f"r{i}", i) for i in range(200)))
        picky = Picky()
        node = await cluster.add(picky, sync_seconds=0.1)
        await cluster.until(lambda: node.swarm.statistics().syncs.get("reconciled", 0) >= 8)
        await cluster.until(lambda: full.swarm.statistics().syncs.get("reconciled", 0) >= 8)
        assert 200 <= picky.offers <= 400  # fetched once by the one, given at most once by the other
        assert len(picky) == 0
