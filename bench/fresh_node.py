"""A fresh node gets the whole set from a peer, over libp2p, verified and durable (K4).

    python bench/fresh_node.py [--quick] [--json] [--records N] [--peers P]

P processes (one, if left out) hold N truly signed records each in a store of their own; another process, with an
empty store, connects and pulls until it has all. Everything is what the daemon uses: libp2p with Noise and Yamux
over loopback, bulk transfer by ranges of ids, the ledger with its quotas, the store with its fsync. Only the
boards stand still, as they do while a node catches up: folding is a cost of its own (bench/store.py).

The time runs from the first record to the last. It is compared with the bare verification of the same records
in one thread (PyNaCl), measured right before in the same process. The bytes are those written to the peers'
sockets, handshakes and encryption included, against the sum of the records' lengths. All processes share one
machine, so the peer's work is part of the time where there are few cores; both sides' CPU is shown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any

import nacl.bindings
import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else bench/gossip.py is found as `gossip`

from gossip_node import Sent
from store import signed

from gossip.net.config import NetConfig
from gossip.net.swarm import open_swarm
from leaderboard.evidence.synthetic import SWARM
from node.replica import NodeReplica
from node.store import Store


def fill(place: Path, count: int) -> dict[str, float]:
    """Store the records; the bare time to verify them, from the first ten thousand."""
    records = signed(count, 7)
    with Store(place / "records.db", SWARM) as store:
        for start in range(0, count, 5_000):
            store.append(records[start : start + 5_000])
    pairs = [(item.signed, item.author) for item in records[:10_000]]
    start_s = time.perf_counter()
    for message, author in pairs:
        nacl.bindings.crypto_sign_open(message, author)
    seconds = (time.perf_counter() - start_s) / len(pairs)
    return {"bare_us": 1e6 * seconds, "bytes": sum(len(item.raw) for item in records)}


def config(number: int, bootstrap: tuple[str, ...]) -> NetConfig:
    seed = hashlib.sha256(b"node %d" % number).digest()
    return NetConfig(seed=seed, swarm=SWARM, listen=("/ip4/127.0.0.1/tcp/0",), bootstrap=bootstrap)


async def node(place: Path, number: int, bootstrap: tuple[str, ...], wanted: int) -> None:
    """Serve what is in `place`; or pull until there are `wanted` records, and say how long it took."""
    with Store(place / "records.db", SWARM) as store, closing(NodeReplica(store, SWARM)) as replica:
        replica.boards.caught_up = False  # they follow later
        chance = random.Random(number)
        opened = open_swarm(config(number, bootstrap), replica, random=chance, wall_ns=time.time_ns)
        async with opened as swarm:
            print(json.dumps({"addresses": swarm.addresses()}), flush=True)
            if wanted:
                await replica.wait_beyond(0)
                first, cpu, begun = replica.cursor, time.process_time(), time.perf_counter()
                while replica.cursor < wanted:
                    await replica.wait_beyond(replica.cursor)
                seconds, spent = time.perf_counter() - begun, time.process_time() - cpu
                records = replica.cursor - first
                print(json.dumps({"seconds": seconds, "cpu": spent, "records": records}), flush=True)
            else:
                async for _ in trio.wrap_file(sys.stdin):
                    print(json.dumps({"cpu": time.process_time(), "sent": Sent.count}), flush=True)


class Child:
    """This file in another process, which prints lines of JSON."""

    def __init__(self, *words: str) -> None:
        here = Path(__file__).resolve().parent
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, "--node", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": f"{here.parent}{os.pathsep}{here}"},
        )  # fmt: skip

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())  # type: ignore[no-any-return]

    def ask(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.read()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def measure(place: Path, records: int, peers: int) -> dict[str, Any]:
    places = [place / str(number) for number in range(peers + 1)]
    for folder in places:
        folder.mkdir()
    bare = [fill(folder, records) for folder in places[1:]][-1]
    with ExitStack() as stack:
        serving = []
        for number, folder in enumerate(places[1:], start=1):
            serving.append(stack.enter_context(closing(Child(str(folder), str(number), "", "0"))))
        addresses = [child.read()["addresses"][0] for child in serving]
        before = [child.ask() for child in serving]
        fresh = stack.enter_context(closing(Child(str(places[0]), "0", ",".join(addresses), str(records))))
        fresh.read()
        found = fresh.read()
        after = [child.ask() for child in serving]
    us = 1e6 * found["seconds"] / found["records"]
    sent = sum(late["sent"] - early["sent"] for early, late in zip(before, after, strict=True))
    served = sum(late["cpu"] - early["cpu"] for early, late in zip(before, after, strict=True))
    ratio, part = us / bare["bare_us"], sent / bare["bytes"]
    return {
        "value": ratio, "unit": "of the bare time to verify", "peer": None, "ratio": ratio,
        "records": records, "peers": peers, "cores": os.cpu_count(), "us_a_record": us,
        "bare_us_a_record": bare["bare_us"], "cpu_us_a_record": 1e6 * found["cpu"] / found["records"],
        "peers_cpu_us_a_record": 1e6 * served / records, "bytes_of_raw": part,
        "met": ratio <= 1.15 and part <= 0.55,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--records", type=int)
    parser.add_argument("--peers", type=int, default=1)
    parser.add_argument("--node", nargs=4, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.node:
        place, number, bootstrap, wanted = words.node
        Sent.watch()
        peers = tuple(islice(filter(None, bootstrap.split(",")), 8))
        trio.run(node, Path(place), int(number), peers, int(wanted))
        return
    with tempfile.TemporaryDirectory() as place:
        found = measure(Path(place), words.records or (5_000 if words.quick else 100_000), words.peers)
    print(f"K4: {json.dumps(found)}")
    if words.json:
        print(json.dumps({"K4": found}))


if __name__ == "__main__":
    main()
