"""Simulated swarms: how fast the simulator is, and how well push and sync do at 660 to 10,000 nodes (N2, N3).

    python bench/simulate.py [--quick] [--json]

The ideal is a flood without loss over the same links: the shortest path from the maker to each node, by
Dijkstra. Bytes are counted per node and payload byte; 1.0 would be every node getting every record once.
Seconds are CPU seconds of the one process, since the machine may be shared.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # else bench/gossip.py is found as `gossip`

from gossip.memory import synthetic
from gossip.sim.nodes import Archive
from gossip.sim.settings import Settings
from gossip.sim.simulation import Simulation

FAMOUS_NODES, FAMOUS_RECORDS = 660, 27_247
"""The size of the swarm that announced Kaiming initialization."""


def archive(count: int, size: int = 500) -> Archive:
    return Archive([synthetic(f"r{i}", i, size) for i in range(count)], list(range(count)))


def ideal_t99(simulation: Simulation, maker: int) -> float:
    rows, columns, latencies = [], [], []
    for left, node in enumerate(simulation.nodes):
        for right, latency in node.links:
            rows.append(left)
            columns.append(right)
            latencies.append(latency)
    count = len(simulation.nodes)
    graph = coo_array((latencies, (rows, columns)), shape=(count, count)).tocsr()
    reached = dijkstra(graph, indices=maker)
    return float(np.quantile(reached[np.isfinite(reached)], 0.99))


def push(nodes: int, degree: int, loss: float = 0.0) -> dict[str, float]:
    """One batch of ten records through a swarm, push alone."""
    records = archive(10)
    simulation = Simulation(Settings(nodes, seed=7, degree=degree, loss=loss), records)
    simulation.publish(0.0, 0, range(10))
    tally = simulation.run(60.0)
    payload = sum(map(len, records.envelopes))
    t99 = quantiles(tally.arrivals, n=100)[98]
    return {
        "t99": t99,
        "ratio": t99 / ideal_t99(simulation, 0),
        "coverage": simulation.coverage(range(10)),
        "copies": tally.copies / nodes,
        "bytes": tally.push_bytes / nodes / payload,
        "hops": float(max(tally.hops)),
    }


def repair(nodes: int) -> dict[str, float]:
    """Push with a fifth of the copies lost and a third of the nodes silent, then rounds of sync."""
    records = archive(20)
    simulation = Simulation(
        Settings(nodes, seed=11, degree=6, loss=0.2, silent=0.33, sync_seconds=4.0, symbols=128), records
    )
    for index in range(20):
        simulation.publish(0.0, simulation_honest(simulation, index), [index])
    simulation.run(1.0)
    pushed, rounds = simulation.coverage(range(20)), 0
    while simulation.coverage(range(20)) < 1.0 and rounds < 20:
        rounds += 1
        simulation.run(1.0 + 4.0 * rounds)
    return {"pushed": pushed, "rounds": rounds, "coverage": simulation.coverage(range(20))}


def simulation_honest(simulation: Simulation, start: int) -> int:
    return next(i for i in range(start * 3, len(simulation.nodes)) if not simulation.nodes[i].silent)


def speed(nodes: int) -> dict[str, Any]:
    """Events per second at a steady stream of records, and whether the run repeats."""
    runs = []
    for _ in range(2):
        simulation = Simulation(Settings(nodes, seed=3, degree=6), archive(40))
        for index in range(40):
            simulation.publish(0.2 * index, index, [index])
        started = time.process_time()
        tally = simulation.run(60.0)
        runs.append((tally.events / (time.process_time() - started), tally.events, simulation.digest()))
    return {"events": runs[0][1], "per_second": max(r[0] for r in runs), "same": runs[0][2] == runs[1][2]}


def famous() -> dict[str, Any]:
    """660 nodes make 27,247 records in batches of about twenty over half an hour, with sync on."""
    started = time.process_time()
    records = archive(FAMOUS_RECORDS, 300)
    built = time.process_time() - started
    settings = Settings(FAMOUS_NODES, seed=5, degree=6, loss=0.02, sync_seconds=120.0, symbols=256)
    simulation = Simulation(settings, records)
    for batch, first in enumerate(range(0, FAMOUS_RECORDS, 20)):
        numbers = range(first, min(first + 20, FAMOUS_RECORDS))
        simulation.publish(1.3 * batch, batch * 7 % FAMOUS_NODES, numbers)
    started = time.process_time()
    tally = simulation.run(2100.0)
    return {
        "build_seconds": built,
        "seconds": time.process_time() - started,
        "events": tally.events,
        "coverage": simulation.coverage(range(FAMOUS_RECORDS)),
        "sessions": tally.sessions,
        "digest": simulation.digest()[:16],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="smaller swarms, no replay of the famous one")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sizes = (1000,) if arguments.quick else (1000, 10_000)
    print("push alone, one batch of ten records of 500 B")
    curve = {}
    for nodes in sizes:
        for degree in (2, 3, 4, 6, 8):
            row = curve[nodes, degree] = push(nodes, degree)
            print(
                f"  {nodes:6} nodes, degree {degree}: "
                f"t99 {1e3 * row['t99']:.0f} ms = {row['ratio']:.2f}x ideal, {row['copies']:.2f} copies "
                f"a node ({row['bytes']:.2f} B per payload byte, compressed), "
                f"{row['hops']:.0f} hops, coverage {100 * row['coverage']:.2f} %"
            )
    repairs = {}
    for nodes in sizes:
        row = repairs[nodes] = repair(nodes)
        print(
            f"  {nodes:6} nodes, 20 % lost, 33 % silent: "
            f"push reaches {100 * row['pushed']:.2f} %, "
            f"{row['rounds']} rounds of sync to {100 * row['coverage']:.2f} %"
        )
    fast = speed(2000 if arguments.quick else 10_000)
    print(f"  speed: {fast['per_second']:,.0f} events/s ({fast['events']:,} events), repeats: {fast['same']}")
    replay = None if arguments.quick else famous()
    if replay is not None:
        print(f"  660 nodes, 27,247 records: {replay}")
    if arguments.json:
        print(json.dumps(goals(sizes, curve, repairs, fast, replay)))


def goals(sizes: tuple[int, ...], curve: Any, repairs: Any, fast: Any, replay: Any) -> dict[str, Any]:
    worst = max(curve[nodes, 6]["ratio"] for nodes in sizes)
    rounds = max(repairs[nodes]["rounds"] for nodes in sizes)
    return {
        "N2": {
            "value": round(worst, 3),
            "copies": round(max(curve[nodes, 6]["copies"] for nodes in sizes), 2),
            "rounds": rounds,
            "peer": 1.0,
            "ratio": round(worst, 3),
            "met": worst <= 3 and rounds <= 3,
        },
        "N3": {
            "value": round(fast["per_second"]),
            "replay_seconds": None
            if replay is None
            else round(replay["seconds"] + replay["build_seconds"], 1),
            "peer": 200_000,
            "ratio": round(fast["per_second"] / 200_000, 2),
            "met": fast["per_second"] >= 200_000
            and fast["same"]
            and (replay is None or replay["seconds"] + replay["build_seconds"] < 300),
        },
    }


if __name__ == "__main__":
    main()
