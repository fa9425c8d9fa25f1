"""Nodes on hosts of their own: network namespaces with addresses, joined, cut in two, and healed."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PREFIX = "ckl"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@dataclass
class Lan:
    """Two switches with two hosts each, and a cable between them that can be pulled."""

    hosts: tuple[str, ...] = tuple(f"{PREFIX}{i}" for i in range(4))

    def build(self) -> None:
        for bridge in range(2):
            ip("link", "add", f"{PREFIX}br{bridge}", "type", "bridge")
            ip("link", "set", f"{PREFIX}br{bridge}", "up")
        ip("link", "add", f"{PREFIX}x0", "type", "veth", "peer", "name", f"{PREFIX}x1")
        for bridge in range(2):
            ip("link", "set", f"{PREFIX}x{bridge}", "master", f"{PREFIX}br{bridge}", "up")
        for index, host in enumerate(self.hosts):
            ip("netns", "add", host)
            ip("link", "add", f"{host}v", "type", "veth", "peer", "name", "eth0", "netns", host)
            ip("link", "set", f"{host}v", "master", f"{PREFIX}br{index // 2}", "up")
            ip("-n", host, "addr", "add", f"10.77.3.{index + 1}/24", "dev", "eth0")
            ip("-n", host, "link", "set", "eth0", "up")
            ip("-n", host, "link", "set", "lo", "up")
            ip("-n", host, "route", "add", "default", "dev", "eth0")

    def cable(self, plugged: bool) -> None:
        ip("link", "set", f"{PREFIX}x0", "up" if plugged else "down")

    def tear_down(self) -> None:
        for host in self.hosts:
            subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)
        for name in (f"{PREFIX}x0", f"{PREFIX}br0", f"{PREFIX}br1", *(f"{host}v" for host in self.hosts)):
            subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)


@pytest.fixture
def lan() -> Iterator[Lan]:
    if shutil.which("ip") is None:
        pytest.skip("needs iproute2: apt-get install iproute2")
    made = Lan()
    made.tear_down()
    try:
        made.build()
    except subprocess.CalledProcessError as error:
        made.tear_down()
        pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
    yield made
    made.tear_down()


def on(host: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", host)


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
    first = spawn(1, on(lan.hosts[0]), listen=LISTEN)
    bootstrap = f"/ip4/10.77.3.1/tcp/4001/p2p/{first.peer}"
    assert bootstrap in first.addresses
    nodes = [first]
    nodes += [spawn(i + 1, on(lan.hosts[i]), listen=LISTEN, bootstrap=[bootstrap]) for i in range(1, 4)]
    wait_for(nodes, lambda states: all(s["statistics"]["peers"] == 3 for s in states), 30)
    for node in nodes:
        node.ask(publish=10)
    wait_for(nodes, lambda states: equal(states, 40), 10)

    lan.cable(plugged=False)
    for node in nodes:
        node.ask(publish=5)
    wait_for(nodes[:2], lambda states: equal(states, 50), 20)
    wait_for(nodes[2:], lambda states: equal(states, 50), 20)
    wait_for(nodes, lambda states: all(s["statistics"]["peers"] == 1 for s in states), 60)
    left, right = (nodes[i].ask(state=True)["digest"] for i in (0, 2))
    assert left != right

    lan.cable(plugged=True)
    took = wait_for(nodes, lambda states: equal(states, 60), 30)
    assert took < 15.0


def test_peers_on_a_lan_find_each_other_without_an_address(lan: Lan, spawn: Callable[..., Any]) -> None:
    nodes = [spawn(i + 1, on(host), listen=LISTEN, lan=True) for i, host in enumerate(lan.hosts)]
    wait_for(nodes, lambda states: all(s["statistics"]["peers"] >= 1 for s in states), 30)
    nodes[3].ask(publish=3)
    wait_for(nodes, lambda states: equal(states, 3), 20)
