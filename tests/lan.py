"""Hosts of their own for tests: network namespaces with addresses, on switches joined by a cable."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

import pytest

__all__ = ["Lan", "inside"]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def inside(host: str) -> tuple[str, ...]:
    """Words to put before a command that is to run on a host."""
    return ("ip", "netns", "exec", host)


@dataclass
class Lan:
    """Two switches with half of the hosts each, and a cable between them that can be pulled."""

    prefix: str
    count: int = 4

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}{i}" for i in range(self.count))

    def address(self, index: int) -> str:
        return f"10.77.3.{index + 1}"

    def build(self) -> None:
        for bridge in range(2):
            ip("link", "add", f"{self.prefix}br{bridge}", "type", "bridge")
            ip("link", "set", f"{self.prefix}br{bridge}", "up")
        ip("link", "add", f"{self.prefix}x0", "type", "veth", "peer", "name", f"{self.prefix}x1")
        for bridge in range(2):
            ip("link", "set", f"{self.prefix}x{bridge}", "master", f"{self.prefix}br{bridge}", "up")
        for index, host in enumerate(self.hosts):
            side = index // (self.count // 2)
            ip("netns", "add", host)
            ip("link", "add", f"{host}v", "type", "veth", "peer", "name", "eth0", "netns", host)
            ip("link", "set", f"{host}v", "master", f"{self.prefix}br{side}", "up")
            ip("-n", host, "addr", "add", f"{self.address(index)}/24", "dev", "eth0")
            ip("-n", host, "link", "set", "eth0", "up")
            ip("-n", host, "link", "set", "lo", "up")
            ip("-n", host, "route", "add", "default", "dev", "eth0")

    def cable(self, plugged: bool) -> None:
        ip("link", "set", f"{self.prefix}x0", "up" if plugged else "down")

    def also_on(self, index: int, side: int) -> str:
        """A second leg of a host, on another network of that side's hosts; returns its address there."""
        host, far = self.hosts[index], f"10.77.{4 + side}"
        ip("link", "add", f"{host}w", "type", "veth", "peer", "name", "eth1", "netns", host)
        ip("link", "set", f"{host}w", "master", f"{self.prefix}br{side}", "up")
        ip("-n", host, "addr", "add", f"{far}.{index + 1}/24", "dev", "eth1")
        ip("-n", host, "link", "set", "eth1", "up")
        half = self.count // 2
        for other in range(side * half, side * half + half):
            if other != index:
                ip("-n", self.hosts[other], "addr", "add", f"{far}.{other + 1}/24", "dev", "eth0")
        return f"{far}.{index + 1}"

    def tear_down(self) -> None:
        for host in self.hosts:
            subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)
        links = (f"{self.prefix}x0", f"{self.prefix}br0", f"{self.prefix}br1")
        for name in (*links, *(f"{host}{leg}" for host in self.hosts for leg in "vw")):
            subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)

    def start(self) -> None:
        """Build it, or skip the test with the reason."""
        if shutil.which("ip") is None:
            pytest.skip("needs iproute2: apt-get install iproute2")
        self.tear_down()
        try:
            self.build()
        except subprocess.CalledProcessError as error:
            self.tear_down()
            pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
