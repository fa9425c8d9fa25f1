"""Real libp2p swarms of separate processes on one machine: propagation, loss, CPU (goals N1, N6).

    python bench/gossip.py [--quick] [--json]

Every process is one node (bench/gossip_node.py): real TCP, noise, yamux and GossipSub over loopback, the set
in memory, signatures not checked. N1 publishes one record at a time; latency is from its making to each other
node's set. Its CPU is compared with bare hosts that pass the same messages with nothing of ours around them.
N6 has all nodes publish at a fixed total rate, then one node a burst.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class Node:
    """A node process and its two pipes."""

    def __init__(self, seed: int, bootstrap: list[str], *, bare: bool = False) -> None:
        options = {"seed": seed, "bootstrap": bootstrap, "bare": bare}
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(ROOT / "bench" / "gossip_node.py"), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.address = str(self._line()["addresses"][0])

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    @property
    def cpu(self) -> float:
        return float(self.ask(cpu=True)["cpu"])


@contextlib.contextmanager
def swarm(count: int) -> Iterator[list[Node]]:
    nodes = [Node(1, [])]
    try:
        nodes += [Node(seed, [nodes[0].address]) for seed in range(2, count + 1)]
        want = min(5, count - 1)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            states = [node.ask(state=True)["statistics"] for node in nodes]
            if all(state["peers"] >= want and state["mesh"] >= min(4, want) for state in states):
                break
            time.sleep(0.2)
        yield nodes
    finally:
        for node in nodes:
            node.process.kill()
            node.process.wait()


def settle(nodes: list[Node], size: int, seconds: float) -> list[dict[str, Any]]:
    """Wait until every node has `size` records."""
    deadline = time.monotonic() + seconds
    while True:
        states = [node.ask(state=True) for node in nodes]
        if all(state["size"] >= size for state in states) or time.monotonic() > deadline:
            return states
        time.sleep(0.1)


def gather(nodes: list[Node]) -> list[float]:
    return [latency for node in nodes for latency in node.ask(latencies=True)["latencies"]]


def propagation(count: int, messages: int) -> dict[str, Any]:
    """One record at a time, from nodes in turn, on a quiet swarm."""
    with swarm(count) as nodes:
        time.sleep(2.0)
        gather(nodes)
        before = sum(node.cpu for node in nodes)
        for index in range(messages):
            nodes[index % count].ask(publish=1)
            time.sleep(0.3)
        states = settle(nodes, messages, 20.0)
        spent = sum(node.cpu for node in nodes) - before
        latencies = gather(nodes)
        return {
            "nodes": count,
            "delivered": sum(s["size"] for s in states) / (messages * count),
            "p50_ms": 1e3 * median(latencies),
            "p99_ms": 1e3 * quantiles(latencies, n=100)[98],
            "cpu_ms_per_delivery": 1e3 * spent / len(latencies),
            "one_digest": len({s["digest"] for s in states}) == 1,
        }


def sustained(count: int, rate: int, seconds: float) -> dict[str, Any]:
    """All nodes publish, `rate` records a second in total, in steps of a tenth of a second."""
    with swarm(count) as nodes:
        time.sleep(2.0)
        gather(nodes)
        before = sum(node.cpu for node in nodes)
        each = max(1, rate // count // 10)
        started = time.monotonic()
        for step in range(int(seconds * 10)):
            for node in nodes:
                node.ask(publish=each)
            time.sleep(max(0.0, started + (step + 1) / 10 - time.monotonic()))
        took = time.monotonic() - started
        made = each * count * int(seconds * 10)
        states = settle(nodes, made, 30.0)
        spent = sum(node.cpu for node in nodes) - before
        latencies = gather(nodes)
        pushed = sum(s["statistics"]["delivered_records"] for s in states)
        return {
            "nodes": count,
            "rate": made / took,
            "delivered": sum(s["size"] for s in states) / (made * count),
            "by_push": pushed / (made * (count - 1)),
            "p50_ms": 1e3 * median(latencies),
            "p99_ms": 1e3 * quantiles(latencies, n=100)[98],
            "cpu_ms_per_delivery": 1e3 * spent / len(latencies),
            "cores": spent / took,
            "one_digest": len({s["digest"] for s in states}) == 1,
        }


def burst(count: int, records: int) -> dict[str, Any]:
    """One node publishes everything at once."""
    with swarm(count) as nodes:
        time.sleep(2.0)
        started = time.monotonic()
        nodes[0].ask(publish=records)
        states = settle(nodes, records, 60.0)
        return {
            "nodes": count,
            "records": records,
            "seconds": time.monotonic() - started,
            "delivered": sum(s["size"] for s in states) / (records * count),
            "refused": [s["statistics"]["refused"] for s in states if s["statistics"]["refused"]],
            "one_digest": len({s["digest"] for s in states}) == 1,
        }


def echo(count: int, bare: bool, seconds: float) -> float:
    """CPU per delivered message, in ms, at four single-record messages a second and node."""
    with contextlib.ExitStack() as stack:
        if bare:
            nodes: list[Node] = []
            stack.callback(lambda: [(n.process.kill(), n.process.wait()) for n in nodes])
            for seed in range(1, count + 1):
                nodes.append(Node(seed, [node.address for node in nodes], bare=True))
        else:
            nodes = stack.enter_context(swarm(count))
        time.sleep(2.0)
        before = sum(node.cpu for node in nodes)
        started, steps = time.monotonic(), int(4 * seconds)
        for step in range(steps):
            for node in nodes:
                node.ask(publish=1)
            time.sleep(max(0.0, started + (step + 1) / 4 - time.monotonic()))
        time.sleep(0.5)
        return 1e3 * (sum(node.cpu for node in nodes) - before) / (steps * count * (count - 1))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="five nodes and shorter")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    quiet = [
        propagation(n, 20 if arguments.quick else 60) for n in ((5,) if arguments.quick else (5, 12, 25))
    ]
    for row in quiet:
        print("one at a time:", {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
    seconds = 5.0 if arguments.quick else 15.0
    ours, bare = echo(5, False, seconds), echo(5, True, seconds)
    print(f"CPU per delivered message: {ours:.2f} ms, bare GossipSub {bare:.2f} ms, {ours / bare:.2f} times")
    busy = sustained(
        5 if arguments.quick else 8, 400 if arguments.quick else 1000, 5 if arguments.quick else 15
    )
    print("sustained:", {k: round(v, 3) if isinstance(v, float) else v for k, v in busy.items()})
    flood = burst(5 if arguments.quick else 8, 2_000 if arguments.quick else 10_000)
    print("burst:", {k: round(v, 3) if isinstance(v, float) else v for k, v in flood.items()})
    if arguments.json:
        print(json.dumps(goals(quiet, ours / bare, busy, flood)))


def goals(
    quiet: list[dict[str, Any]], cost: float, busy: dict[str, Any], flood: dict[str, Any]
) -> dict[str, Any]:
    worst = max(row["p50_ms"] for row in quiet)
    whole = all(row["delivered"] == 1.0 and row["one_digest"] for row in [*quiet, busy, flood])
    return {
        "N1": {
            "value": round(worst, 1),
            "peer": 15.0,
            "ratio": round(worst / 15.0, 2),
            "cpu_against_bare": round(cost, 2),
            "met": worst < 100 and cost < 1.2 and all(row["delivered"] == 1.0 for row in quiet),
        },
        "N6": {
            "value": round(busy["p99_ms"], 1),
            "rate": round(busy["rate"]),
            "peer": 144,
            "ratio": round(busy["rate"] / 144, 2),
            "met": busy["rate"] >= 990 and busy["p99_ms"] < 1000 and whole,
        },
    }


if __name__ == "__main__":
    main()
