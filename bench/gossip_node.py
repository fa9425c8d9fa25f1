"""One node in a process of its own, commanded by JSON lines: for bench/gossip.py and tests/gossip.

    python bench/gossip_node.py '{"seed": 1, "bootstrap": [], "listen": ["/ip4/127.0.0.1/tcp/0"]}'

It prints its addresses, then one line of JSON per command line on stdin: {"publish": n, "size": bytes},
{"add": n} (into the set without pushing), {"state": true}, {"latencies": true}, {"cpu": true} and
{"quit": true}.
The set is in memory. Unless the option "ledger" is true nothing is verified: what is measured is gossip. With
it, records are signed and enter through the ledger, in a thread, as in the daemon, but for the disk.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from random import Random
from typing import Any

import trio
from libp2p.io.trio import TrioTCPStream
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from gossip.memory import MemoryReplica, synthetic
from gossip.net.config import NetConfig
from gossip.net.host import listen, open_host
from gossip.net.swarm import Swarm, open_swarm
from gossip.proto.frames import frame, pack
from gossip.proto.peerid import PeerId
from leaderboard.admission import Quotas
from leaderboard.codec import decode
from leaderboard.envelope import ChainTip, Envelope, seal
from leaderboard.ids import ContentId, SwarmId
from leaderboard.ledger import Admission, Ledger, Verdict
from leaderboard.records import Note
from leaderboard.signing import Signer

SWARM = SwarmId(hashlib.sha256(b"bench").digest())


class Sent:
    """Bytes written to sockets by this process, handshakes and encryption included."""

    count = 0

    @classmethod
    def watch(cls) -> None:
        write = TrioTCPStream.write

        async def counting(self: TrioTCPStream, data: bytes) -> None:
            cls.count += len(data)
            await write(self, data)

        TrioTCPStream.write = counting  # type: ignore[method-assign]


class TimedReplica(MemoryReplica):
    """Notes how long each record took from its maker, by the clock that processes of one machine share."""

    def __init__(self) -> None:
        super().__init__(self._note)
        self.latencies: list[float] = []

    def _note(self, envelope: bytes, source: PeerId) -> Verdict:
        del source
        body: Any = decode(decode(envelope)[1])  # type: ignore[arg-type,index,call-overload]
        label = body["label"] if "label" in body else body["payload"]["text"]
        self.latencies.append(time.monotonic() - float(label.split("@")[1].rstrip()))
        return Verdict.ACCEPT

    async def admit(self, batch: Sequence[bytes], source: PeerId) -> list[Admission]:
        return self.admit_now(batch, source)


class LedgerReplica(TimedReplica):
    """The same behind the one door: proof of form, quotas and signatures."""

    def __init__(self) -> None:
        super().__init__()
        self._ledger = Ledger(self, SWARM, quotas=Quotas())
        self._turn = trio.Lock()

    def known(self, ids: Collection[ContentId]) -> set[ContentId]:
        return {item for item in ids if item in self}

    def append(self, envelopes: Iterable[Envelope]) -> None:
        """They enter the set below, where the clock is read; there is no disk."""
        for _ in envelopes:
            pass

    async def admit(self, batch: Sequence[bytes], source: PeerId) -> list[Admission]:
        now = trio.current_time()
        judge = partial(self._ledger.admit, batch, time.time_ns() // 1_000_000, source=source, now=now)
        async with self._turn:
            answers = await trio.to_thread.run_sync(judge)
            pairs = zip(batch, answers, strict=True)
            self.admit_now([raw for raw, a in pairs if a.verdict is Verdict.ACCEPT], source)
        return answers


def signed(seed: int, start: int, count: int, size: int) -> list[bytes]:
    """Notes of about `size` bytes, each the first of a chain of its own."""
    now, signer = time.monotonic(), Signer(seed.to_bytes(32, "big"))
    filler = hashlib.shake_128(b"%d %d" % (seed, start)).hexdigest(max(0, size - 330) // 2)
    return [
        seal(
            Note(None, f"{filler} {seed}:{start + i}@{now!r}"),
            signer,
            SWARM,
            ChainTip((start + i).to_bytes(16, "big"), -1, None),
            time.time_ns() // 1_000_000,
        ).raw
        for i in range(count)
    ]


def records(seed: int, start: int, count: int, size: int) -> list[bytes]:
    now = time.monotonic()
    return [synthetic(f"{seed}:{start + i}@{now!r}", time.time_ns() // 1_000_000, size) for i in range(count)]


async def obey(swarm: Swarm, replica: TimedReplica, seed: int, command: dict[str, Any]) -> dict[str, Any]:
    made = len(replica)
    if "publish" in command or "add" in command:
        count = command.get("publish") or command["add"]
        make = signed if isinstance(replica, LedgerReplica) else records
        fresh = make(seed, made, count, command.get("size", 500))
        MemoryReplica.admit_now(replica, fresh, swarm.peer_id)
        del replica.latencies[-count:]
        if "publish" in command:
            await swarm.publish(fresh)
        return {"size": len(replica)}
    if "latencies" in command:
        taken, replica.latencies = replica.latencies, []
        return {"latencies": taken}
    if "cpu" in command:
        return {"cpu": time.process_time(), "sent": Sent.count}
    digest = hashlib.sha256(b"".join(sorted(replica.ids()))).hexdigest()
    return {
        "size": len(replica),
        "digest": digest,
        "statistics": asdict(swarm.statistics()),
        "addresses": swarm.addresses(),
    }


def config_of(options: dict[str, Any]) -> NetConfig:
    seed = int(options["seed"])
    return NetConfig(
        seed=hashlib.sha256(b"node %d" % seed).digest(),
        swarm=SWARM,
        listen=tuple(options.get("listen", ["/ip4/127.0.0.1/tcp/0"])),
        bootstrap=tuple(options.get("bootstrap", [])),
        private_key=bytes.fromhex(options["private_key"]) if options.get("private_key") else None,
        lan=bool(options.get("lan", False)),
        relay=bool(options.get("relay", False)),
        relays=tuple(options.get("relays", [])),
    )


async def bare(options: dict[str, Any]) -> None:
    """The same host and the same messages with nothing of ours around them: what GossipSub itself costs."""
    config, seed, heard = config_of(options), int(options["seed"]), 0

    async def hear(subscription: Any) -> None:
        nonlocal heard
        while True:
            await subscription.get()
            heard += 1

    async with open_host(config, time.time_ns) as host, trio.open_nursery() as nursery:
        nursery.start_soon(hear, await host.pubsub.subscribe(host.topic))
        await listen(host, config)
        for text in config.bootstrap:
            address, _, peer = text.rpartition("/p2p/")
            await host.network.dial_addr(Multiaddr(address), ID.from_base58(peer))
        print(json.dumps({"addresses": [f"{a}/p2p/{host.me}" for a in host.listening()]}), flush=True)
        async for line in trio.wrap_file(sys.stdin):
            command = json.loads(line)
            if "publish" in command:
                data = frame(64, pack(records(seed, heard, 1, command.get("size", 500))))
                await host.pubsub.publish(host.topic, data)
            print(json.dumps({"cpu": time.process_time(), "sent": Sent.count, "size": heard}), flush=True)


async def main(options: dict[str, Any]) -> None:
    if options.get("bare"):
        await bare(options)
        return
    seed = int(options["seed"])
    replica = LedgerReplica() if options.get("ledger") else TimedReplica()
    async with open_swarm(config_of(options), replica, random=Random(seed), wall_ns=time.time_ns) as swarm:
        print(json.dumps({"addresses": swarm.addresses(), "peer": swarm.peer_id}), flush=True)
        lines = trio.wrap_file(sys.stdin)
        async for line in lines:
            command = json.loads(line)
            if "quit" in command:
                break
            print(json.dumps(await obey(swarm, replica, seed, command)), flush=True)


if __name__ == "__main__":
    Sent.watch()
    trio.run(main, json.loads(sys.argv[1]))
