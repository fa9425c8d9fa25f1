"""Nodes on hosts of their own: network namespaces with addresses, joined, cut in two, and healed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..lan import Lan, inside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_S = 120.0
"""For what takes seconds on a quiet machine."""


@pytest.fixture
def lan() -> Iterator[Lan]:
    made = Lan("ckl")
    made.start()
    yield made
    made.tear_down()


def wait_for(nodes: list[Any], condition: Callable[[list[dict[str, Any]]], bool], seconds: float) -> float:
    """Seconds until the states of `nodes` are as wished; fails the test if they never are."""
    started = time.monotonic()
    while True:
        states = [node.ask(state=True) for node in nodes]
        if condition(states):
            return time.monotonic() - started
        assert time.monotonic() - started < seconds, [(s["size"], s["statistics"]) for s in states]
        time.sleep(0.2)


def equal(states: list[dict[str, Any]], size: int) -> bool:
    return all(s["size"] == size for s in states) and len({s["digest"] for s in states}) == 1


LISTEN = ["/ip4/0.0.0.0/tcp/4001"]


def test_a_network_that_is_cut_in_two_becomes_one_again(lan: Lan, spawn: Callable[..., Any]) -> None:
    first = spawn(1, inside(lan.hosts[0]), listen=LISTEN)
    bootstrap = f"/ip4/10.77.3.1/tcp/4001/p2p/{first.peer}"
    assert bootstrap in first.addresses
    nodes = [first]
    nodes += [spawn(i + 1, inside(lan.hosts[i]), listen=LISTEN, bootstrap=[bootstrap]) for i in range(1, 4)]
    wait_for(nodes, lambda states: all(s["statistics"]["peers"] == 3 for s in states), PATIENCE_S)
    for node in nodes:
        node.ask(publish=10)
    wait_for(nodes, lambda states: equal(states, 40), PATIENCE_S)

    lan.cable(plugged=False)
    for node in nodes:
        node.ask(publish=5)
    wait_for(nodes[:2], lambda states: equal(states, 50), PATIENCE_S)
    wait_for(nodes[2:], lambda states: equal(states, 50), PATIENCE_S)
    wait_for(nodes, lambda states: all(s["statistics"]["peers"] == 1 for s in states), PATIENCE_S)
    left, right = (nodes[i].ask(state=True)["digest"] for i in (0, 2))
    assert left != right

    lan.cable(plugged=True)
    took = wait_for(nodes, lambda states: equal(states, 60), PATIENCE_S)
    assert took < 40.0  # 5 s on a quiet machine


def test_peers_on_a_lan_find_each_other_without_an_address(lan: Lan, spawn: Callable[..., Any]) -> None:
    nodes = [spawn(i + 1, inside(host), listen=LISTEN, lan=True) for i, host in enumerate(lan.hosts)]
    wait_for(nodes, lambda states: all(s["statistics"]["peers"] >= 1 for s in states), PATIENCE_S)
    nodes[3].ask(publish=3)
    wait_for(nodes, lambda states: equal(states, 3), PATIENCE_S)


def test_a_node_that_cannot_be_called_is_reached_through_a_relay(lan: Lan, spawn: Callable[..., Any]) -> None:
    """Two networks with no way between them but a member that is in both and offers to be a relay."""
    lan.cable(plugged=False)
    far = lan.also_on(0, 1)
    middle = spawn(1, inside(lan.hosts[0]), listen=LISTEN, relay=True)
    near = f"/ip4/{lan.address(0)}/tcp/4001/p2p/{middle.peer}"
    behind = f"/ip4/{far}/tcp/4001/p2p/{middle.peer}"
    caller = spawn(2, inside(lan.hosts[1]), listen=LISTEN, bootstrap=[near])
    hidden = spawn(3, inside(lan.hosts[2]), listen=LISTEN, relays=[behind])
    ends = [caller, hidden]
    wait_for(ends, lambda states: all(s["statistics"]["peers"] == 2 for s in states), PATIENCE_S)
    circuit = f"{behind}/p2p-circuit/p2p/{hidden.peer}"
    assert circuit in hidden.ask(state=True)["addresses"]
    # GossipSub runs over the circuit, and so does sync.
    wait_for(ends, lambda states: all(s["statistics"]["mesh"] == 2 for s in states), PATIENCE_S)
    for node in ends:
        node.ask(publish=20)
    wait_for([*ends, middle], lambda states: equal(states, 40), PATIENCE_S)
    assert all(n.ask(state=True)["statistics"]["watchdog_drops"] == 0 for n in ends)
