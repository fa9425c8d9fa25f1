"""Simulated swarms: bounds on delivery, hops, bytes and rounds, under loss, partition, churn and lies."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.memory import synthetic
from gossip.sim.nodes import Archive
from gossip.sim.settings import Settings
from gossip.sim.simulation import Simulation


def archive(count: int, bad: int = 0) -> Archive:
    """`count` good records, then `bad` bad ones."""
    total = count + bad
    return Archive(
        [synthetic(f"r{i}", i, 200) for i in range(total)], list(range(total)), frozenset(range(count, total))
    )


def swarm(nodes: int, records: int, bad: int = 0, **changes: Any) -> Simulation:
    return Simulation(Settings(nodes, **changes), archive(records, bad))


@pytest.mark.parametrize("nodes", [20, 660])
def test_push_alone_reaches_all_in_few_hops_and_copies(nodes: int) -> None:
    simulation = swarm(nodes, 10)
    simulation.publish(0.0, 3, range(10))
    tally = simulation.run(10.0)
    assert simulation.coverage(range(10)) == 1.0
    assert max(tally.hops) <= 2 * math.log(nodes, 3) + 2
    assert tally.copies <= nodes * 6
    assert max(tally.arrivals) < 1.0


def test_a_burst_travels_in_batches() -> None:
    simulation = swarm(50, 500)
    simulation.publish(0.0, 0, range(500))
    tally = simulation.run(10.0)
    assert simulation.coverage(range(500)) == 1.0
    assert tally.copies <= 2 * 50 * 6, "500 records of 200 B are two batches"


@pytest.mark.parametrize(("loss", "rounds"), [(0.2, 3), (0.4, 6)])
def test_sync_repairs_what_push_lost_within_few_rounds(loss: float, rounds: int) -> None:
    simulation = swarm(300, 20, loss=loss, silent=0.33, sync_seconds=4.0, symbols=128)
    honest = [i for i, node in enumerate(simulation.nodes) if not node.silent]
    for index in range(20):
        simulation.publish(0.0, honest[index], [index])
    simulation.run(1.0)
    assert simulation.coverage(range(20)) < 1.0
    simulation.run(1.0 + rounds * 4.0 * 1.4)
    assert simulation.coverage(range(20)) == 1.0


def test_equal_sets_cost_next_to_nothing() -> None:
    simulation = swarm(50, 10, sync_seconds=4.0, symbols=128)
    simulation.publish(0.0, 0, range(10))
    simulation.run(10.0)
    before, sessions = simulation.tally.sync_bytes, simulation.tally.sessions
    tally = simulation.run(110.0)
    assert (tally.sync_bytes - before) / (tally.sessions - sessions) <= 64


def test_a_partition_heals_into_one_set() -> None:
    simulation = swarm(100, 40, sync_seconds=3.0, symbols=128)
    sides = [index % 2 for index in range(100)]
    simulation.partition(0.0, 60.0, sides)
    for index in range(40):
        simulation.publish(1.0 + index, index, [index])
    simulation.run(59.0)
    assert simulation.coverage(range(40)) < 0.6
    simulation.run(70.0)
    assert simulation.coverage(range(40)) == 1.0


def test_nodes_that_were_down_catch_up() -> None:
    simulation = swarm(60, 30, sync_seconds=3.0, symbols=128)
    for node in range(20):
        simulation.outage(node, 0.0, 30.0)
    for index in range(30):
        simulation.publish(1.0 + 0.5 * index, 20 + index, [index])
    simulation.run(29.0)
    assert simulation.coverage(range(30)) == pytest.approx(40 / 60)
    simulation.run(40.0)
    assert simulation.coverage(range(30)) == 1.0


def test_a_flood_of_lies_is_passed_on_a_few_times_and_then_not_at_all() -> None:
    """A member that makes bad records without end is banned by whoever hears it; the rest get through."""
    simulation = swarm(100, 10, bad=400)
    for index in range(400):
        simulation.publish(0.3 * index, 0, [10 + index])
    for index in range(10):
        simulation.publish(20.0 + index, 50 + index, [index])
    tally = simulation.run(200.0)
    assert simulation.coverage(range(10)) == 1.0
    assert not any(any(node.replica.have[10:]) for node in simulation.nodes[1:])
    assert 99 <= tally.bans <= 2 * 99, "a ban or two for each who heard it; never of anyone else"
    assert tally.copies < 100 * 6 * 40, "of 400 bad batches a tenth travels"


@given(seed=st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_equal_seeds_give_equal_runs(seed: int) -> None:
    digests = set()
    for _ in range(2):
        simulation = swarm(30, 12, seed=seed, loss=0.2, silent=0.2, sync_seconds=2.0, symbols=64)
        simulation.partition(1.0, 5.0, [i % 3 for i in range(30)])
        for index in range(12):
            simulation.publish(0.5 * index, index, [index])
        simulation.run(20.0)
        digests.add(simulation.digest())
    assert len(digests) == 1


def test_other_seeds_give_other_runs() -> None:
    digests = set()
    for seed in (1, 2):
        simulation = swarm(30, 4, seed=seed)
        simulation.publish(0.0, 0, range(4))
        simulation.run(5.0)
        digests.add(simulation.digest())
    assert len(digests) == 2


@pytest.mark.slow
def test_ten_thousand_nodes() -> None:
    simulation = swarm(10_000, 3)
    simulation.publish(0.0, 0, range(3))
    tally = simulation.run(10.0)
    assert simulation.coverage(range(3)) == 1.0
    assert max(tally.hops) <= 15
    assert tally.copies <= 6 * 10_000


@pytest.mark.slow
def test_a_fresh_node_in_a_large_swarm_gets_the_whole_set_from_several_peers() -> None:
    simulation = swarm(20, 3_000, sync_seconds=3.0, symbols=512)
    simulation.outage(7, 0.0, 50.0)
    for index in range(0, 3_000, 100):
        simulation.publish(1.0 + index / 100, (index // 100) % 7, range(index, index + 100))
    simulation.run(49.0)
    assert len(simulation.nodes[7].replica) == 0
    simulation.run(75.0)
    assert simulation.coverage(range(3_000)) == 1.0
